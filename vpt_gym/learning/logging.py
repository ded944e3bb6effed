"""Metrics in a file, one JSON line per entry."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import parse_json

Metric = float | int | str


class MetricLogger:
    """Appends metrics to a file, entry by entry. A killed run loses at most the last line.

    Args:
        path: The ``.jsonl`` file; its folder is made.
        resume: Append to an existing file.

    Raises:
        FileExistsError: The file exists, and ``resume`` is False: no run deletes the metrics of another.
    """

    @checks_flags
    def __init__(self, path: str | Path, *, resume: bool = False) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not resume:
            raise FileExistsError(f"{self.path} has the metrics of another run: choose another directory")
        self._file = self.path.open("a", encoding="utf-8")

    def log(self, **metrics: Metric) -> None:
        """Appends one entry and flushes it.

        Raises:
            ValueError: A metric is NaN or infinite, which JSON cannot express; leave it out.
        """
        self._file.write(json.dumps(metrics, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> MetricLogger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Returns the entries that a ``MetricLogger`` wrote. An incomplete last line, left by a kill, is skipped.

    Raises:
        ValueError: A line is damaged.
    """
    entries = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            continue
        try:
            entry = parse_json(line)
            if not isinstance(entry, dict):
                raise ValueError("it is not an object")
        except ValueError as error:
            raise ValueError(f"{path}, line {number} is damaged ({error}); delete the line") from error
        entries.append(entry)
    return entries
