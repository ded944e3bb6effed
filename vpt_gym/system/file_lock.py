"""Locks on files, shared by processes and threads. The operating system releases them when their process ends.

The package ``filelock`` cannot replace this module: it locks files of its own, while a recording locks the records that
it writes, and it raises an error on file systems that cannot lock. There, and on Windows, the functions here never wait
and always get the lock.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

if sys.platform != "win32":
    import fcntl

_REMOVALS = 1000
"""How often a lock is taken again because its file was removed meanwhile. On file systems whose files change their
numbers, none would ever seem to be the same."""


def open_to_lock(path: Path) -> IO[bytes]:
    """Opens an existing file to try its lock. NFS gives exclusive locks only to those who may write.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    try:
        return open(path, "r+b")
    except FileNotFoundError:
        raise
    except OSError:  # read-only
        return open(path, "rb")


def try_lock(file: IO[Any]) -> bool:
    """Locks an open file until ``unlock``, or until it is closed in this process and in those forked meanwhile.

    Returns False if another process or thread holds the lock.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def unlock(file: IO[Any]) -> None:
    """Releases the lock of a file before it is closed. A forked process may have it open, and would hold the lock."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Whether an existing file is locked. Always False on file systems that cannot lock, and on Windows.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    with open_to_lock(path) as file:
        return not try_lock(file)


def remove_abandoned(path: Path, lock: Path | None = None) -> bool:
    """Removes a file or folder that a process locked while it used it, if that process has ended; it may be killed.

    On file systems that cannot lock, every file looks abandoned: ask ``is_locked`` about a locked one first.

    Args:
        path: The file or folder.
        lock: The file that is locked; default: ``path`` itself.

    Returns:
        Whether it was removed. It is not if it is in use, has no file to lock, or belongs to another user.
    """
    with suppress(OSError), open_to_lock(lock or path) as file:
        if try_lock(file):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            return True
    return False


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Holds the lock of a file, after waiting until no other process or thread does. The file is created and kept.

    Who holds the lock may remove the file: those who wait for it go on with a new one, as do those who come later.

    Raises:
        OSError: The file cannot be created.
    """
    for left in reversed(range(_REMOVALS)):
        with path.open("ab") as file, _locked(file.fileno(), shared=False):
            if left and not _is_at(path, file):
                continue
            yield
            return


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


@contextmanager
def folder_lock(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Holds the lock of an existing folder, without a file in it, after waiting until it is free.

    Args:
        folder: The folder; it need not be writable.
        shared: Several may hold the lock at once if all of them share it.
    """
    if sys.platform == "win32":  # cannot open folders
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _locked(descriptor, shared):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _locked(descriptor: int, shared: bool) -> Iterator[None]:
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    try:
        yield
    finally:
        if sys.platform != "win32":
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked process may still have the file open
