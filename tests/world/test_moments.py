"""Saving and restoring the state of an episode: the same actions then have the same results."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.tasks import ITEM_IDS

SMALL = (32, 48)


def script(seed: int, n: int) -> list[HumanAction]:
    """Random play."""
    rng = np.random.default_rng(seed)
    keys = ("forward", "attack", "jump", "left", "sprint", "use", "inventory", "drop")
    return [
        human_action(*(key for key in keys if rng.random() < 0.25), camera=tuple(rng.normal(0, 5, 2))) for _ in range(n)
    ]


def trace(env: VoxelEnv, actions: list[HumanAction]) -> list[tuple[str, bytes, float]]:
    result = []
    for action in actions:
        obs, reward, *_ = env.step(action)
        result.append((env.state.digest(), obs["rgb"].tobytes(), float(reward)))
    return result


@pytest.mark.parametrize("task", ["harvest_1_log", "vpt_combat_zombie_plains", "vpt_playground"])
def test_a_restored_state_has_the_same_future(task: str) -> None:
    env = VoxelEnv(task=task, image_size=SMALL)
    env.reset(seed=5)
    trace(env, script(1, 60))
    moment = env.get_state()
    future = trace(env, script(2, 60))
    other = VoxelEnv(task=task, image_size=SMALL)
    for again in (env, other):
        obs = again.set_state(pickle.loads(pickle.dumps(moment)))
        assert again.observation_space.contains(obs)
        assert trace(again, script(2, 60)) == future


def test_a_saved_state_is_not_changed_by_later_steps() -> None:
    env = VoxelEnv(image_size=SMALL)
    env.reset(seed=5)
    moment = env.get_state()
    before = {name: array.copy() for name, array in moment.world.items()}
    trace(env, script(2, 30))
    env.set_state(moment)
    trace(env, script(3, 30))
    assert all(np.array_equal(before[name], moment.world[name]) for name in before)


def test_the_next_world_after_a_restored_state_is_the_same() -> None:
    env = VoxelEnv(image_size=SMALL)
    env.reset(seed=5)
    moment = env.get_state()
    worlds = [env.reset()[1]["world_seed"] for _ in range(2)]
    env.set_state(moment)
    assert [env.reset()[1]["world_seed"] for _ in range(2)] == worlds


def test_a_state_from_an_env_with_another_task_brings_no_reward() -> None:
    env = VoxelEnv(task="harvest_1_log", image_size=SMALL)
    env.reset(seed=5)
    env.state.inventory[0] = (ITEM_IDS["cobblestone"][0], 3, 0)
    other = VoxelEnv(task="harvest_1_cobblestone", image_size=SMALL, dense_reward=True)
    other.set_state(env.get_state())
    assert other.step(human_action())[1] == 0.0


def test_what_is_no_state_is_refused_and_changes_nothing() -> None:
    env = VoxelEnv(image_size=SMALL)
    env.reset(seed=0)
    moment = env.get_state()
    trace(env, script(1, 3))
    digest = env.state.digest()
    with pytest.raises(TypeError, match=r"the state is a dict; it must be a result of get_state\(\)"):
        env.set_state({})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="random numbers are of MT19937, this env's of PCG64"):
        env.set_state(replace(moment, rng=np.random.MT19937(0).state))
    assert env.state.digest() == digest


def test_a_state_of_another_version_is_refused() -> None:
    env = VoxelEnv(image_size=SMALL)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        env.get_state()
    env.reset(seed=0)
    moment = env.get_state()
    worlds: dict[str, Any] = dict(moment.world)
    del worlds["light"]
    object.__setattr__(moment, "world", worlds)
    digest = env.state.digest()
    with pytest.raises(ValueError, match="'light' does not fit"):
        env.set_state(moment)
    assert env.state.digest() == digest


def test_a_closed_env_needs_a_reset() -> None:
    env = VoxelEnv(image_size=SMALL)
    env.reset(seed=0)
    env.close()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(human_action())
    env.reset(seed=0)
    env.step(human_action())
