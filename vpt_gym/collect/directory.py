"""A directory that a program records into: one program at a time, and no incomplete demos of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpt_gym.collect.provenance import LABELLED_BY, RECORDED_BY
from vpt_gym.demos.files.atomic import discard
from vpt_gym.demos.files.names import files_of, list_demos, read_metadata
from vpt_gym.demos.library.checks import repair
from vpt_gym.system.file_lock import try_lock

LOCK_NAME = ".recording.lock"
"""File in the directory that a run locks, since two runs would play the same seeds."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Locks a directory for one run, and makes it if there is none.

    Raises:
        BlockingIOError: Another run records into the directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / LOCK_NAME, "ab") as lock:
        if not try_lock(lock):
            raise BlockingIOError(
                f"another run is recording into {directory}, and this one would play the same worlds. Wait for it, "
                "record into another directory, or use more envs in one run (--num-envs)"
            )
        yield


def clear_up(directory: Path) -> None:
    """Finishes complete demos that lack only their final names, and deletes incomplete ones of a run that was killed.

    What a person played is never deleted.
    """
    repair(directory, interrupted_only=True)
    for path in list_demos(directory):
        if path.suffix == ".json":
            metadata = read_metadata(path)
            by_program = any(isinstance(metadata.get(key), dict) for key in (RECORDED_BY, LABELLED_BY))
            if metadata.get("ended") == "recovered" and by_program:
                discard(files_of(path))
