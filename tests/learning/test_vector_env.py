"""The vector environment of a training: how it is stepped, and which worlds it plays."""

from __future__ import annotations

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from tests.support.clock_env import ClockEnv
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.learning.vector_env import make_vector_env
from vpt_gym.wrappers import EpisodeSeeds
from vpt_gym.wrappers.vector import ThreadVectorEnv

WORLD = EnvArgs("vpt_gym/Harvest1Log-v0", '{"level": "easy", "image_size": [72, 128], "max_episode_steps": 2}')


@pytest.mark.parametrize(
    ("make_env", "kind", "expected"),
    [
        (WORLD.make, "auto", ThreadVectorEnv),
        (partial(ClockEnv, 3), "auto", AsyncVectorEnv),
        (partial(ClockEnv, 3), "threads", ThreadVectorEnv),
        (partial(ClockEnv, 3), "sync", SyncVectorEnv),
    ],
)
def test_the_embedded_world_gets_threads_and_others_processes(make_env, kind, expected):
    envs = make_vector_env(make_env, [range(10)] * 2, kind)
    try:
        assert type(envs) is expected
        envs.reset()
        envs.step(np.zeros((2, 2), np.int64))
    finally:
        envs.close()


def test_each_env_plays_its_own_seeds_in_order():
    envs = make_vector_env(WORLD.make, [range(i, 100, 2) for i in range(2)], "threads")
    worlds = [envs.reset()[1]["world_seed"].tolist()]
    for _ in range(6):
        info = envs.step(np.zeros((2, 2), np.int64))[4]
        if "world_seed" in info:
            worlds.append(info["world_seed"].tolist())
    envs.close()
    env = WORLD.make()
    expected = [[env.reset(seed=seed)[1]["world_seed"] for seed in pair] for pair in ((0, 1), (2, 3), (4, 5))]
    assert worlds == expected


class TestEpisodeSeeds:
    class Reporting(gym.Env):
        observation_space = action_space = gym.spaces.Discrete(1)

        def reset(self, *, seed=None, options=None):
            return 0, {"seed": seed}

    def test_a_seed_that_is_given_is_used_and_uses_up_none(self):
        env = EpisodeSeeds(self.Reporting(), range(5, 8))
        assert [env.reset(seed=seed)[1]["seed"] for seed in (None, 99, None)] == [5, 99, 6]
        assert env.started == 2

    def test_after_the_last_seed_it_begins_again(self):
        env = EpisodeSeeds(self.Reporting(), [3, 1])
        assert [env.reset()[1]["seed"] for _ in range(3)] == [3, 1, 3]

    def test_no_seeds_are_an_error(self):
        with pytest.raises(ValueError, match="seeds is empty"):
            EpisodeSeeds(self.Reporting(), [])

    def test_an_array_of_seeds_is_one_of_whole_numbers(self):
        env = EpisodeSeeds(self.Reporting(), np.arange(4, 6))
        seeds = [env.reset()[1]["seed"] for _ in range(3)]
        assert (seeds, {type(seed) for seed in seeds}) == ([4, 5, 4], {int})

    @pytest.mark.parametrize("seeds", [[1.5, 2], [0, -1], ["a"], [True], np.zeros((2, 2), int), range(-1, 3)])
    def test_what_is_no_seed_is_named(self, seeds):
        with pytest.raises(ValueError, match=r"seeds has .*; each must be a whole number from 0"):
            EpisodeSeeds(self.Reporting(), seeds)

    @pytest.mark.parametrize("seeds", [5, "12", {3}, iter([3])])
    def test_seeds_are_a_sequence(self, seeds):
        with pytest.raises(TypeError, match=r"seeds is .*; it must be a sequence of whole numbers"):
            EpisodeSeeds(self.Reporting(), seeds)
