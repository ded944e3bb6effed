"""A cache of decoded frames at a policy's size: in memory up to a limit, then in files."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
import time
import uuid
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from vpt_gym.demos.dataset.array_file import allocate, header_of, is_whole
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.files.names import checked_directory, short_name
from vpt_gym.frames import POLICY_SIZE, Frame, checked_size, to_size
from vpt_gym.system.file_lock import exclusive_lock, is_locked, remove_abandoned, try_lock, unlock
from vpt_gym.system.number import is_real
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.printable import shown
from vpt_gym.system.temporary import TemporaryDirectory

_HEADER_BYTES = 128  # of an .npy file
_UNFINISHED_SUFFIX = ".part"
_FILE = re.compile(r".+-\d+x\d+-\d+-\d+-\d+-[0-9a-f]{12}(-[0-9a-f]{12})?\.npy(\.part)?", re.DOTALL)
"""The names of the files of frames; others in the directory are not the cache's."""
_USERS_SUFFIX = ".users"  # of the file in which each cache lists the files that it uses
_USERS = re.compile(rf"[0-9a-f]{{32}}\{_USERS_SUFFIX}")
_LONGEST = 100


class CacheFullError(RuntimeError):
    """The files of a cache would exceed their limit, or the space on the disk."""


class DemoCache(Protocol):
    """What a dataset needs from a cache: an array for each demo, with one row for each tick."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames, which the rows are or are computed from."""

    def frames(self, demo: Demo) -> npt.NDArray[Any]:
        """Returns the demo's rows, (T, ...), read-only. Several threads may call it at once."""


