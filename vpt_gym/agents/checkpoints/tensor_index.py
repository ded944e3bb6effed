"""Checks the pickles in a ``torch.save`` file, which name its tensors, before PyTorch reads them.

``torch.load(weights_only=True)`` calls only functions that it knows. But some of these allocate as much memory as the
file names, and its unpickler hashes whatever is a key. Here the pickles are read once with nothing behind the names.
"""

from __future__ import annotations

import io
import mmap
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpt_gym.agents.checkpoints.errors import CheckpointError, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.limited_pickle import PLAIN_CLASSES, LimitedUnpickler, Limits
from vpt_gym.system.printable import printable_name, shown

_MAX_INDEX_BYTES = 1 << 23
"""The index of the largest published model has 60 kB."""
_MAX_VALUES = 1_000_000

_REMARK = "; no file of tensors does. Nothing was executed; do not load it with weights_only=False"
_OTHER_TENSORS = {
    "_rebuild_meta_tensor_no_storage": "tensors without values (of the device meta)",
    "_rebuild_nested_tensor": "nested tensors",
    "_rebuild_qtensor": "quantised tensors",
    "_rebuild_sparse_tensor": "sparse tensors",
    "_rebuild_wrapper_subclass": "tensors of a class of their own",
}
"""PyTorch's functions for tensors that are no dense numbers in memory, and what such tensors are called."""
_NAMES = re.compile(
    r"torch\._utils\._rebuild_(tensor|tensor_v2|parameter|parameter_with_state)|torch\.(Size|device)|"
    r"torch\.([A-Z]\w*Storage|b?float\d+\w*|u?int\d+|bool|complex\d+)|_codecs\.encode"
)
"""The names that the index of a state dict needs: functions that put tensors together, storages and number types."""
_BYTES = {"ComplexDouble": 16, "Double": 8, "Long": 8, "ComplexFloat": 8, "Float": 4, "Int": 4}
_BYTES |= {"Half": 2, "BFloat16": 2, "Short": 2}
"""Bytes of a number in the storages of each type; 1 in the others."""


class _RefusedByTorch(Exception):
    """PyTorch will stop at this name, with a message of its own; nothing behind it is read."""


class _Nothing:
    """Stands for an object of PyTorch; accepts any arguments and state, and is nothing."""

    def __new__(cls, *args: object, **kwargs: object) -> _Nothing:
        return object.__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _IndexUnpickler(LimitedUnpickler):
    """Reads an index. Afterwards ``sizes`` has the most bytes that were said of each storage, by its key."""

    def __init__(self, file: Any, limits: Limits, sizes: dict[str, int]) -> None:
        super().__init__(file, limits)
        self.sizes = sizes

    def find_class(self, module: str, name: str) -> Any:
        """Returns a class for a name that an index may have.

        Raises:
            UnsafeCheckpoint: PyTorch accepts this name, but no index needs it.
            WrongFile: It is that of a kind of tensor that is not supported.
            _RefusedByTorch: PyTorch does not accept this name.
        """
        if (module, name) in PLAIN_CLASSES:
            return PLAIN_CLASSES[module, name]
        if module == "torch._utils" and name in _OTHER_TENSORS:
            kind = _OTHER_TENSORS[name]
            raise WrongFile(f"it holds {kind}; weights are dense float32 tensors: convert and save them")
        if not _NAMES.fullmatch(f"{module}.{name}"):
            if module.split(".")[0] not in ("torch", "builtins", "collections"):
                raise _RefusedByTorch
            raise UnsafeCheckpoint(
                f"it asks for the global '{printable_name(module)}.{printable_name(name)}'; no file of tensors needs "
                "it. Nothing was executed; do not load it with weights_only=False"
            )
        if name.endswith("Storage"):
            return _StorageType(_BYTES.get(name.removesuffix("Storage"), 1))
        return type("_Nothing", (_Nothing,), {})

    def persistent_load(self, pid: Any) -> _Nothing:
        """Notes the size of a storage."""
        self.limits.check(pid)
        _, kind, key, _, length, *_ = pid
        if not isinstance(kind, _StorageType) or not isinstance(length, int) or length < 0:
            raise ValueError(f"a storage of {shown(length)} numbers")
        self.sizes[str(key)] = max(self.sizes.get(str(key), 0), length * kind.bytes_each)
        return _Nothing()


@dataclass
class _StorageType:
    """Stands for a class of storages. It cannot be called: the real one would allocate memory."""

    bytes_each: int


def check_zip_index(path: Path) -> None:
    """Checks the index of a zip archive whose members are intact.

    Raises:
        CheckpointError: As :func:`_check`; or the archive has no index, or an index says more of a storage than there
            is. Older versions of PyTorch may read on beyond its end, in the memory of this process.
    """
    with zipfile.ZipFile(path) as archive:
        stored = {info.filename.lower(): info.file_size for info in archive.infolist()}  # PyTorch ignores case
        indices = [info for info in archive.infolist() if info.filename.lower().endswith("data.pkl")]
        if not indices:
            raise CorruptCheckpoint(f"{path} has no index of tensors (data.pkl): did torch.save write it?")
        for info in indices:
            if info.file_size > _MAX_INDEX_BYTES:
                raise WrongFile(
                    f"{path} has an index of {info.file_size:,} bytes; that of a state dict takes less than 100,000: "
                    "save only the state dict"
                )
            folder = info.filename.lower().removesuffix("data.pkl")
            for key, size in _check(path, io.BytesIO(archive.read(info)), 1).items():
                found = stored.get(f"{folder}data/{key.lower()}", size)
                if size > found:
                    raise CorruptCheckpoint(
                        f"{path} describes {size:,} bytes of the storage {printable_name(key)}, which has only "
                        f"{found:,}: truncated or damaged"
                    )


def check_legacy_index(path: Path) -> None:
    """Checks the pickles of a file in PyTorch's format before zip.

    Raises:
        CheckpointError: As :func:`_check`.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check(path, content, 5)  # magic number, version, the system, the tensors, the keys of their storages


def _check(path: Path, file: Any, pickles: int) -> dict[str, int]:
    """Reads pickles one after the other; returns the bytes of each storage by its key, as far as they were read.

    Raises:
        UnsafeCheckpoint: They name what no index needs, or take much time or memory.
        WrongFile: They describe tensors that are not supported.
        CorruptCheckpoint: They are damaged, or describe tensors larger than the file.
    """
    limits = Limits(_MAX_VALUES, _REMARK)
    sizes: dict[str, int] = {}
    try:
        for _ in range(pickles):
            limits.check(_IndexUnpickler(file, limits, sizes).load())
    except _RefusedByTorch:
        return sizes
    except CheckpointError as error:
        raise type(error)(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle can raise any error
        raise CorruptCheckpoint(
            f"{path}: its index of tensors is damaged ({type(error).__name__}: {shown(error)})"
        ) from error
    size = path.stat().st_size
    if sum(sizes.values()) > size:
        raise CorruptCheckpoint(
            f"{path} describes tensors of {sum(sizes.values()):,} bytes and has only {size:,}: truncated or damaged"
        )
    return sizes
