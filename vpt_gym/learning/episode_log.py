"""The results of single episodes in a file, so that an evaluation that was stopped plays only what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from vpt_gym.collect.rollouts import Episode
from vpt_gym.learning.runs.directory import RunError
from vpt_gym.system.json_text import as_read, parse_json

_RESULT = {field.name for field in fields(Episode)}


class EpisodeLog:
    """A file with one JSON object for each episode: the settings that it was played with, and its result.

    A killed process loses at most the line that it was writing, which is removed when the file is opened again.

    Args:
        path: The ``.jsonl`` file; its folder must exist.

    Raises:
        RunError: A line is damaged, other than an incomplete last one; a ``ValueError``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        complete = content[: content.rfind(b"\n") + 1]
        self._lines: list[dict[str, Any]] = []
        for number, line in enumerate(complete.splitlines(), 1):
            try:
                entry = parse_json(line)
                if not isinstance(entry, dict) or not entry.keys() >= _RESULT or type(entry["seed"]) is not int:
                    raise ValueError("it is not the result of an episode")
            except ValueError as error:
                raise RunError(f"{path}, line {number} is damaged ({error}); delete the line") from error
            self._lines.append(entry)
        self._file = path.open("ab")
        self._file.truncate(len(complete))

    def finished(self, settings: Mapping[str, Any]) -> dict[int, Episode]:
        """Returns the episodes that were played with exactly these settings, by the seed of their world."""
        wanted = as_read(settings)
        return {
            entry["seed"]: Episode(**{name: entry[name] for name in _RESULT})
            for entry in self._lines
            if {name: value for name, value in entry.items() if name not in _RESULT} == wanted
        }

    def append(self, settings: Mapping[str, Any], episode: Episode) -> None:
        """Adds the result of an episode. Settings are values of JSON, and have no name of ``Episode``'s attributes."""
        line = json.dumps({**settings, **asdict(episode)}, allow_nan=False)
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        self._lines.append(json.loads(line))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
