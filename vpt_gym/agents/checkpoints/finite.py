"""Finds weights that no training continues from: NaN and infinity."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    """Returns the names of those tensors that hold NaN or infinity."""
    return [name for name, tensor in tensors if not _is_finite(tensor)]


def _is_finite(tensor: Tensor) -> bool:
    # A sum that includes NaN or infinity is not finite; it is many times faster than a check of each value.
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
