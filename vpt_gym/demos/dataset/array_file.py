"""Checks that a cached ``.npy`` file is whole before it is mapped into memory."""

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


def is_whole(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> bool:
    """Whether a file has the header and the size of such an array.

    Raises:
        FileNotFoundError: There is no such file.
    """
    header = header_of(shape, dtype)
    with open(path, "rb") as file:
        begin, size = file.read(len(header)), os.fstat(file.fileno()).st_size
    return begin == header and size == len(header) + math.prod(shape) * np.dtype(dtype).itemsize
