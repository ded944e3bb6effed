"""Choosing the demos of an export, and reporting what it wrote and what it left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.folders import below_in_words, demos_below
from vpt_gym.demos.files.names import (
    PARTIAL_SUFFIX,
    REJECTED,
    DemoError,
    checked_directory,
    files_of,
    find_demos,
    list_demos,
)
from vpt_gym.frames import Frame, FrameKey, checked_key, checked_size, to_size


@dataclass(frozen=True)
class LeftOut:
    """The demos of a directory that an export left out.

    Attributes:
        partial: Number of unfinished recordings.
        rejected: Number of demos that were marked as bad.
        filtered: Number of demos for which ``keep`` returned False.
        damaged: (id, problem) of each damaged demo.
    """

    partial: int = 0
    rejected: int = 0
    filtered: int = 0
    damaged: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.partial or self.rejected or self.filtered or self.damaged)

    def __str__(self) -> str:
        counts = {
            "not finished": self.partial,
            "rejected": self.rejected,
            "filtered out": self.filtered,
            "damaged": len(self.damaged),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"


@dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Attributes:
        target: The file or directory that was written.
        episodes: Number of episodes written.
        ticks: Number of ticks in them.
        left_out: The demos that were not written.
        notes: Further information, one sentence each.
    """

    target: Path
    episodes: int
    ticks: int
    left_out: LeftOut
    notes: tuple[str, ...] = ()


class DemoSelection:
    """The intact demos of a directory, for an export. Iteration reads each again and keeps none in memory.

    Args:
        directory: The directory of demos.
        keep: Called with each demo, which is left out if it returns False. Default: keep all.

    Attributes:
        frame_sizes: The different sizes of their frames, (height, width).
        environments: The different environments, (id, arguments), that they were recorded in; None if unknown.
        step_limits: Their different limits of steps; None if there is none.
        frame_keys: The different keys that their frames had in the observations; None if none was chosen.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: It has no intact demo, or none that ``keep`` accepts.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: Callable[[Demo], bool | None] | None = None) -> None:
        folder = checked_directory(directory)
        self._paths: list[Path] = []
        self._damaged: dict[str, str] = {}
        self._filtered = 0
        self.frame_sizes: set[tuple[int, int]] = set()
        self.environments: list[tuple[str, dict[str, Any]] | None] = []
        self.step_limits: set[int | None] = set()
        self.frame_keys: set[FrameKey | None] = set()
        for path in list_demos(folder):
            try:
                demo = read_demo(path)
            except DemoError as error:
                self._damaged[files_of(path).id] = str(error)
                continue
            if keep is not None and not keep(demo):
                self._filtered += 1
                continue
            self._paths.append(path)
            self.frame_sizes.add(demo.frame_size)
            environment = _environment_of(demo)
            if environment not in self.environments:
                self.environments.append(environment)
            limit = demo.metadata.get("max_episode_steps")
            self.step_limits.add(limit if isinstance(limit, int) and limit > 0 else None)
            self.frame_keys.add(_frame_key_of(demo))
        finished = {files_of(path).id for path in list_demos(folder)}
        self._partial = sum(
            demo_id not in finished and any(suffix.endswith(PARTIAL_SUFFIX) for suffix in suffixes)
            for demo_id, suffixes in find_demos(folder).items()
        )
        self._rejected = len(list_demos(folder / REJECTED)) if (folder / REJECTED).is_dir() else 0
        if not self._paths:
            below = below_in_words(demos_below(folder))
            raise ValueError(
                f"there is no demo to export in {folder} (left out: {self.left_out})" + (f"; {below}" if below else "")
            )

    @property
    def ids(self) -> list[str]:
        """The ids of the demos that will be yielded."""
        return [files_of(path).id for path in self._paths]

    @property
    def left_out(self) -> LeftOut:
        """The demos that are not exported."""
        return LeftOut(self._partial, self._rejected, self._filtered, tuple(sorted(self._damaged.items())))

    def __iter__(self) -> Iterator[Demo]:
        for path in self._paths:
            try:
                yield read_demo(path)
            except DemoError as error:  # damaged since the first reading
                self._damaged[files_of(path).id] = str(error)

    def leave_out(self, demo: Demo, error: DemoError) -> None:
        """Counts a demo as damaged, after its video could not be decoded."""
        self._damaged[demo.id] = str(error)


def sized_frames(demo: Demo, size: tuple[int, int] | None) -> Iterator[Frame]:
    """Yields the frames of a demo, uint8 (H, W, 3), scaled to ``size``; None keeps the recorded size.

    Raises:
        DemoError: The video cannot be decoded.
    """
    for frame in demo.frames():
        yield frame if size is None else to_size(frame, size)


def check_size(size: tuple[int, int] | None) -> None:
    """Raises a ``ValueError`` unless ``size`` is None or (height, width), both positive."""
    if size is not None:
        checked_size(size)


def has_labels(demo: Demo) -> bool:
    """Whether the label differs from the executed action in any tick."""
    return any(not np.array_equal(demo.actions[name], demo.executed[name]) for name in (*BUTTONS, "camera"))


def exported_metadata(demo: Demo) -> dict[str, Any]:
    """Returns the metadata of a demo as JSON values, for an export that ``DemoImporter.write`` can read."""
    return {"id": demo.id, **demo.metadata}


def _frame_key_of(demo: Demo) -> FrameKey | None:
    try:
        return checked_key(demo.metadata.get("frame_key"))
    except (TypeError, ValueError):  # of another program: it chooses nothing here
        return None


def _environment_of(demo: Demo) -> tuple[str, dict[str, Any]] | None:
    env_id, kwargs = demo.metadata.get("env_id"), demo.metadata.get("env_kwargs") or {}
    return (env_id, kwargs) if isinstance(env_id, str) and isinstance(kwargs, dict) else None