class FrameCache:
    """Decodes each demo once. Share one cache between datasets, so that adding demos decodes only the new ones.

    Demos are kept in memory, in the order of the requests, until ``max_bytes`` are used. Each later one goes to a
    memory-mapped file, whose pages the operating system keeps or drops as memory allows. Memory is never freed for
    other demos. At 128x128, 1 GiB holds 21,845 frames: 18 minutes of play.

    Args:
        size: (height, width) that frames are scaled to.
        max_bytes: Limit of the memory for frames.
        directory: Directory of the files. They remain there, and a later cache uses them again; caches of different
            sizes, and several processes, may share it. Default: a temporary directory that is deleted with the cache.
        max_file_bytes: Limit of the frames in that directory, including those of other processes. The least recently
            used files are deleted to stay below it, except those that a living cache of any process uses. Files that
            are no cache's do not count, and are never deleted. Default: no limit.

    Raises:
        ValueError: A limit is negative, or ``size`` is not positive.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = POLICY_SIZE,
        max_bytes: int = 2 << 30,
        directory: str | os.PathLike[str] | None = None,
        max_file_bytes: int | None = None,
    ) -> None:
        for name, limit in (("max_bytes", max_bytes), ("max_file_bytes", max_file_bytes)):
            if limit is not None and not (is_real(limit) and limit >= 0):
                raise ValueError(f"{name} is {shown(limit)}; it must be a number of bytes and not be negative")
        self.size = checked_size(size)
        self.max_bytes = max_bytes
        self.max_file_bytes = max_file_bytes
        self._temporary: TemporaryDirectory | None = None
        self._directory = None if directory is None else checked_directory(directory)
        self._frames: dict[str, Frame] = {}
        self._users: IO[bytes] | None = None
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Returns the number of cached demos."""
        return len(self._frames)

    @property
    def bytes_in_memory(self) -> int:
        """Bytes of frames in memory, without those in files."""
        return self._bytes

    def frames(self, demo: Demo, wanted: npt.NDArray[np.bool_] | None = None) -> Frame:
        """Returns frames of a demo, uint8 (N, *size, 3), read-only, and decodes them if they are not cached.

        Several threads may call it at once.

        Args:
            demo: The demo, of T ticks.
            wanted: (T,) bool, the N frames to return; default: all T. Each selection is cached separately.

        Raises:
            DemoError: The video cannot be decoded, or does not have T frames.
            CacheFullError: ``max_file_bytes``, or the disk, has no space for them.
        """
        if wanted is not None and wanted.all():
            wanted = None
        stat = demo.files.video.stat()
        variant = f"{len(demo)}-{demo.decoding_digest}"
        if wanted is not None:
            variant += "-" + hashlib.sha256(np.packbits(wanted).tobytes()).hexdigest()[:12]
        key = f"{demo.files.video.resolve()}:{stat.st_size}:{stat.st_mtime_ns}:{variant}"
        with self._lock:
            if key in self._frames:
                return self._frames[key]
        name = f"{name_of(demo)}-{self.size[0]}x{self.size[1]}-{stat.st_size}-{stat.st_mtime_ns}-{variant}.npy"
        shape = (len(demo) if wanted is None else int(wanted.sum()), *self.size, 3)
        with self._lock:
            reserved = int(np.prod(shape))
            reserved = reserved if self._bytes + reserved <= self.max_bytes else 0
            self._bytes += reserved
        kept: Frame | None = None
        try:
            if reserved:
                frames = _decode_into(np.empty(shape, np.uint8), demo, wanted)
            else:
                frames = self._in_file(demo, wanted, name, shape)
            frames.flags.writeable = False
            with self._lock:
                kept = self._frames.setdefault(key, frames)
            return kept
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise CacheFullError(
                f"the disk of {self._files_directory()} is full: {int(np.prod(shape)):,} bytes of frames do not fit; "
                "free some space, or give the cache another directory or a limit (max_file_bytes)"
            ) from error
        finally:
            if kept is None or kept is not frames:  # decoding failed, or another thread was faster
                with self._lock:
                    self._bytes -= reserved

    def _in_file(self, demo: Demo, wanted: npt.NDArray[np.bool_] | None, name: str, shape: tuple[int, ...]) -> Frame:
        path = self._files_directory() / name
        while (found := self._open(path, shape)) is None:
            scratch = path.with_name(f"{name}{_UNFINISHED_SUFFIX}")
            with open(scratch, "ab") as lock:
                if not try_lock(lock):  # another thread or process is decoding it
                    time.sleep(0.01)
                elif not path.exists() and _has_name(lock, scratch):
                    try:
                        file = self._new_file(scratch, shape)
                        _decode_into(file, demo, wanted)
                        file.flush()
                        with self._exclusive():
                            os.replace(scratch, path)
                    finally:
                        scratch.unlink(missing_ok=True)
                        unlock(lock)
                elif _has_name(lock, scratch):
                    scratch.unlink()
        return found

    def _open(self, path: Path, shape: tuple[int, ...]) -> Frame | None:
        """Returns the frames in a file, or None without one. No other cache deletes the file while this one lives.

        A damaged file is deleted.
        """
        with self._exclusive():
            try:
                os.utime(path)  # marks it as recently used
            except FileNotFoundError:
                return None
            if not is_whole(path, shape, np.uint8):
                warnings.warn(f"{path} is damaged; its frames are decoded again", RuntimeWarning, stacklevel=4)
                path.unlink()
                return None
            frames: Frame = np.memmap(path, np.uint8, "r", len(header_of(shape, np.uint8)), shape)
            with self._lock:
                if self._users is None:
                    users = path.with_name(f"{uuid.uuid4().hex}{_USERS_SUFFIX}")
                    self._users = open(users, "wb", buffering=0)  # noqa: SIM115 (it stays locked while this cache lives)
                    try_lock(self._users)
                    weakref.finalize(self, _remove_users_file, self._users, users)
                self._users.write(os.fsencode(f"{path.name}/"))
            return frames

    def _new_file(self, scratch: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
        """Creates a file of the final size, after removing what killed processes left and freeing space for it."""
        with self._exclusive():
            if is_locked(scratch):  # by this thread; not on file systems that cannot lock
                for path in self._own(_FILE):
                    if path.suffix == _UNFINISHED_SUFFIX:
                        remove_abandoned(path)
            if self.max_file_bytes is not None:
                self._free_space(int(np.prod(shape)) + _HEADER_BYTES, self.max_file_bytes)
            file = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=shape)
            allocate(scratch)
            return file

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Lets one cache at a time create or delete files, or change the list of the files that it uses."""
        with exclusive_lock(self._files_directory() / "lock"):
            yield

    def _files_in_use(self) -> set[str]:
        """Returns the names of the files that living caches use, and deletes the lists of dead caches."""
        names: set[str] = set()
        for path in self._own(_USERS):
            if not remove_abandoned(path):
                with suppress(FileNotFoundError):  # its cache has just removed it
                    names.update(os.fsdecode(path.read_bytes()).split("/"))
        return names

    def _own(self, names: re.Pattern[str]) -> list[Path]:
        return [path for path in self._files_directory().iterdir() if names.fullmatch(path.name)]

    def _free_space(self, needed: int, limit: int) -> None:
        files = []
        for path in self._own(_FILE):
            with suppress(FileNotFoundError):  # another process has just removed it after an error
                stat = path.stat()
                files.append((stat.st_mtime_ns, stat.st_size, path))
        used = sum(size for _, size, _ in files)
        in_use = self._files_in_use()
        for _, size, path in sorted(files):
            if used + needed <= limit:
                return
            if path.name not in in_use and remove_abandoned(path):  # not one that another process is filling
                used -= size
        if used + needed > limit:
            raise CacheFullError(
                f"no space for {needed:,} bytes of frames in {self._files_directory()}: {used:,} of max_file_bytes="
                f"{limit:,} are in use; raise the limit (bc.py: --cache-gib), or use fewer demos at once"
            )

    def _files_directory(self) -> Path:
        with self._lock:
            if self._directory is None:
                if self._temporary is None:
                    self._temporary = TemporaryDirectory("vpt-gym-frames-")
                return self._temporary.path
            make_directory(self._directory)
            return self._directory


def name_of(demo: Demo) -> str:
    """Returns the id of a demo, or a digest if names that begin with it could be too long for a file."""
    return short_name(demo.id, _LONGEST)


def _remove_users_file(users: IO[bytes], path: Path) -> None:
    users.close()
    path.unlink(missing_ok=True)


def _has_name(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has its name, since another process may have renamed or removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _decode_into(target: Frame, demo: Demo, wanted: npt.NDArray[np.bool_] | None) -> Frame:
    size = (target.shape[1], target.shape[2])
    frames = demo.frames(threads=1, wanted=wanted)
    for row in target:
        # The frame has no name, so that the next one reuses its memory, which is still in the L2 cache.
        to_size(next(frames), size, out=row)
    for _ in frames:  # at its end it raises an error for too few or too many frames
        pass
    return target
