"""Checking the demos of a directory, and repairing damaged ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import av

from vpt_gym.demos.demo import Demo, read_demo, wrong_length
from vpt_gym.demos.files.atomic import finish, scratch, write_metadata
from vpt_gym.demos.files.names import (
    REMEDY_REPAIR,
    REMEDY_RESTORE,
    DemoError,
    DemoFiles,
    existing_directory,
    find_demos,
    partial,
    read_intact_records,
    read_metadata,
    record_lines,
)
from vpt_gym.demos.files.records import EXTRA_KEY, Record, reward_of
from vpt_gym.demos.files.video import NO_VIDEO, VideoHeader, copy_frames, read_header
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.system.durable import sync
from vpt_gym.system.file_lock import open_to_lock, try_lock
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.user_path import is_there


@dataclass(frozen=True)
class Problem:
    """A problem of one demo.

    Attributes:
        id: The demo's id.
        problem: What is wrong, with the name of the file.
        remedy: What to do about it.
        repairable: Whether ``repair`` fixes it.
    """

    id: str
    problem: str
    remedy: str
    repairable: bool

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True)
class RepairResult:
    """The result of repairing one demo.

    Attributes:
        id: The demo's id.
        ticks: Number of ticks that the demo has now; 0 if nothing could be recovered and its files were removed.
        message: A description of the repair.
    """

    id: str
    ticks: int
    message: str

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


@checks_flags
def check(directory: str | os.PathLike[str], *, decode: bool = True) -> list[Problem]:
    """Returns the problems of the demos in a directory; an empty list if there are none.

    Demos that are being recorded are not checked.

    Args:
        directory: The directory of demos.
        decode: Whether to decode every video, which is needed to find damage inside its frames.

    Raises:
        FileNotFoundError: There is no such directory.
    """
    problems = []
    for files in _demos_in(directory):
        with _lock(files) as free:
            if not free:
                continue
            if _is_interrupted(files):
                problems.append(_interrupted(files))
                continue
        try:
            demo = read_demo(files.metadata)
            for _ in demo.frames() if decode else ():
                pass
        except DemoError as error:
            problems.append(Problem(files.id, error.problem, error.remedy, error.repairable))
    return problems


@checks_flags
def repair(directory: str | os.PathLike[str], *, interrupted_only: bool = False) -> list[RepairResult]:
    """Repairs the interrupted recordings of a directory, and the demos whose video or records are cut off.

    Each is cut to the leading ticks that have both a frame and an intact record, without encoding the video again. Its
    metadata then has ``"ended": "recovered"`` and ``"success": null``, unless the crash came when the episode was
    complete. A recording that was interrupted before its first second was on disk cannot be recovered: its files are
    deleted. Demos that are being recorded, and other kinds of damage, are left unchanged: see ``check``.

    Contractor recordings are cut in the same way, except a video with reordered frames that is longer than its records.
    Unfinished files beside a whole demo, as copying a directory during a recording and again after it leaves them, are
    deleted, unless they have more ticks than the demo. Nothing is cut where a video hides frames before the first that
    it shows and has fewer than there are records: it is not known which ticks belong to them.

    Args:
        directory: The directory of demos.
        interrupted_only: Repair only interrupted recordings, and do not read finished demos.

    Returns:
        One result for each repaired demo, in the order of the ids.

    Raises:
        FileNotFoundError: There is no such directory.
        DemoWriteError: A repaired file cannot be written, e.g. because the directory is read-only.
    """
    repairs = []
    for files in _demos_in(directory):
        with _lock(files) as free:
            if free and (_is_interrupted(files) or not interrupted_only) and _is_repairable(files):
                repairs.append(_repair(files))
    return repairs


def _is_interrupted(files: DemoFiles) -> bool:
    return any(is_there(partial(path)) for path in files.all)


def _whole(files: DemoFiles) -> Demo | None:
    """Returns the demo if its finished files are whole; then those of an interrupted recording are not needed."""
    try:
        return read_demo(files.metadata)
    except DemoError:
        return None


def _interrupted(files: DemoFiles) -> Problem:
    demo = _whole(files)
    if demo is not None:
        where = f"{files.directory / files.id}: the demo is whole, and beside it are unfinished files of its recording"
        if _ticks_in_remains(files) <= len(demo):
            return Problem(files.id, where, REMEDY_REPAIR, True)
        remedy = (
            f"they have more ticks than the demo: move these or the demo to another directory, then {REMEDY_REPAIR}"
        )
        return Problem(files.id, where, remedy, False)
    try:
        ticks, header, records = _recoverable(files)
        if ticks and _has_metadata(files, records):
            read_metadata(_newest(files.metadata))
        if ticks and header.needs_encoding(ticks):
            raise wrong_length(files, header, ticks)
        if header.lacks_ticks_of(len(records)):
            raise wrong_length(files, header, len(records))
        if not ticks and header.frames and len(record_lines(_newest(files.records))) > 1:
            problem = f"{_newest(files.records)}: the first line is damaged, and {header.frames} frames are intact"
            raise DemoError(problem, REMEDY_RESTORE)
    except DemoError as error:
        return Problem(files.id, f"the recording was interrupted, and {error.problem}", error.remedy, False)
    return Problem(files.id, f"{files.directory / files.id}: the recording was interrupted", REMEDY_REPAIR, True)


def _is_repairable(files: DemoFiles) -> bool:
    if _is_interrupted(files):
        return _interrupted(files).repairable
    try:
        read_demo(files.metadata)
    except DemoError as error:
        return error.repairable
    return False


def _recoverable(files: DemoFiles) -> tuple[int, VideoHeader, list[Record]]:
    """Returns the number of ticks with both a frame and an intact record, the video's header, and the records."""
    video, records_path = _newest(files.video), _newest(files.records)
    records = list(takewhile(_has_reward, read_intact_records(records_path)[0])) if is_there(records_path) else []
    header = read_header(video) if is_there(video) else NO_VIDEO
    return min(header.frames, len(records)), header, records


