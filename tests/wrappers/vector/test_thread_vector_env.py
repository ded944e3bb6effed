"""The vector environment that steps its worlds by threads: the same results as Gymnasium's own."""

from __future__ import annotations

import threading
from copy import deepcopy
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import vpt_gym  # noqa: F401 (registers the environments)
from tests.support.frame_counter_env import FrameCounterEnv, read_counter
from tests.support.varied_env import ARRAYS, SPACES, Told, assert_same, step_both
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.vector import make_worlds
from vpt_gym.wrappers.vector import thread_vector_env
from vpt_gym.wrappers.vector.thread_vector_env import ThreadVectorEnv

SMALL = (32, 48)
LIMIT = 7


def make() -> gym.Env[Any, Any]:
    env: gym.Env[Any, Any] = VoxelEnv(task="harvest_1_dirt", image_size=SMALL)
    return gym.wrappers.TimeLimit(env, LIMIT)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("threads", [1, 3])
def test_it_returns_the_results_of_gymnasiums_vector_env(mode: AutoresetMode, threads: int) -> None:
    ours = ThreadVectorEnv([make] * 5, threads, autoreset_mode=mode)
    theirs = SyncVectorEnv([make] * 5, autoreset_mode=mode)
    ours.action_space.seed(3)
    first, again = ours.reset(seed=10), theirs.reset(seed=10)
    assert_same(first, again)
    step_both(ours, theirs, 2 * LIMIT + 3)
    ours.close()
    theirs.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("space", list(SPACES))
@pytest.mark.parametrize("copy", [True, False])
def test_other_environments_are_batched_as_by_gymnasium(mode: AutoresetMode, space: str, copy: bool) -> None:
    makers = [lambda k=k: Told(k, deepcopy(SPACES[space])) for k in range(4)]
    ours = ThreadVectorEnv(makers, 2, autoreset_mode=mode, copy=copy)
    theirs = SyncVectorEnv(makers, autoreset_mode=mode, copy=copy)
    ours.action_space.seed(1)
    assert_same(ours.reset(seed=5), theirs.reset(seed=5))
    ends, _ = step_both(ours, theirs, 300)
    assert ends > 100
    ours.close()
    theirs.close()


class Wrong(Told):
    """Its observations are not of its space from the first step on."""

    wrong: Any = None

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        return self.wrong, 0.0, False, False, {}


@pytest.mark.parametrize("wrong", [np.zeros((1, 3), np.float32), np.zeros((2, 3), np.complex64), np.zeros(6), 1.0])
def test_observations_that_do_not_fit_are_refused_as_by_gymnasium(wrong: Any) -> None:
    raised = []
    for kind in (ThreadVectorEnv, SyncVectorEnv):
        envs = kind([lambda: Wrong(0, ARRAYS["box"])] * 2)
        envs.set_attr("wrong", [wrong, wrong])
        envs.reset(seed=0)
        with pytest.raises((TypeError, ValueError)) as error:
            envs.step(envs.action_space.sample())
        raised.append(error.type)
        envs.close()
    assert issubclass(raised[0], raised[1])


def test_observations_of_other_dtypes_are_cast_as_by_gymnasium() -> None:
    found = []
    for kind in (ThreadVectorEnv, SyncVectorEnv):
        envs = kind([lambda: Wrong(0, ARRAYS["box"])] * 2)
        envs.set_attr("wrong", [np.full((2, 3), 0.1), np.full((2, 3), 0.1)])
        envs.reset(seed=0)
        found.append(envs.step(envs.action_space.sample()))
        envs.close()
    assert found[0][0].dtype == np.float32
    assert_same(found[0], found[1])


def test_a_step_after_the_end_is_refused_if_nothing_resets() -> None:
    envs = ThreadVectorEnv([make] * 2, autoreset_mode=AutoresetMode.DISABLED)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(LIMIT):
        envs.step(envs.action_space.sample())
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        envs.step(envs.action_space.sample())
    envs.close()


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


class Clock:
    """Stands still until somebody moves it."""

    now = 0.0

    def read(self) -> float:
        return self.now


class Slow(gym.Env[Any, Any]):
    """Notes when it begins a step or an episode. A step takes as long on the ``clock`` as it is told."""

    observation_space = action_space = gym.spaces.Discrete(2)

    def __init__(self, name: int, begun: list[int], seconds: float = 0.0, clock: Clock | None = None) -> None:
        self.name, self.begun, self.seconds, self.clock = name, begun, seconds, clock or Clock()
        self.over = False

    def step(self, action: Any) -> Any:
        self.begun.append(self.name)
        self.clock.now += self.seconds
        return 0, 0.0, self.over, False, {}

    def reset(self, **kwargs: Any) -> Any:
        self.begun.append(self.name)
        return 0, {}


def test_the_last_observation_is_kept_though_the_environment_draws_the_next_into_its_array() -> None:
    makers = [partial(FrameCounterEnv, length=length) for length in (2, 3)]
    envs = ThreadVectorEnv(makers, 1, autoreset_mode=AutoresetMode.SAME_STEP)
    envs.reset()
    for tick in (1, 2, 3):
        observations, *_, infos = envs.step(envs.action_space.sample())
        for row, length in enumerate((2, 3)):
            if tick == length:
                assert read_counter(np.moveaxis(infos["final_obs"][row]["rgb"], 0, -1)) == (length, 0)
                assert read_counter(np.moveaxis(observations["rgb"][row], 0, -1)) == (0, 1)
    envs.close()


def test_the_slowest_begin_first_and_before_them_those_to_be_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    clock = Clock()
    monkeypatch.setattr(thread_vector_env, "perf_counter", clock.read)
    worlds = [Slow(k, begun, seconds, clock) for k, seconds in enumerate((0.0, 0.6, 0.3))]
    envs = ThreadVectorEnv([lambda env=env: env for env in worlds], threads=1)
    envs.reset(seed=0)
    actions = np.zeros(3, np.int64)
    envs.step(actions)
    worlds[0].over = True
    for expected in ([1, 2, 0], [0, 1, 2]):
        begun.clear()
        envs.step(actions)
        assert begun == expected
    envs.close()


@pytest.mark.parametrize("number", [2, 4])
def test_a_wrong_number_of_actions_is_refused_before_anything_is_stepped(number: int) -> None:
    begun: list[int] = []
    envs = ThreadVectorEnv([lambda k=k: Slow(k, begun) for k in range(3)])
    envs.reset(seed=0)
    begun.clear()
    with pytest.raises(ValueError, match="argument"):
        envs.step(np.zeros(number, np.int64))
    assert not begun
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


def threads_of_worlds() -> int:
    return sum(thread.name.startswith("world") for thread in threading.enumerate())


def test_closing_ends_the_threads() -> None:
    before = threads_of_worlds()
    envs = make_worlds(4, threads=4, image_size=SMALL)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    envs.step(envs.action_space.sample())
    assert threads_of_worlds() > before
    envs.close()
    assert threads_of_worlds() == before


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        make_worlds(2, threads=0)
