"""An env whose rewards are the seed of its world: for tests of which worlds are played."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import code_space


class SeedRewardEnv(gym.Env[Any, Any]):
    """Episodes of two ticks; each tick rewards the seed that the episode was reset with."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.seed, self.tick = seed, 0
        return np.zeros((128, 128, 3), np.uint8), {}

    def step(self, action: Any) -> Any:
        self.tick += 1
        return np.full((128, 128, 3), self.tick, np.uint8), float(self.seed or 0), self.tick == 2, False, {}


def worlds_in(rollout: Any) -> list[set[int]]:
    """Returns the seeds of the worlds in each row of a rollout."""
    rows = zip(rollout.reward.tolist(), rollout.weight.tolist(), strict=True)
    return [{int(seed) for seed, counts in zip(*row, strict=True) if counts} for row in rows]
