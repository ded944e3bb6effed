"""Observations have the parts that were chosen, with the values that they have among all."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from vpt_gym.actions.human import human_action
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.interface.observation_space import PARTS
from vpt_gym.world.play_env import PlayEnv

TASK = "harvest_1_cobblestone_with_wooden_pickaxe"


def assert_equal(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            assert_equal(found[name], expected[name])
    else:
        np.testing.assert_array_equal(found, expected)
        assert np.asarray(found).dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("parts", [("rgb",), ("life_stats", "rgb"), ("rgb", "masks", "voxels"), ["delta_inv", "rgb"]])
def test_chosen_parts_are_those_of_the_complete_observation(parts: list[str]) -> None:
    some, everything = VoxelEnv(TASK, image_size=(32, 32), observations=parts), VoxelEnv(TASK, image_size=(32, 32))
    assert set(some.observation_space.spaces) == set(parts)
    pairs = [(some.reset(seed=4)[0], everything.reset(seed=4)[0])]
    for keys in (("attack",), ("hotbar.3",), ("inventory",), ("drop",)):
        action = human_action(*keys, camera=(30.0, 4.0))
        pairs.append((some.step(action)[0], everything.step(action)[0]))
    assert set(everything.observation_space.spaces) == set(PARTS)
    for found, complete in pairs:
        assert_equal(found, {name: complete[name] for name in PARTS if name in parts})
        assert found in some.observation_space


def test_every_way_to_make_a_world_takes_them() -> None:
    envs = gym.make_vec("vpt_gym/Harvest1Log-v0", 2, image_size=(32, 32), observations=("rgb", "life_stats"))
    observation, _ = envs.reset(seed=0)
    assert set(observation) == {"rgb", "life_stats"}
    assert envs.step(envs.action_space.sample())[0]["life_stats"]["food"].shape == (2, 1)
    play = PlayEnv(observations=["rgb"])
    assert set(play.reset(seed=3_000_000)[0]) == set(play.observation_space.spaces) == {"rgb"}


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        ("rgb", "observations is 'rgb'; it must be a sequence of keys"),
        (3, "observations is 3; it must be a sequence of keys"),
        (["rgb", 3], "it must be a sequence of keys"),
        (["rgb", "life_stat"], r"observations has 'life_stat' \(did you mean 'life_stats'\?\); the keys are rgb, inv"),
        (["life_stats"], 'it must have "rgb", the frame'),
    ],
)
def test_other_choices_are_refused(observations: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VoxelEnv(observations=observations)