def _ticks_in_remains(files: DemoFiles) -> int:
    """Returns the most ticks that unfinished files have."""
    records = len(record_lines(partial(files.records)))
    return max(records, read_header(partial(files.video)).frames if is_there(partial(files.video)) else 0)


def _has_reward(record: Record) -> bool:
    try:
        reward_of(record)
    except ValueError:
        return False
    return True


def _has_metadata(files: DemoFiles, records: list[Record]) -> bool:
    """Whether a demo has metadata, or should have: contractor recordings have none."""
    return is_there(_newest(files.metadata)) or not records or EXTRA_KEY in records[0]


def _repair(files: DemoFiles) -> RepairResult:
    try:
        return _cut_and_finish(files)
    except (OSError, av.FFmpegError) as error:
        with suppress(OSError):
            for path in files.all:
                scratch(partial(path)).unlink(missing_ok=True)
        raise DemoWriteError(
            f"cannot repair demo {files.id} in {files.directory}: {error}. Free disk space, or make the directory "
            "writable, or repair a copy of it; what was there is unchanged"
        ) from error


def _remove_remains(files: DemoFiles) -> None:
    for path in files.all:
        partial(path).unlink(missing_ok=True)
        scratch(partial(path)).unlink(missing_ok=True)


def _cut_and_finish(files: DemoFiles) -> RepairResult:
    if _is_interrupted(files) and (demo := _whole(files)) is not None:
        _remove_remains(files)
        return RepairResult(files.id, len(demo), "whole; unfinished files beside it were removed")
    ticks, header, records = _recoverable(files)
    if ticks == 0:
        _remove_remains(files)
        return RepairResult(files.id, 0, "nothing could be recovered; its files were removed")

    crashed = _is_interrupted(files)
    last_written = _newest(files.records).stat().st_mtime
    metadata = read_metadata(_newest(files.metadata)) if _has_metadata(files, records) else None
    complete = metadata is not None and metadata["ticks"] == ticks
    # Each file is replaced by an intact one under its partial name, so a repair that is killed can be run again.
    torn = header.frames < header.declared if header.declared else metadata is not None and not complete
    if header.frames > ticks or (torn and not header.indivisible):
        copy_frames(_newest(files.video), scratch(partial(files.video)), ticks)
        sync(scratch(partial(files.video)))
        os.replace(scratch(partial(files.video)), partial(files.video))
    lines = record_lines(_newest(files.records))
    if len(lines) != ticks or not lines[-1].endswith(b"\n"):
        with open(scratch(partial(files.records)), "wb") as file:
            file.writelines(line.rstrip(b"\r\n") + b"\n" for line in lines[:ticks])
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch(partial(files.records)), partial(files.records))
    if metadata is not None and not complete:
        returns = float(sum(reward_of(record) for record in records[:ticks]))
        metadata.update({"ticks": ticks, "return": returns, "success": None, "ended": "recovered"})
        if crashed:  # up to the crash, which the last write dates
            with suppress(KeyError, TypeError, ValueError, OverflowError):  # a start that is unknown
                started = datetime.fromisoformat(metadata["started"]).timestamp()
                metadata["wall_time"] = round(max(0.0, last_written - started), 3)
        write_metadata(partial(files.metadata), metadata)
    finish(files)
    scratch(partial(files.metadata)).unlink(missing_ok=True)
    what = "complete, and only lacked its final name" if complete else f"recovered up to tick {ticks}"
    return RepairResult(files.id, ticks, what)


def _demos_in(directory: str | os.PathLike[str]) -> list[DemoFiles]:
    folder = existing_directory(directory)
    return [DemoFiles(folder, demo_id) for demo_id in find_demos(folder)]


def _newest(path: Path) -> Path:
    return partial(path) if is_there(partial(path)) else path


@contextmanager
def _lock(files: DemoFiles) -> Iterator[bool]:
    """Yields whether no process is recording this demo; no other process repairs it inside the ``with`` block.

    On file systems without locks (see ``file_lock``) the answer is always True: repair nothing there while something
    records.
    """
    for path in (partial(files.records), files.records):  # in this order: the file may be renamed in between
        try:
            records = open_to_lock(path)  # the lock lives as long as the file is open
        except OSError:  # absent, or not readable, which reading reports
            continue
        with records:
            yield try_lock(records)
        return
    yield True
