"""Where episodes begin in a vector environment, in each autoreset mode."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from vpt_gym import EpisodeStarts


class CountingEnv(gym.Env[Any, Any]):
    """Observes (episode, tick); an episode has ``length`` ticks."""

    observation_space = gym.spaces.Box(0, 1000, (2,), np.int64)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int) -> None:
        self.length = length
        self.episode = -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.episode += 1
        self.tick = 0
        return np.array([self.episode, 0]), {}

    def step(self, action: int) -> Any:
        self.tick += 1
        over = self.tick == self.length
        return (
            np.array([self.episode, self.tick]),
            1.0,
            over and self.length % 2 == 0,
            over and self.length % 2 == 1,
            {},
        )


LENGTHS = (1, 2, 3, 5)


def make(kind: type, mode: AutoresetMode) -> EpisodeStarts:
    return EpisodeStarts(kind([lambda n=n: CountingEnv(n) for n in LENGTHS], autoreset_mode=mode))


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_first_is_where_the_tick_is_zero_and_played_where_an_action_counted(kind: type, mode: AutoresetMode) -> None:
    envs = make(kind, mode)
    observations, _ = envs.reset(seed=0)
    played = np.zeros(len(LENGTHS))
    for _ in range(25):
        assert envs.first.tolist() == (observations[:, 1] == 0).tolist()
        observations, rewards, *_ = envs.step(np.zeros(len(LENGTHS), np.int64))
        assert envs.played.tolist() == (rewards == 1.0).tolist()
        played += envs.played
    assert (played < 25).any() is np.bool_(mode is AutoresetMode.NEXT_STEP)
    observations, _ = envs.reset()
    assert envs.first.all()
    envs.close()


def test_with_manual_resets_the_mask_determines_it() -> None:
    envs = make(SyncVectorEnv, AutoresetMode.DISABLED)
    observations, _ = envs.reset(seed=0)
    for _ in range(25):
        assert envs.first.tolist() == (observations[:, 1] == 0).tolist()
        observations, _, terminated, truncated, _ = envs.step(np.zeros(len(LENGTHS), np.int64))
        assert not envs.first.any()
        assert envs.played.all()
        # one after the other: an episode that waits for its first action keeps its mark
        for row in np.flatnonzero(terminated | truncated):
            mask = np.arange(len(LENGTHS)) == row
            observations, _ = envs.reset(options={"reset_mask": mask})


def test_a_first_mark_is_the_callers_own() -> None:
    envs = make(SyncVectorEnv, AutoresetMode.SAME_STEP)
    envs.reset()
    envs.step(np.zeros(len(LENGTHS), np.int64))
    envs.first[:] = True
    envs.step(np.zeros(len(LENGTHS), np.int64))
    assert envs.first.tolist() == [True, True, False, False]


def test_what_is_no_vector_environment_is_refused() -> None:
    with pytest.raises(TypeError, match=r"needs a gymnasium.vector.VectorEnv, got CountingEnv.*agent.reset"):
        EpisodeStarts(CountingEnv(3))  # type: ignore[arg-type]
    silent = SyncVectorEnv([lambda: CountingEnv(3)])
    silent.metadata = {}
    with pytest.raises(ValueError, match="autoreset_mode"):
        EpisodeStarts(silent)
