"""The vector environment that steps its worlds by threads: the same results as Gymnasium's own."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.vector import ThreadVectorEnv, make_worlds

SMALL = (32, 48)
LIMIT = 7


def make() -> gym.Env[Any, Any]:
    env: gym.Env[Any, Any] = VoxelEnv(task="harvest_1_dirt", image_size=SMALL)
    return gym.wrappers.TimeLimit(env, LIMIT)


def flat(obs: Any) -> list[np.ndarray[Any, Any]]:
    return [leaf for value in obs.values() for leaf in flat(value)] if isinstance(obs, dict) else [np.asarray(obs)]


def same(a: Any, b: Any) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(flat(a), flat(b), strict=True))


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("threads", [1, 3])
def test_it_gives_what_gymnasiums_vector_env_gives(mode: AutoresetMode, threads: int) -> None:
    ours = ThreadVectorEnv([make] * 5, threads, autoreset_mode=mode)
    theirs = SyncVectorEnv([make] * 5, autoreset_mode=mode)
    ours.action_space.seed(3)
    first, again = ours.reset(seed=10), theirs.reset(seed=10)
    assert same(first[0], again[0])
    for _ in range(2 * LIMIT + 3):
        actions = ours.action_space.sample()
        found, expected = ours.step(actions), theirs.step(actions)
        assert same(found[0], expected[0])
        for k in (1, 2, 3):
            assert np.array_equal(found[k], expected[k])
        assert set(found[4]) == set(expected[4])
        assert np.array_equal(found[4]["ticks"], expected[4]["ticks"])
        over = found[2] | found[3]
        if mode == AutoresetMode.DISABLED and over.any():
            for env in (ours, theirs):
                env.reset(options={"reset_mask": over})
    ours.close()
    theirs.close()


def test_make_vec_finds_it_and_keeps_the_limit() -> None:
    envs = gym.make_vec("vpt_gym/Harvest1Log-v0", num_envs=3, image_size=SMALL, level="easy")
    assert isinstance(envs, ThreadVectorEnv)
    obs, _info = envs.reset(seed=[4, 5, 6])
    assert obs["rgb"].shape == (3, 3, *SMALL)
    alone = VoxelEnv(level="easy", image_size=SMALL)
    for k, seed in enumerate((4, 5, 6)):
        assert np.array_equal(alone.reset(seed=seed)[0]["rgb"], obs["rgb"][k])
    short = gym.make_vec("vpt_gym/Harvest1Log-v0", num_envs=2, image_size=SMALL, max_episode_steps=2)
    short.reset(seed=0)
    short.action_space.seed(0)
    assert not short.step(short.action_space.sample())[3].any()
    assert short.step(short.action_space.sample())[3].all()


def test_observations_are_copies_unless_asked_otherwise() -> None:
    for copy in (True, False):
        envs = make_worlds(2, image_size=SMALL, copy=copy)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        first = envs.step(envs.action_space.sample())[0]["location_stats"]["yaw"]
        kept = first.copy()
        for _ in range(3):
            envs.step(envs.action_space.sample())
        assert np.array_equal(first, kept) == copy
        envs.close()


class Breaks(gym.Wrapper[Any, Any, Any, Any]):
    """Fails at its third step."""

    steps = 0

    def step(self, action: Any) -> Any:
        self.steps += 1
        if self.steps == 3:
            raise RuntimeError("the third step fails")
        return self.env.step(action)


def test_an_error_reaches_the_caller_and_a_reset_mends_it() -> None:
    envs = ThreadVectorEnv([make, lambda: Breaks(make()), make], threads=2)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(2):
        envs.step(envs.action_space.sample())
    with pytest.raises(RuntimeError, match="the third step fails"):
        envs.step(envs.action_space.sample())
    obs, _ = envs.reset(seed=0)
    assert np.array_equal(obs["rgb"][0], make().reset(seed=0)[0]["rgb"])
    envs.step(envs.action_space.sample())
    envs.close()


def test_closing_ends_the_threads() -> None:
    before = threading.active_count()
    envs = make_worlds(4, threads=4, image_size=SMALL)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    envs.step(envs.action_space.sample())
    assert threading.active_count() > before
    envs.close()
    assert threading.active_count() == before


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        make_worlds(2, threads=0)
