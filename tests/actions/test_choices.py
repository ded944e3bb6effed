"""Actions as choices, one integer for each entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym.actions.choices import action_sizes, from_choices, to_choices

MULTI = spaces.MultiDiscrete([3, 2, 5])


@pytest.mark.parametrize(
    ("space", "sizes", "action", "choices"),
    [
        (spaces.Discrete(4), (4,), np.int64(3), [3]),
        (MULTI, (3, 2, 5), np.array([2, 0, 4]), [2, 0, 4]),
        (spaces.MultiBinary(3), (2, 2, 2), np.array([1, 0, 1], np.int8), [1, 0, 1]),
    ],
)
def test_an_action_and_its_choices(
    space: spaces.Space[Any], sizes: tuple[int, ...], action: Any, choices: list[int]
) -> None:
    assert action_sizes(space) == sizes
    given = to_choices(space, action)
    assert (given.dtype, given.tolist()) == (np.int64, choices)
    back = from_choices(space, choices)
    assert space.contains(back)
    assert np.array_equal(back, action)
    assert isinstance(back, np.int64) if isinstance(space, spaces.Discrete) else back.dtype == space.dtype


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(4, start=1),
        spaces.MultiDiscrete([[2, 3]]),
        spaces.MultiDiscrete([2, 3], start=[0, 1]),
        spaces.MultiBinary((2, 3)),
        spaces.Box(0, 1, (2,)),
    ],
)
def test_a_space_without_a_head_is_refused(space: spaces.Space[Any]) -> None:
    for function in (lambda: action_sizes(space), lambda: to_choices(space, 1), lambda: from_choices(space, [1])):
        with pytest.raises(ValueError, match="no head for the action space"):
            function()


@pytest.mark.parametrize("values", [[3, 0, 0], [0, 2, 0], [0, 0, 5], [-1, 0, 0], [0, 0], [0, 0, 0, 0], [0.0, 0, 0]])
def test_what_is_not_in_the_space_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="not in the action space"):
        to_choices(MULTI, values)
    with pytest.raises(ValueError, match=r"are not choices of .* they are \(k,\) = \(3,\)"):
        from_choices(MULTI, values)
    assert to_choices(spaces.MultiBinary(2), [True, False]).tolist() == [1, 0]
