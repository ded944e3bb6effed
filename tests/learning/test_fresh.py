"""When a training starts from fresh weights."""

from __future__ import annotations

import pytest

from vpt_gym.learning.fresh import is_fresh


@pytest.mark.parametrize(
    ("model", "weights", "fresh"),
    [
        ("nano", None, True),
        ("3x", None, True),
        ("1x", "foundation-model-1x.weights", False),
        ("nano-foundation", None, False),
        ("runs/bc/agent", None, False),
        ("foundation-model-1x.model", "foundation-model-1x.weights", False),
    ],
)
def test_weights_are_fresh_for_a_size_without_a_file(model, weights, fresh):
    assert is_fresh(model, weights) is fresh
