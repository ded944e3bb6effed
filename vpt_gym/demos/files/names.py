"""The files of a demo on disk: their names, and reading their metadata and records.

A demo is three files in one directory, in the OpenAI contractor layout plus metadata::

    <id>.mp4     the video, 20 fps H.264; frame t was seen before action t
    <id>.jsonl   one record per tick (``vpt_gym.demos.files.records``)
    <id>.json    metadata: env, seed, versions, success, return, ticks, format version

While a demo is being recorded, every name ends in ``.partial``. The ``.json`` marks a demo as finished: it gets its
final name last. OpenAI's own recordings have only the first two files (see ``vpt_gym.demos.files.contractor``).
"""

from __future__ import annotations

import hashlib
import math
import os
import reprlib
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vpt_gym.demos.files.records import Record, finite
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.pickled_error import PickledError
from vpt_gym.system.printable import printable, shown
from vpt_gym.system.user_path import is_there, user_path

FORMAT = "vpt_gym.demo"
FORMAT_VERSION = 1
VIDEO_FORMAT = "vpt_gym.video"
"""``metadata["format"]`` of a video without labels, which is no demo (``vpt_gym.demos.files.unlabelled``)."""
CONTRACTOR_FORMAT = "contractor"
"""``metadata["format"]`` of a demo without an ``<id>.json``: one of OpenAI's recordings."""
OPTIONS_SUFFIX = "-options.json"
"""Suffix of the file of game settings that OpenAI publishes with each recording."""
PARTIAL_SUFFIX = ".partial"
MOST_FPS = 1000
"""Frames per second that a demo may have."""
REJECTED = "rejected"
"""Name of the subdirectory that ``vpt-gym view`` and ``vpt-gym play`` move rejected demos to."""

_SUFFIXES = (".mp4", ".jsonl", ".json")
_FIRST_BYTES = 1 << 16  # a contractor's record has 1 to 2 kB

REMEDY_RESTORE = "restore the file from a copy, or delete the demo"
REPAIR_COMMAND = "`vpt-gym demos repair DIR`"
EXPECTED_FILES = "a demo is <id>.mp4, <id>.jsonl and <id>.json, a contractor recording the first two"
REMEDY_RESTORE_OR_MOVE = "restore the file from a copy; if this is no demo, move it to another directory"
REMEDY_REPAIR = f"repair it with {REPAIR_COMMAND}"
REMEDY_RESTORE_OR_REPAIR = f"restore the file from a copy, or cut off the damaged part with {REPAIR_COMMAND}"


class DemoError(PickledError, ValueError):
    """A demo's files are damaged or missing.

    The message may contain names of files and values in them; it has no characters that a terminal would obey.

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

    def __str__(self) -> str:
        return printable(super().__str__())


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


def short_name(demo_id: str, longest: int) -> str:
    """Returns an id, or a digest of it if names that begin with it could be too long for a file.

    Args:
        demo_id: The id.
        longest: Bytes that the result may have, at least 32. A file's name has at most 255.
    """
    name = os.fsencode(demo_id)
    return demo_id if len(name) <= longest else hashlib.sha256(name).hexdigest()[:32]


def existing_directory(directory: str | os.PathLike[str]) -> Path:
    """Returns the path of a directory of demos.

    Raises:
        FileNotFoundError: There is no such directory.
        TypeError: It is neither text nor a path.
        ValueError: It is empty, which a path would take for the current folder.
    """
    folder = checked_directory(directory)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder} is not a directory of demos; record some with vpt_gym.RecorderWrapper")
    return folder


def checked_directory(directory: str | os.PathLike[str]) -> Path:
    """Returns the path of a directory, which need not exist; ``~`` at its start is the home directory.

    Raises:
        TypeError: It is neither text nor a path.
        ValueError: It is empty, which a path would take for the current folder.
    """
    if not isinstance(directory, str | os.PathLike):
        raise TypeError(f"the directory of demos is {shown(directory)}; it must be a text or a path")
    if not str(directory).strip():
        raise ValueError(f'the directory of demos is {shown(directory)}; the current folder is "."')
    return user_path(directory)


@checks_flags
def list_demos(directory: str | os.PathLike[str], *, lone_videos: bool = False) -> list[Path]:
    """Returns one file of each finished demo in a directory: ``<id>.json``, or ``<id>.jsonl`` without one.

    The result is sorted by id; the ids of recorded demos sort by the start time of their episodes. Other files are
    ignored (``find_demos``).

    Args:
        directory: The directory.
        lone_videos: Whether to include an ``<id>.mp4`` whose records are missing.

    Raises:
        FileNotFoundError: There is no such directory.
    """
    folder = existing_directory(directory)
    listed = []
    for demo_id, suffixes in find_demos(folder).items():
        unfinished = any(suffix.endswith(PARTIAL_SUFFIX) for suffix in suffixes)
        if {".mp4", ".jsonl"} <= suffixes and ".json.partial" not in suffixes:
            unfinished = False  # a contractor recording; what is beside it was left by a copy, or by a repair
        if ".json" in suffixes:
            listed.append(folder / f"{demo_id}.json")
        elif not unfinished and ".jsonl" in suffixes:
            listed.append(folder / f"{demo_id}.jsonl")
        elif not unfinished and lone_videos:
            listed.append(folder / f"{demo_id}.mp4")
    return listed


def list_metadata(directory: str | os.PathLike[str]) -> list[Path]:
    """Returns the ``<id>.json`` of each finished demo in a directory that has one; contractor recordings have none.

    The result is sorted by id, and empty if there is no such directory.
    """
    if not os.path.isdir(checked_directory(directory)):
        return []
    return [path for path in list_demos(directory) if path.suffix == ".json"]


def find_demos(folder: Path) -> dict[str, set[str]]:
    """Returns the demos in a directory, finished or not: their ids, sorted, and the suffixes of their files.

    An ``<id>.mp4`` is taken for a demo. Without it, the content decides: records are recognized by their first line,
    metadata by their format. Hidden files, and others that only have a suffix in common with a demo's, are ignored.
    """
    found: dict[str, set[str]] = {}
    for path in folder.iterdir():
        suffix = Path(path.name.removesuffix(PARTIAL_SUFFIX)).suffix
        foreign = path.name.startswith(".") or path.name.endswith(OPTIONS_SUFFIX)
        if suffix in _SUFFIXES and not foreign and path.is_file():
            is_partial = path.name.endswith(PARTIAL_SUFFIX)
            found.setdefault(files_of(path).id, set()).add(suffix + PARTIAL_SUFFIX * is_partial)
    return {demo_id: own for demo_id in sorted(found) if (own := _own(DemoFiles(folder, demo_id), found[demo_id]))}


def _own(files: DemoFiles, suffixes: set[str]) -> set[str]:
    """Returns the suffixes of those files with an id that belong to a demo."""
    video = {".mp4", ".mp4.partial"} & suffixes
    records = {".jsonl", ".jsonl.partial"} & suffixes
    metadata = {".json", ".json.partial"} & suffixes
    if not records and any(_names(files.directory / f"{files.id}{suffix}", VIDEO_FORMAT) for suffix in metadata):
        return set()
    if not (video or any(_holds_records(files.directory / f"{files.id}{suffix}") for suffix in records)):
        records = set()
    if not (records or any(is_metadata(files.directory / f"{files.id}{suffix}") for suffix in metadata)):
        metadata = set()
    return (video if ".mp4" in video or records or metadata else set()) | records | metadata


def _holds_records(path: Path) -> bool:
    line = _content(path, _FIRST_BYTES).lstrip().partition(b"\n")[0]
    has_begun = path.name.endswith(PARTIAL_SUFFIX) and not line  # the recording has begun, or was killed then
    return has_begun or all(key in line for key in (b'"mouse"', b'"keyboard"'))


def is_metadata(path: Path) -> bool:
    """Returns whether a file names the format of a demo's metadata. It may be damaged nevertheless."""
    return _names(path, FORMAT)


