"""Find what is wrong with the demos of a directory, and mend what a crash left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vpt_gym.demos.demo import read_demo
from vpt_gym.demos.files.atomic import SCRATCH_SUFFIX, finish, scratch, sync, write_metadata
from vpt_gym.demos.files.names import (
    OPTIONS_SUFFIX,
    PARTIAL_SUFFIX,
    REMEDY_REPAIR,
    DemoError,
    DemoFiles,
    existing_directory,
    files_of,
    partial,
    read_intact_records,
    read_metadata,
)
from vpt_gym.demos.files.records import EXTRA_KEY, Record, reward_of
from vpt_gym.demos.files.video import VideoHeader, copy_frames, read_header
from vpt_gym.system.file_lock import try_lock


@dataclass(frozen=True)
class Problem:
    """Something wrong with one demo.

    Attributes:
        id: The demo's id.
        problem: What is wrong, with the name of the file.
        remedy: What to do about it.
        repairable: Whether ``repair`` mends it.
    """

    id: str
    problem: str
    remedy: str
    repairable: bool

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True)
class RepairResult:
    """What ``repair`` did to one demo.

    Attributes:
        id: The demo's id.
        ticks: How many ticks the demo has now; 0 if nothing could be saved, and its files were removed.
        message: The same in words.
    """

    id: str
    ticks: int
    message: str

    def __str__(self) -> str:
        return f"{self.id}: {self.message}"


def check(directory: str | os.PathLike[str], *, decode: bool = True) -> list[Problem]:
    """Returns what is wrong with the demos of a directory; an empty list if all is well.

    A demo that is being recorded just now is no problem, and is left out.

    Args:
        directory: The directory of demos.
        decode: Also decode every video. Without, damage inside a video's pictures goes unnoticed.

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


def repair(directory: str | os.PathLike[str], *, interrupted_only: bool = False) -> list[RepairResult]:
    """Mends the demos of a directory that a crash broke off, and those whose video or records are cut off.

    Each is cut to the ticks, from the first on, that have both a frame and a whole record; nothing is encoded anew.
    Its metadata then says ``"ended": "recovered"`` and ``"success": null``, unless the crash came when the episode
    was complete. A recording that broke off before its first second was on disk leaves nothing to save: its files
    are removed. Demos that are being recorded just now are left alone. Other damage is not touched: see ``check``.

    Contractor recordings are cut in the same way; only where their video's frames are stored out of order, a video
    that is longer than its records is left alone.

    Args:
        directory: The directory of demos.
        interrupted_only: Mend what a crash broke off, and do not look at finished demos.

    Returns:
        What was done, in the order of the ids.

    Raises:
        FileNotFoundError: There is no such directory.
    """
    repairs = []
    for files in _demos_in(directory):
        with _lock(files) as free:
            if free and (_is_interrupted(files) or not interrupted_only) and _is_repairable(files):
                repairs.append(_repair(files))
    return repairs


def _is_interrupted(files: DemoFiles) -> bool:
    return any(partial(path).exists() for path in files.all)


def _interrupted(files: DemoFiles) -> Problem:
    try:
        ticks, _, records = _recoverable(files)
        if ticks and _has_metadata(files, records):
            read_metadata(_newest(files.metadata))
    except DemoError as error:
        return Problem(files.id, f"the recording was broken off, and {error.problem}", error.remedy, False)
    return Problem(files.id, f"{files.directory / files.id}: the recording was broken off", REMEDY_REPAIR, True)


def _is_repairable(files: DemoFiles) -> bool:
    if _is_interrupted(files):
        return _interrupted(files).repairable
    try:
        read_demo(files.metadata)
    except DemoError as error:
        return error.repairable
    return False


def _recoverable(files: DemoFiles) -> tuple[int, VideoHeader, list[Record]]:
    """Returns how many ticks have both a frame and a whole record, what the video says, and the records."""
    video, records_path = _newest(files.video), _newest(files.records)
    records = read_intact_records(records_path)[0] if records_path.exists() else []
    header = read_header(video) if video.exists() else VideoHeader(0, (0, 0), 0, False)
    return min(header.frames, len(records)), header, records


def _has_metadata(files: DemoFiles, records: list[Record]) -> bool:
    """Whether a demo has metadata, or ought to: contractor recordings have none."""
    return _newest(files.metadata).exists() or not records or EXTRA_KEY in records[0]


def _repair(files: DemoFiles) -> RepairResult:
    ticks, header, records = _recoverable(files)
    if ticks == 0:
        for path in files.all:
            partial(path).unlink(missing_ok=True)
            scratch(partial(path)).unlink(missing_ok=True)
        return RepairResult(files.id, 0, "nothing of it had reached the disk; its files were removed")

    crashed = _is_interrupted(files)
    last_written = _newest(files.records).stat().st_mtime
    metadata = read_metadata(_newest(files.metadata)) if _has_metadata(files, records) else None
    complete = metadata is not None and metadata["ticks"] == ticks
    # Each piece is replaced by a whole one, under its partial name: a repair that is killed can be run again.
    cut = not complete if metadata is not None else header.frames < header.declared
    if header.frames != ticks or cut:
        copy_frames(_newest(files.video), scratch(partial(files.video)), ticks)
        sync(scratch(partial(files.video)))
        os.replace(scratch(partial(files.video)), partial(files.video))
    lines = _newest(files.records).read_bytes().splitlines(keepends=True)
    if len(lines) != ticks or not lines[-1].endswith(b"\n"):
        with open(scratch(partial(files.records)), "wb") as file:
            file.writelines(line.rstrip(b"\r\n") + b"\n" for line in lines[:ticks])
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch(partial(files.records)), partial(files.records))
    if metadata is not None and not complete:
        returns = float(sum(reward_of(record) for record in records[:ticks]))
        metadata.update({"ticks": ticks, "return": returns, "success": None, "ended": "recovered"})
        if crashed and "started" in metadata:  # until the crash, as far as the files tell
            started = datetime.fromisoformat(metadata["started"]).timestamp()
            metadata["wall_time"] = round(max(0.0, last_written - started), 3)
        write_metadata(partial(files.metadata), metadata)
    finish(files)
    scratch(partial(files.metadata)).unlink(missing_ok=True)
    what = "complete, and only lacked its name" if complete else f"recovered up to tick {ticks}"
    return RepairResult(files.id, ticks, what)


def _demos_in(directory: str | os.PathLike[str]) -> list[DemoFiles]:
    folder = existing_directory(directory)
    names = {path.name.removesuffix(SCRATCH_SUFFIX) for path in folder.iterdir() if path.is_file()}
    ids = {
        files_of(name).id
        for name in names
        if name.removesuffix(PARTIAL_SUFFIX).endswith((".mp4", ".jsonl", ".json")) and not name.endswith(OPTIONS_SUFFIX)
    }
    return [DemoFiles(folder, demo_id) for demo_id in sorted(ids)]


def _newest(path: Path) -> Path:
    return partial(path) if partial(path).exists() else path


@contextmanager
def _lock(files: DemoFiles) -> Iterator[bool]:
    """Whether nobody is recording this demo; nobody else repairs it inside the ``with`` block.

    Where files cannot be locked (see ``file_lock``) that is not known: repair nothing there while something records.
    """
    for path in (partial(files.records), files.records):  # in this order: it may get its name in between
        try:
            records = open(path, "rb")  # noqa: SIM115 (the lock lives as long as the file is open)
        except FileNotFoundError:
            continue
        with records:
            yield try_lock(records)
        return
    yield True
