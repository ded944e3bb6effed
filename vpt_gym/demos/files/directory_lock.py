"""A lock on a directory of demos, for programs that look which demos it lacks and then make those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vpt_gym.system.file_lock import try_lock
from vpt_gym.system.output_directory import make_directory

LOCK_NAME = ".recording.lock"
"""File in the directory that is locked, since two programs would make the same demos. It is kept."""


@contextmanager
def directory_lock(directory: Path, refusal: str) -> Iterator[None]:
    """Locks a directory against others that use this lock, and makes it if there is none. It does not wait.

    Args:
        directory: The directory.
        refusal: Message of the error if another program has it.

    Raises:
        BlockingIOError: Another program makes demos in the directory.
    """
    make_directory(directory)
    with open(directory / LOCK_NAME, "ab") as lock:
        if not try_lock(lock):
            raise BlockingIOError(refusal)
        yield
