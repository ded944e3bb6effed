"""Arguments of ``vpt_gym.minedojo.make`` that are refused before MineDojo is imported."""

from __future__ import annotations

from typing import Any

import pytest

from vpt_gym import minedojo


@pytest.mark.parametrize(
    "argument",
    [
        {"reset_timeout": float("inf")},  # a socket cannot wait for ever by a number
        {"step_timeout": "5"},
        {"cam_interval": 0},
        {"cam_interval": 360},
        {"cam_interval": True},
        {"cam_interval": "15"},
        {"cam_interval": float("nan")},
        {"image_size": (0, 256)},  # MineDojo took it, and frames of four axes, too
        {"image_size": (144, 256, 3)},
        {"image_size": (144.5, 256)},
        {"image_size": 5000},
        {"image_size": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("resilient", [False, True])
def test_a_wrong_argument_is_named(argument: dict[str, Any], resilient: bool) -> None:
    ((name, _),) = argument.items()
    with pytest.raises(ValueError, match=f"{name} is "):
        minedojo.make("harvest_1_log", resilient=resilient, **argument)
