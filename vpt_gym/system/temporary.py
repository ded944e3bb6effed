"""A temporary directory that does not outlive its process for long, even if the process is killed."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vpt_gym.system.file_lock import is_locked, remove_abandoned, try_lock

_LOCK = "in_use"
_GRACE_SECONDS = 60.0
"""Age below which a directory is left alone: its process may not have locked it yet."""


class TemporaryDirectory:
    """A directory for temporary files, removed by ``remove``, at the end of a ``with`` block, or with this object.

    A killed process cannot remove its own. So a new one first removes those with the same prefix whose processes have
    ended; decoded frames, and unfinished exports, can take tens of GB.

    Args:
        prefix: Beginning of its name.
        parent: Where it is made; default: the system's directory for temporary files.
        suffix: End of its name.

    Attributes:
        path: The directory. It has a file ``in_use``.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, prefix: str, *, parent: Path | None = None, suffix: str = "") -> None:
        self._directory = tempfile.TemporaryDirectory(prefix=prefix, suffix=suffix, dir=parent)
        self.path = Path(self._directory.name)
        self._lock = (self.path / _LOCK).open("ab")
        try_lock(self._lock)  # until the file is closed, at the latest when the process ends
        if is_locked(self.path / _LOCK):  # not on file systems that cannot lock
            _remove_abandoned(self.path.parent, prefix, suffix)

    def remove(self) -> None:
        """Removes the directory and everything in it."""
        self._lock.close()  # Windows cannot remove an open file
        self._directory.cleanup()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _remove_abandoned(parent: Path, prefix: str, suffix: str) -> None:
    for directory in parent.iterdir():
        if not directory.name.startswith(prefix) or not directory.name.endswith(suffix):
            continue
        with suppress(OSError):  # it is another user's, or another process has just removed it
            if abs(time.time() - directory.stat().st_mtime) >= _GRACE_SECONDS:  # the clock may have been set back
                remove_abandoned(directory, directory / _LOCK)  # without a lock it is not ours, whatever its name
