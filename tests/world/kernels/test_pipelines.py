"""Kernels do the same, called by Python or by other kernels."""

from __future__ import annotations

import numpy as np
import pytest

from vpt_gym.world.kernels.compiled import kernel


@kernel
def add_twice(values: np.ndarray, step: int) -> int:
    """Adds to all values; returns how many there are."""
    for k in range(len(values)):
        values[k] += 2 * step
    return len(values)


@kernel
def add_all(values: np.ndarray, step: int) -> int:
    return add_twice(values, step) + add_twice(values, 3)


@kernel
def add_deeper(values: np.ndarray) -> int:
    return add_all(values, 5) + add_twice(values, 7)


def test_python_and_kernels_call_the_same_kernel() -> None:
    by_python, by_kernels = np.zeros(4, np.int64), np.zeros(4, np.int64)
    assert sum(add_twice(by_python, step) for step in (5, 3, 7)) == 12
    assert add_deeper(by_kernels) == 12
    assert by_python.tolist() == by_kernels.tolist() == [30] * 4


def test_kernels_that_call_with_constants_share_one_code() -> None:
    if not hasattr(add_all, "signatures"):
        pytest.skip("kernels run interpreted")
    values = np.zeros(2, np.int64)
    add_all(values, 1)
    add_all(values, 2)
    assert len(add_all.signatures) == 1
    assert values.tolist() == [18] * 2


def test_each_type_of_array_has_its_own_code() -> None:
    for kind in (np.int64, np.float64, np.int16):
        values = np.zeros(3, kind)
        assert add_deeper(values) == 9
        assert values.tolist() == [30] * 3
        assert values.dtype == kind
