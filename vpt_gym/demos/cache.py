"""Decoded frames of demos at a policy's size, in memory up to a limit and beyond it in files."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import numpy as np

from vpt_gym.demos.format import Demo
from vpt_gym.frames import POLICY_SIZE, Frame, to_size


class FrameCache:
    """Decodes each demo once. Share one between datasets, so that adding demos decodes only the new ones.

    Demos are kept in memory, in the order they are asked for, until ``max_bytes`` are used; each later one goes to a
    memory-mapped file, whose pages the operating system keeps or drops as memory allows. Nothing is evicted. At
    128x128, 1 GiB holds 21,845 frames: 18 minutes of play.

    Args:
        size: (height, width) that frames are scaled to.
        max_bytes: Limit of the memory used for frames.
        directory: Where files go. They stay, and a later cache finds them again; it may be shared by caches of
            different sizes. Default: a temporary directory that is deleted with the cache.

    Raises:
        ValueError: ``max_bytes`` is negative, or ``size`` is not positive.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = POLICY_SIZE,
        max_bytes: int = 2 << 30,
        directory: str | os.PathLike[str] | None = None,
    ) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes is {max_bytes}; it must not be negative")
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size is {size}; it must be (height, width), both positive")
        self.size = (int(size[0]), int(size[1]))
        self.max_bytes = max_bytes
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._directory = None if directory is None else Path(directory)
        self._frames: dict[str, Frame] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many demos are cached."""
        return len(self._frames)

    @property
    def bytes_in_memory(self) -> int:
        """Bytes of frames held in memory, not counting files."""
        return self._bytes

    def frames(self, demo: Demo) -> Frame:
        """Returns the demo's frames, uint8 (T, *size, 3), read-only; decodes them if they are not cached.

        May be called from several threads at once.

        Raises:
            DemoError: The video cannot be decoded, or has not T frames.
        """
        stat = demo.files.video.stat()
        key = f"{demo.files.video.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        with self._lock:
            if key in self._frames:
                return self._frames[key]
        name = f"{demo.id}-{self.size[0]}x{self.size[1]}-{stat.st_size}-{stat.st_mtime_ns}.npy"
        shape = (len(demo), *self.size, 3)
        with self._lock:
            reserved = int(np.prod(shape))
            reserved = reserved if self._bytes + reserved <= self.max_bytes else 0
            self._bytes += reserved
        kept: Frame | None = None
        try:
            frames = _fill(np.empty(shape, np.uint8), demo) if reserved else self._in_file(demo, name, shape)
            frames.flags.writeable = False
            with self._lock:
                kept = self._frames.setdefault(key, frames)
            return kept
        finally:
            if kept is None or kept is not frames:  # it failed, or another thread was faster
                with self._lock:
                    self._bytes -= reserved

    def _in_file(self, demo: Demo, name: str, shape: tuple[int, ...]) -> Frame:
        path = self._files_directory() / name
        if not path.exists():
            scratch = path.with_name(f"{name}.{os.getpid()}-{threading.get_ident()}")
            try:
                file = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=shape)
                _fill(file, demo)
                file.flush()
                os.replace(scratch, path)
            finally:
                scratch.unlink(missing_ok=True)
        frames: Frame = np.load(path, mmap_mode="r")
        return frames

    def _files_directory(self) -> Path:
        with self._lock:
            if self._directory is None:
                if self._temporary is None:
                    self._temporary = tempfile.TemporaryDirectory(prefix="vpt-gym-frames-")
                return Path(self._temporary.name)
            self._directory.mkdir(parents=True, exist_ok=True)
            return self._directory


def _fill(target: Frame, demo: Demo) -> Frame:
    size = (target.shape[1], target.shape[2])
    for index, frame in enumerate(demo.frames()):
        target[index] = to_size(frame, size)
    return target
