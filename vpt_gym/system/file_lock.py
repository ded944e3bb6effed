"""Locks on files, by which processes agree. The system drops them when their process dies.

There are none on Windows, nor on some network file systems: there, nobody waits and everybody gets the lock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":
    import fcntl


def try_lock(file: IO[Any]) -> bool:
    """Locks an open file until it is closed; returns False if somebody else holds it."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process or thread is here with the same file, which is made and stays.

    Raises:
        OSError: The file cannot be made.
    """
    with path.open("ab") as file:
        if sys.platform != "win32":
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if sys.platform != "win32":
                with suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_UN)  # a process forked meanwhile has the file open too
