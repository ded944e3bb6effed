"""numba's files of machine code, with a hash in each: a damaged file is dropped and its kernel compiled again.

numba itself loads what it finds. An empty or cut file makes every import fail until somebody deletes it, and a flipped
bit may end up in the code that runs.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

_MAGIC = b"vpt-gym 1 "
_HASH_BYTES = 32
SUFFIXES = (".nbi", ".nbc")
"""Suffixes of numba's files: the index of a kernel, and its code for some types of arguments."""


class CodeCache(FunctionCache):
    """The machine code of one kernel on disk. Whatever is wrong with it, the kernel is compiled instead.

    Raises:
        RuntimeError: There is no folder that can be written.
        OSError: The source of the kernel cannot be read.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _HashedFiles(
            self._cache_path, self._impl.filename_base, source_stamp=self._impl.locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Returns the compiled code for a signature; None if there is none that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # intact, but from another numba, LLVM or processor: any error
            _warn_of_damage(self._cache_path, f"{type(error).__name__}: {error}")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Saves the compiled code for a signature, if the folder can be written."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            warn_of_no_folder(self._cache_path, error.strerror or str(error))


class _HashedFiles(IndexDataCacheFile):
    """The index and code files of one kernel; each begins with numba's version and a hash of the rest."""

    def _load_index(self) -> dict[Any, str]:
        content = self._read(self._index_path)
        if content is None:
            return {}
        stamp, overloads = pickle.loads(content)
        return dict(overloads) if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, self._dump((self._source_stamp, overloads)))

    def _load_data(self, name: str) -> Any:
        content = self._read(self._data_path(name))
        if content is None:
            raise FileNotFoundError(name)  # numba takes this for "not compiled yet"
        return pickle.loads(content)

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), self._dump(data))

    def _head(self) -> bytes:
        return _MAGIC + str(self._version).encode() + b"\n"

    def _write(self, path: str, content: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(self._head() + hashlib.sha256(content).digest() + content)

    def _read(self, path: str) -> bytes | None:
        """Returns the content of a file; None if there is none, or it is damaged, and then removes it."""
        try:
            written = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _warn_of_damage(self._cache_path, f"{path}: {error.strerror}")
            return None
        if written.startswith(_MAGIC) and not written.startswith(self._head()) and _is_intact(written):
            return None  # of another numba
        if not _is_intact(written):
            _warn_of_damage(self._cache_path, path)
            with suppress(OSError):  # another process has removed it, or nobody can
                os.unlink(path)
            return None
        return written[len(self._head()) + _HASH_BYTES :]


def _is_intact(written: bytes) -> bool:
    head, _, rest = written.partition(b"\n")
    return head.startswith(_MAGIC) and hashlib.sha256(rest[_HASH_BYTES:]).digest() == rest[:_HASH_BYTES]


def damaged_files(folder: Path) -> list[Path]:
    """Returns the files of machine code below a folder that are damaged. The next use removes each."""
    damaged = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
        with suppress(FileNotFoundError):  # another process has just removed it
            if not _is_intact(path.read_bytes()):
                damaged.append(path)
    return damaged


def _warn_of_damage(folder: str, what: str) -> None:
    """Warns about the first damaged file of a process."""
    if not _warned:
        _warned.append(what)
        warnings.warn(
            f"damaged machine code of the embedded world ({what}): it is dropped and compiled again. If this happens "
            f"again, delete {folder}, or set NUMBA_CACHE_DIR to another folder",
            RuntimeWarning,
            stacklevel=2,
        )


def warn_of_no_folder(folder: str | os.PathLike[str], why: str) -> None:
    """Warns once in a process that machine code is not kept."""
    if not _warned:
        _warned.append(why)
        warnings.warn(
            f"the machine code of the embedded world cannot be kept in {os.fspath(folder)} ({why}): each process "
            "compiles it again, which takes about a minute. Set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )


_warned: list[str] = []
"""What this process has warned of: one warning is enough, since every kernel would repeat it."""
