"""Where success is read from."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from vpt_gym.wrappers.success import success_in, success_of


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
        (gym.Env(), {"success": None}, None),
        (gym.Env(), {"success": float("nan")}, None),
        (gym.Env(), {"success": np.nan, "is_success": np.float32(1.0)}, True),
        (gym.Env(), {"success": np.array([0])}, False),
        (gym.Env(), {"success": np.bool_(True)}, True),
        (gym.Env(), {"success": torch.tensor([1.0])}, True),
    ],
)
def test_success_is_read_from_each_place_where_envs_report_it(env, info, expected):
    assert success_of(env, info) is expected


@pytest.mark.parametrize("value", ["false", "True", [True, False], np.array([True, False]), {"a": 1}, b"0"])
def test_what_is_no_truth_is_refused(value):
    with pytest.raises(TypeError, match=r"info\['success'\] is .*; it must be true or false, or None"):
        success_of(gym.Env(), {"success": value})


@pytest.mark.parametrize(
    ("infos", "expected"),
    [
        ({"success": [True, False], "is_success": [False, True]}, [True, False]),
        ({"is_success": [1, 0]}, [True, False]),
        ({"success": [True, False], "_success": [True, False], "is_success": [False, True]}, [True, True]),
        ({"success": [None, False]}, [None, False]),
        ({"success": [float("nan"), 1.0]}, [None, True]),
        ({}, [None, None]),
    ],
)
def test_success_of_one_environment_of_a_vector(infos, expected):
    arrays = {name: np.array(values) for name, values in infos.items()}
    assert [success_in(arrays, row) for row in (0, 1)] == expected
