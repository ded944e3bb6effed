"""``.npy`` files of caches that are mapped into memory: space for a new one, and whether one is whole."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt


def header_of(shape: tuple[int, ...], dtype: npt.DTypeLike) -> bytes:
    """Returns the header of an ``.npy`` file of an array in C order."""
    header = io.BytesIO()
    description = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, description)
    return header.getvalue()


def allocate(path: Path) -> None:
    """Reserves the blocks of a file. Without this, a full disk would kill the process that writes to its memory map.

    Raises:
        OSError: The disk is full.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def is_whole(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> bool:
    """Whether a file has the header and the size of such an array.

    Raises:
        FileNotFoundError: There is no such file.
    """
    header = header_of(shape, dtype)
    with open(path, "rb") as file:
        begin, size = file.read(len(header)), os.fstat(file.fileno()).st_size
    return begin == header and size == len(header) + math.prod(shape) * np.dtype(dtype).itemsize
