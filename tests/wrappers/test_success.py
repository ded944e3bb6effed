"""Where success is read from."""

from __future__ import annotations

import gymnasium as gym
import pytest

from vpt_gym.wrappers.success import success_of


class MineDojoLike(gym.Env):
    is_successful = True


@pytest.mark.parametrize(
    ("env", "info", "expected"),
    [
        (gym.Env(), {"success": True, "is_success": False}, True),
        (gym.Env(), {"is_success": 0}, False),
        (gym.Wrapper(MineDojoLike()), {}, True),
        (MineDojoLike(), {"success": False}, False),
        (gym.Env(), {}, None),
    ],
)
def test_success_is_read_from_each_place_where_envs_report_it(env, info, expected):
    assert success_of(env, info) is expected
