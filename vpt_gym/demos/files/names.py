"""The files of a demo on disk: their names, and reading their metadata and records.

A demo is three files in one directory, in the OpenAI contractor layout plus metadata::

    <id>.mp4     the video, 20 fps H.264; frame t was seen before action t
    <id>.jsonl   one record per tick (``vpt_gym.demos.files.records``)
    <id>.json    metadata: env, seed, versions, success, return, ticks, format version

While a demo is being recorded, every name ends in ``.partial``. The ``.json`` marks a demo as finished: it gets its
final name last. OpenAI's own recordings have only the first two files (see ``vpt_gym.demos.files.contractor``).
"""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vpt_gym.demos.files.records import Record

FORMAT = "vpt_gym.demo"
FORMAT_VERSION = 1
CONTRACTOR_FORMAT = "contractor"
"""``metadata["format"]`` of a demo without an ``<id>.json``: one of OpenAI's recordings."""
OPTIONS_SUFFIX = "-options.json"
"""Suffix of the file of game settings that OpenAI publishes with each recording."""
PARTIAL_SUFFIX = ".partial"
REJECTED = "rejected"
"""Name of the subdirectory that ``vpt-gym view`` and ``vpt-gym play`` move rejected demos to."""

REMEDY_RESTORE = "restore the file from a copy, or delete the demo"
REPAIR_COMMAND = "`vpt-gym demos repair DIR`"
EXPECTED_FILES = "a demo is <id>.mp4, <id>.jsonl and <id>.json, a contractor recording the first two"
REMEDY_REPAIR = f"repair it with {REPAIR_COMMAND}"
REMEDY_RESTORE_OR_REPAIR = f"restore the file from a copy, or cut off the damaged part with {REPAIR_COMMAND}"


class DemoError(ValueError):
    """A demo's files are damaged or missing.

    Attributes:
        problem: What is wrong, with the name of the file.
        remedy: What to do about it.
        repairable: Whether ``vpt_gym.demos.repair`` fixes it.
    """

    def __init__(self, problem: str, remedy: str, *, repairable: bool = False) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.repairable = repairable


@dataclass(frozen=True)
class DemoFiles:
    """The paths of one demo's files.

    Attributes:
        directory: The directory that holds them.
        id: The demo's id, which is the stem of the file names.
    """

    directory: Path
    id: str

    @property
    def video(self) -> Path:
        """The finished video."""
        return self.directory / f"{self.id}.mp4"

    @property
    def records(self) -> Path:
        """The finished records."""
        return self.directory / f"{self.id}.jsonl"

    @property
    def metadata(self) -> Path:
        """The finished metadata."""
        return self.directory / f"{self.id}.json"

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """The finished files, in the order in which they get their final names."""
        return self.video, self.records, self.metadata


def partial(path: Path) -> Path:
    """Returns the name of a file while its demo is being recorded."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def new_id() -> str:
    """Returns an id that is unique across processes. Ids sort by the start time of their episodes (UTC)."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:8]}"


def existing_directory(directory: str | os.PathLike[str]) -> Path:
    """Returns the path of a directory of demos, or raises a ``FileNotFoundError`` if there is no such directory."""
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a directory of demos; record some with vpt_gym.RecorderWrapper")
    return folder


def list_demos(directory: str | os.PathLike[str], *, lone_videos: bool = False) -> list[Path]:
    """Returns one file of each finished demo in a directory: ``<id>.json``, or ``<id>.jsonl`` without one.

    The result is sorted by id; the ids of recorded demos sort by the start time of their episodes.

    Args:
        directory: The directory.
        lone_videos: Whether to include an ``<id>.mp4`` whose records are missing.

    Raises:
        FileNotFoundError: There is no such directory.
    """
    folder = existing_directory(directory)
    found = {files_of(path).id: path for path in folder.glob("*.mp4")} if lone_videos else {}
    found |= {files_of(path).id: path for path in folder.glob("*.jsonl")}
    for path in list(found.values()):
        if any(partial(piece).exists() for piece in files_of(path).all):
            del found[files_of(path).id]
    found |= {files_of(path).id: path for path in folder.glob("*.json") if not path.name.endswith(OPTIONS_SUFFIX)}
    return [found[demo_id] for demo_id in sorted(found)]


def files_of(path: str | os.PathLike[str]) -> DemoFiles:
    """Returns the files of a demo, given one of them, finished or partial, or their common stem."""
    given = Path(path)
    name = given.name.removesuffix(PARTIAL_SUFFIX)
    for suffix in (".mp4", ".jsonl", ".json"):
        name = name.removesuffix(suffix)
    return DemoFiles(given.parent, name)


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata in ``<id>.json``.

    Raises:
        DemoError: The file is not a demo's metadata, or has a format version that this package cannot read.
    """
    try:
        metadata = json.loads(path.read_bytes())  # in any Unicode encoding, with or without a byte order mark
    except (OSError, ValueError) as error:
        raise DemoError(f"{path}: cannot be read as JSON ({error})", REMEDY_RESTORE) from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise DemoError(f'{path} is not a demo\'s metadata: it lacks "format": "{FORMAT}"', REMEDY_RESTORE)
    if metadata.get("format_version") != FORMAT_VERSION:
        raise DemoError(
            f"{path} has format version {metadata.get('format_version')!r}, this vpt-gym reads {FORMAT_VERSION}",
            "update vpt-gym",
        )
    missing = [key for key in ("ticks", "frame_size", "success") if key not in metadata]
    if missing:
        raise DemoError(f"{path} lacks {missing}", REMEDY_RESTORE)
    return metadata


def read_records(path: Path) -> list[Record]:
    """Returns the records of a ``.jsonl`` file.

    Raises:
        DemoError: A line is not a JSON object, or the file is empty.
    """
    records, damage = read_intact_records(path)
    if damage is not None:
        raise DemoError(
            f"{path}, {damage}", REMEDY_RESTORE_OR_REPAIR if records else REMEDY_RESTORE, repairable=bool(records)
        )
    if not records:
        raise DemoError(f"{path} holds no tick", "delete the demo")
    return records


def read_intact_records(path: Path) -> tuple[list[Record], str | None]:
    """Returns the records before the first damaged line, and a description of the damage (None if there is none).

    Blank lines are skipped.
    """
    records: list[Record] = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            what = f"is not JSON ({error})" if line.endswith(b"\n") else "is cut off"
            return records, f"line {number} {what}"
        if not isinstance(record, dict):
            return records, f"line {number} is not a JSON object"
        records.append(record)
    return records, None


def record_lines(path: Path) -> list[bytes]:
    """Returns the lines of a ``.jsonl`` file that hold records, with their line endings, without blank lines."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.strip()]
