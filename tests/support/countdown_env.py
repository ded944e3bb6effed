"""A cheap env whose episodes are decided by the seeds of their worlds."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import code_space


class CountdownEnv(gym.Env):
    """Ends after a number of ticks that the seed decides; succeeds when the seed is even."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()
    open = 0

    def __init__(self, tells_success: bool = True) -> None:
        self.tells_success = tells_success
        type(self).open += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.left = seed, 3 + seed % 5
        return self.frame(), {}

    def frame(self):
        return np.full((128, 128, 3), (self.seed * 7 + self.left) % 256, np.uint8)

    def step(self, action):
        assert self.action_space.contains(action)
        self.left -= 1
        ended, success = self.left == 0, self.seed % 2 == 0
        info = {"success": success} if self.tells_success else {}
        return self.frame(), float(success and ended), ended and success, ended and not success, info

    def close(self):
        type(self).open -= 1
