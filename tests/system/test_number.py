"""Checks of arguments that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpt_gym.system.number import checked_seconds


@pytest.mark.parametrize("seconds", [5, 0.25, np.int64(3), np.float32(0.5)])
def test_seconds_are_returned_as_a_float(seconds: Any) -> None:
    checked = checked_seconds("patience", seconds)
    assert type(checked) is float
    assert checked == seconds


@pytest.mark.parametrize("seconds", [0, -1, True, "5", None, float("nan"), float("inf"), np.array([1.0])])
def test_other_values_for_seconds_are_named(seconds: Any) -> None:
    with pytest.raises(ValueError, match=r"patience is .*finite number of seconds above 0, or None"):
        checked_seconds("patience", seconds, ", or None for no limit")
