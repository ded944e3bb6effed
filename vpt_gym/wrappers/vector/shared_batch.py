"""A batch of observations in memory that several processes share.

The memory is an open file without a name, so it is gone when the last process that has it ends, however it ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import create_empty_array

_ALIGNMENT = 64
"""Bytes; each array starts at a multiple of it: a line of a processor's cache."""


def open_memory() -> int:
    """Returns the descriptor of a new, empty file in memory (in the folder for temporary files where there is none)."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("vpt_gym observations")
    descriptor, path = tempfile.mkstemp(prefix="vpt_gym-")
    os.unlink(path)
    return descriptor


def shared_batch(space: gym.Space[Any], rows: int, descriptor: int) -> Any:
    """Returns a batch whose arrays are in a file's memory; None if observations of this space are not arrays.

    Every process that calls it with equal arguments gets the same memory. It is zero at first.

    Args:
        space: Space of one observation.
        rows: Number of observations.
        descriptor: The file; made larger if it is too small.

    Raises:
        OSError: There is not enough memory.
    """
    model = create_empty_array(space, rows, np.empty)
    arrays = _arrays(model)
    if not arrays:
        return None
    starts = np.cumsum([0] + [-(-array.nbytes // _ALIGNMENT) * _ALIGNMENT for array in arrays]).tolist()
    size = max(starts[-1], 1)
    if os.fstat(descriptor).st_size < size:
        os.ftruncate(descriptor, size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)  # otherwise a write to memory that is not there kills the process
    memory = mmap.mmap(descriptor, size)
    views = (
        np.ndarray(array.shape, array.dtype, memory, start) for array, start in zip(arrays, starts[:-1], strict=True)
    )
    return _replaced(model, views)


def _arrays(batch: Any) -> list[np.ndarray[Any, Any]]:
    """Lists the arrays of a batch; empty if a part of it is neither an array of plain values nor a dict."""
    if isinstance(batch, np.ndarray):
        return [] if batch.dtype.hasobject else [batch]
    if not isinstance(batch, dict):
        return []
    parts = [(part, _arrays(part)) for part in batch.values()]
    if any(not arrays and not (isinstance(part, dict) and not part) for part, arrays in parts):
        return []
    return [array for _, arrays in parts for array in arrays]


def _replaced(batch: Any, arrays: Iterator[np.ndarray[Any, Any]]) -> Any:
    return {name: _replaced(part, arrays) for name, part in batch.items()} if isinstance(batch, dict) else next(arrays)
