"""The axes of a camera: bounds, units, rounding, and choices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym.actions.camera_entry import Axis, Camera, find_axes

SPACE = spaces.Dict(
    pixels=spaces.Box(-40, 20, (2,), np.int32),
    exact=spaces.Box(-2.5, 1.5, (1,), np.float32),
    choice=spaces.Discrete(3, start=4),
)


def axis(**camera: Any) -> Axis:
    return find_axes(SPACE, Camera(pitch=None, **camera))[1]


def test_an_axis_that_is_not_there_stays_at_rest() -> None:
    none, _ = find_axes(SPACE, Camera(pitch=None, yaw=("pixels", 0)))
    assert (none.bounds, none.rounds, none.half_step) == ((0.0, 0.0), False, 0.0)
    assert none.nearest([-3.0, 0.0, 3.0]).tolist() == [0, 0, 0]
    assert none.degrees(7) == 0.0
    with pytest.raises(ValueError, match="no entry on this axis"):
        none.number(1.0)


@pytest.mark.parametrize(("unit", "bounds"), [(0.5, (-20.0, 10.0)), (-0.5, (-10.0, 20.0))])
def test_whole_numbers_of_a_unit(unit: float, bounds: tuple[float, float]) -> None:
    pixels = axis(yaw=("pixels", 0), degrees=(1.0, unit))
    assert (pixels.bounds, pixels.rounds, pixels.half_step) == (bounds, True, 0.25)
    assert pixels.nearest([-30.0, -1.2, 1.3, 30.0]).tolist() == [bounds[0], -1.0, 1.5, bounds[1]]
    assert (pixels.number(3.0), type(pixels.number(3.0))) == (3.0 / unit, int)
    assert pixels.degrees(4) == 4 * unit


def test_whole_numbers_stay_within_bounds_between_two_of_them() -> None:
    place = axis(yaw="exact").place
    assert place is not None
    whole = Axis(type(place)(place.path, -2.5, 1.5, True), 2.0)
    assert whole.bounds == (-5.0, 3.0)
    assert whole.nearest([-9.0, 9.0]).tolist() == [-4.0, 2.0]


def test_numbers_that_are_not_whole_are_not_rounded() -> None:
    exact = axis(yaw="exact", degrees=2.0)
    assert (exact.rounds, exact.half_step, exact.bounds) == (False, 0.0, (-5.0, 3.0))
    assert exact.nearest([-9.0, 0.3]).tolist() == [-5.0, 0.3]
    assert exact.number(0.5) == 0.25
    assert exact.degrees(0.25) == 0.5


def test_choices_have_the_degrees_that_are_given() -> None:
    choice = axis(yaw="choice", values=(0, -6, 10), degrees=0.5)
    assert (choice.bounds, choice.rounds, choice.half_step) == ((-3.0, 5.0), True, 2.5)
    assert choice.nearest([-9.0, -1.4, 2.4, 2.6]).tolist() == [-3.0, 0.0, 0.0, 5.0]
    assert [choice.number(degrees) for degrees in (0.0, -3.0, 5.0)] == [4, 5, 6]
    assert [choice.degrees(number) for number in (4, 5, 6)] == [0.0, -3.0, 5.0]
    for number in (3, 7, 4.5):
        with pytest.raises(ValueError, match="is not one of the camera's 3 choices"):
            choice.degrees(number)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({"yaw": "exact", "degrees": 0}, "degrees is 0"),
        ({"yaw": "exact", "degrees": (1.0, 0.0)}, "must be one number other than 0"),
        ({"yaw": "exact", "degrees": (1.0, 2.0, 3.0)}, "must be one number other than 0"),
        ({"yaw": "exact", "degrees": float("inf")}, "degrees is inf"),
        ({"yaw": "choice"}, "camera must be able to be 0, which is no movement, got 4 to 6"),
        ({"yaw": "choice", "values": (0, 1)}, "values has 2 choices; the entry 'choice' is from 4 to 6"),
        ({"yaw": "choice", "values": (0, 1, 2, 3)}, "values has 4 choices"),
        ({"yaw": "choice", "values": (1, 2, 3)}, "one of values must be 0"),
        ({"yaw": "exact", "values": (0, 1, 2, 3, 4)}, "values has 5 choices"),
    ],
)
def test_a_camera_that_does_not_fit_is_refused(camera: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        axis(**camera)
