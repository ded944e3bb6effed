"""The env for open-ended play: each episode starts in another way, which its seed draws."""

from __future__ import annotations

from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.world.ids import PLAY, PLAY_STEPS
from vpt_gym.world.play_env import INVENTORIES, LANDS, SIZES, TIMES, PlayEnv, draw_task
from vpt_gym.world.terrain.generate import TERRAINS
from vpt_gym.wrappers import VPTActionWrapper, VPTObsWrapper

SEED = SEEDS["play"].stop - 100


def test_all_lands_times_and_inventories_come_up() -> None:
    tasks = [draw_task(np.random.default_rng(seed)) for seed in range(400)]
    assert {task.terrain for task in tasks} == set(LANDS) == set(TERRAINS)
    for least, most in (span for _, span in TIMES.values()):
        assert any(least <= task.time < most for task in tasks)
    held = Counter(frozenset(task.inventory.items()) for task in tasks)
    assert set(held) == {frozenset(items.items()) for items in INVENTORIES.values()}
    assert min(held.values()) > 60
    orders = {tuple(task.inventory) for task in tasks if len(task.inventory) > 4}
    assert len(orders) > 200  # the items are in other slots
    assert any("zombie" in task.creatures or "spider" in task.creatures for task in tasks)
    assert any(not task.creatures for task in tasks)


def test_the_size_of_the_frames_is_drawn_too() -> None:
    env = gym.make(PLAY)
    sizes = set()
    for seed in range(SEED, SEED + 10):
        observation, _ = env.reset(seed=seed)
        sizes.add(observation["rgb"].shape[1:])
        assert observation in env.observation_space
        assert env.step(env.action_space.sample())[0] in env.observation_space
    assert len(sizes) >= 2
    assert sizes <= set(SIZES)


def test_the_same_seed_gives_the_same_start() -> None:
    first, second = PlayEnv(), PlayEnv()
    second.reset(seed=SEED + 1)
    frames = [env.reset(seed=SEED)[0]["rgb"] for env in (first, second)]
    np.testing.assert_array_equal(*frames)
    assert first.state.digest() == second.state.digest()
    assert first.task == second.task


def test_the_start_does_not_depend_on_a_chosen_size() -> None:
    drawn, chosen = PlayEnv(), PlayEnv(image_size=(32, 48))
    assert drawn.reset(seed=SEED)[1]["world_seed"] == chosen.reset(seed=SEED)[1]["world_seed"]
    assert drawn.task == chosen.task
    assert drawn.state.digest() == chosen.state.digest()


@pytest.mark.parametrize("size", [None, (32, 48)])
def test_it_is_a_proper_gymnasium_env(size: tuple[int, int] | None) -> None:
    check_env(PlayEnv(image_size=size), skip_render_check=True)


def test_a_policy_sees_frames_of_one_size() -> None:
    env = VPTActionWrapper(VPTObsWrapper(gym.make(PLAY)))
    assert {env.reset(seed=seed)[0].shape for seed in range(SEED, SEED + 4)} == {(128, 128, 3)}


def test_an_episode_is_limited() -> None:
    assert gym.spec(PLAY).max_episode_steps == PLAY_STEPS
