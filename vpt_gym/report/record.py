"""Reads the directory of a run as far as it can be read, with a note about each part that is missing or damaged."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from vpt_gym.learning.runs.directory import DESCRIPTION, METRICS, RESULTS
from vpt_gym.system.json_text import parse_json

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".mp4": "video/mp4"}
"""Suffixes of the pictures and videos that a report shows."""


_LARGEST = int(sys.float_info.max)


class Point(NamedTuple):
    """One value of a metric."""

    step: float
    seconds: float | None
    """Seconds since the run began; None if the entry does not say."""
    value: float


@dataclass(frozen=True)
class RunRecord:
    """What a run left in its directory.

    Attributes:
        directory: The directory.
        label: A name that no other run of the report has.
        about: The content of ``run.json``, an empty dict if it is damaged.
        results: The content of ``results.json``, an empty dict if there is none.
        curves: The points of each metric, by its name, in the order of the steps.
        media: The pictures and videos in the directory, without its subdirectories.
        notes: What is missing or damaged, one sentence each.
    """

    directory: Path
    label: str
    about: Mapping[str, Any]
    results: Mapping[str, Any]
    curves: Mapping[str, Sequence[Point]]
    media: Sequence[Path]
    notes: Sequence[str] = field(default=())

    def said(self, name: str) -> str:
        """Returns a text of ``run.json``, empty if it has none of this name."""
        value = self.about.get(name)
        return "" if value is None or isinstance(value, dict | list) else str(value)

    @property
    def settings(self) -> dict[str, str]:
        """The arguments, the git commit and the machine, by dotted name, as text.

        Without ``run.*``, which says where the run wrote.
        """
        parts = {"": self.about.get("args"), "git": self.about.get("git"), "machine": self.about.get("machine")}
        leaves = {name: as_text(value) for prefix, part in parts.items() for name, value in flat(part, prefix).items()}
        return {name: value for name, value in leaves.items() if not name.startswith("run.")}

    @property
    def seconds(self) -> float | None:
        """The wall time of the run: what it says itself or, if it has not finished, the time of its last metrics."""
        whole = self.about.get("seconds")
        if is_number(whole) and math.isfinite(whole):
            return float(whole)
        return max(
            (p.seconds for points in self.curves.values() for p in points if p.seconds is not None), default=None
        )


def read_runs(directories: Sequence[Path]) -> list[RunRecord]:
    """Reads runs in the given order.

    Raises:
        FileNotFoundError: A directory does not exist, or is not that of a run.
        ValueError: There are no directories, or one is given twice.
    """
    if not directories:
        raise ValueError("no run to report; name the directory of at least one, for example runs/bc/*")
    resolved = [directory.resolve() for directory in directories]
    for number, directory in enumerate(directories):
        if resolved[number] in resolved[:number]:
            raise ValueError(f"{directory} is given twice; name each run once")
    names = [directory.name for directory in resolved]
    labels = [
        name if names.count(name) == 1 else str(directory) for name, directory in zip(names, directories, strict=True)
    ]
    return [_read_run(directory, label) for directory, label in zip(directories, labels, strict=True)]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested dicts by dotted name: ``{"a": {"b": 1}}`` gives ``{"a.b": 1}``."""
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    leaves: dict[str, Any] = {}
    for name, inner in value.items():
        leaves.update(flat(inner, f"{prefix}.{name}" if prefix else str(name)))
    return leaves


def as_text(value: Any) -> str:
    """Returns a value of JSON as a person reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_run(directory: Path, label: str) -> RunRecord:
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"there is no directory {directory}; name the directory of a run")
    if not (directory / DESCRIPTION).is_file():
        below = sorted(path.parent.name for path in directory.glob(f"*/{DESCRIPTION}"))
        remedy = (
            f"it holds the runs {', '.join(below[:3])}{', ...' if len(below) > 3 else ''}: name {directory}/*"
            if below
            else "a run that an older version wrote has none and cannot be reported: run its script again"
        )
        raise FileNotFoundError(f"{directory} is not the directory of a run, since it has no {DESCRIPTION}; {remedy}")
    notes: list[str] = []
    about = _read_object(directory / DESCRIPTION, notes)
    results = _read_object(directory / RESULTS, notes) if (directory / RESULTS).exists() else {}
    curves = _read_curves(directory / METRICS, notes)
    state = str(about.get("state"))
    if state != "finished":
        notes.insert(0, _unfinished(directory, state))
    elif not (directory / RESULTS).exists():
        notes.append(f"There are no results ({RESULTS}).")
    media = sorted(path for path in directory.iterdir() if path.suffix.lower() in MEDIA_TYPES and path.is_file())
    return RunRecord(directory, label, about, results, curves, media, notes)


def _unfinished(directory: Path, state: str) -> str:
    if state == "interrupted":
        return "The run was interrupted; --resume continues it."
    if state.startswith("failed"):
        return f"The run {state}"
    newest = max(path.stat().st_mtime for path in directory.glob("*.json*"))
    when = datetime.fromtimestamp(newest).astimezone().isoformat(" ", "seconds")
    return f"The run has not finished: it still runs, or it was killed. Its files were last written at {when}."


def _read_object(path: Path, notes: list[str]) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        problem = "it is not a JSON object"
    except (OSError, ValueError) as error:
        problem = str(error)
    notes.append(f"{path.name} cannot be read: {problem}.")
    return {}


def _read_curves(path: Path, notes: list[str]) -> dict[str, list[Point]]:
    """Returns the points of each metric. Where a resumed run repeats a step, the later entry counts."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        notes.append(f"There are no metrics ({METRICS}).")
        return {}
    except OSError as error:
        notes.append(f"{path.name} cannot be read: {error}.")
        return {}
    by_step: dict[str, dict[float, Point]] = {}
    damaged, not_finite = [], set()
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is not None:
            for name, point in _points(entry):
                if math.isfinite(point.value):
                    by_step.setdefault(name, {})[point.step] = point
                else:
                    not_finite.add(name)
        elif number == len(lines) and not line.endswith("\n"):
            notes.append(f"The last line of {path.name} is cut off; it is left out.")
        else:
            damaged.append(number)
    if damaged:
        listed = ", ".join(map(str, damaged[:5])) + (", ..." if len(damaged) > 5 else "")
        notes.append(f"{path.name} has damaged lines, which are left out: {listed}.")
    if not_finite:
        notes.append(f"Values that are not finite are left out: {', '.join(sorted(not_finite))}.")
    return {name: sorted(points.values()) for name, points in sorted(by_step.items())}


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = parse_json(line)
    except ValueError:
        return None
    complete = isinstance(entry, dict) and is_number(entry.get("step")) and math.isfinite(entry["step"])
    return entry if complete else None


def _points(entry: Mapping[str, Any]) -> Iterator[tuple[str, Point]]:
    time = entry.get("seconds")
    seconds = float(time) if is_number(time) and math.isfinite(time) else None
    for name, value in entry.items():
        if name not in ("step", "seconds") and is_number(value):
            yield name, Point(float(entry["step"]), seconds, float(value))


def is_number(value: Any) -> TypeGuard[int | float]:
    """Returns whether a value of JSON is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) <= _LARGEST
