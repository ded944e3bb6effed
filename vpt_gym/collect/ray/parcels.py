"""Demos on their way from the worker that recorded them to the directory of the run.

Workers record into a directory of their own and return the files with the result. Only the process that started the
run writes to its directory, and each result once. So nodes need no shared file system, and no demo exists twice.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vpt_gym.demos.files.atomic import discard, finish
from vpt_gym.demos.files.names import DemoFiles, files_of, list_demos, partial
from vpt_gym.system.file_lock import try_lock


@dataclass(frozen=True)
class DemoParcel:
    """The content of a finished demo's files.

    Attributes:
        directory: The directory that it belongs to.
        id: The demo's id.
        video: The ``.mp4``.
        records: The ``.jsonl``.
        metadata: The ``.json``.
    """

    directory: Path
    id: str
    video: bytes
    records: bytes
    metadata: bytes


def take_demos(directory: Path, home: Path) -> list[DemoParcel]:
    """Reads the finished demos of a directory, and deletes them there; ``home`` is where they belong."""
    parcels = []
    for path in list_demos(directory):
        files = files_of(path)
        parcels.append(DemoParcel(home, files.id, *(piece.read_bytes() for piece in files.all)))
        discard(files)
    return parcels


def write_demo(parcel: DemoParcel) -> None:
    """Writes a demo as its recorder does: under partial names, which become the final ones when all is on the disk.

    Raises:
        OSError: The disk is full, or the directory cannot be written to.
    """
    parcel.directory.mkdir(parents=True, exist_ok=True)
    files = DemoFiles(parcel.directory, parcel.id)
    with open(partial(files.records), "xb") as records:
        try_lock(records)  # so that ``repair`` does not take it for the remains of a crash
        for path, content in ((files.metadata, parcel.metadata), (files.video, parcel.video)):
            with open(partial(path), "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        records.write(parcel.records)
        records.flush()
        os.fsync(records.fileno())
        finish(files)