def _names(path: Path, form: str) -> bool:
    return f'"{form}"'.encode() in _content(path)


def _content(path: Path, size: int = -1) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError:  # removed since, or not readable
        return b""


def files_of(path: str | os.PathLike[str]) -> DemoFiles:
    """Returns the files of a demo, given one of them, finished or partial, or their common stem."""
    given = user_path(path)
    name = given.name.removesuffix(PARTIAL_SUFFIX)
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
    return DemoFiles(given.parent, name.removesuffix(suffix))  # one suffix: "a.json.mp4" is the video of "a.json"


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata in ``<id>.json``. NaN and infinity, which JSON lacks, become None.

    Raises:
        DemoError: The file is not a demo's metadata, or has a format version that this package cannot read.
    """
    try:
        metadata = parse_json(path.read_bytes())  # in any Unicode encoding, with or without a byte order mark
    except (OSError, ValueError) as error:
        raise DemoError(f"{path}: cannot be read as JSON ({error})", REMEDY_RESTORE) from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise DemoError(f'{path} is not a demo\'s metadata: it lacks "format": "{FORMAT}"', REMEDY_RESTORE)
    if metadata.get("format_version") != FORMAT_VERSION:
        version = reprlib.repr(metadata.get("format_version"))
        raise DemoError(f"{path} has format version {version}, this vpt-gym reads {FORMAT_VERSION}", "update vpt-gym")
    missing = [key for key in ("ticks", "frame_size", "success") if key not in metadata]
    if missing:
        raise DemoError(f"{path} lacks {missing}", REMEDY_RESTORE)
    for key, (is_valid, expected) in _RULES.items():
        if key in metadata and not is_valid(metadata[key]):
            raise DemoError(f"{path}: {key} is {reprlib.repr(metadata[key])}; it must be {expected}", REMEDY_RESTORE)
    known: dict[str, Any] = finite(metadata)
    return known


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_int(value) and abs(value) <= sys.float_info.max


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "ticks": (lambda value: _is_int(value) and value >= 0, "a number of ticks"),
    "frame_size": (
        lambda value: isinstance(value, list) and len(value) == 2 and all(_is_int(side) and side > 0 for side in value),
        "[height, width] in pixels",
    ),
    "success": (lambda value: value is None or isinstance(value, bool), "true, false or null"),
    "return": (lambda value: value is None or _is_number(value), "a finite number"),
    "fps": (lambda value: _is_number(value) and 1 <= value <= MOST_FPS, "a number of frames per second"),
}
"""For keys of the metadata that this package computes with: whether a value is valid, and what it must be."""


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
        raise DemoError(f"{path} holds no tick", REMEDY_RESTORE)
    return records


def read_intact_records(path: Path) -> tuple[list[Record], str | None]:
    """Returns the records before the first damaged line, and a description of the damage (None if there is none).

    Blank lines are skipped.
    """
    records: list[Record] = []
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        return records, f"which cannot be read ({error})"
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            what = f"is not JSON ({error})" if line.endswith(b"\n") else "is cut off"
            return records, f"line {number} {what}"
        if not isinstance(record, dict):
            return records, f"line {number} is not a JSON object"
        records.append(record)
    return records, None


def record_lines(path: Path) -> list[bytes]:
    """Returns the lines of a ``.jsonl`` file, with their line endings, without blank lines; none if it is absent."""
    if not is_there(path):
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.strip()]
