"""An env whose frame shows the tick: for tests of rollouts."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import code_space


class ClockEnv(gym.Env):
    """Lasts ``length`` ticks; the frame shows the tick, the last tick rewards 1 and terminates or truncates."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def __init__(self, length: int, truncates: bool = False) -> None:
        self.length, self.truncates = length, truncates

    def frame(self):
        return np.full((128, 128, 3), 10 * self.tick, np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.tick = 0
        return self.frame(), {}

    def step(self, action):
        self.tick += 1
        over = self.tick == self.length
        return self.frame(), float(over), over and not self.truncates, over and self.truncates, {"success": over}


class BreakingEnv(ClockEnv):
    """Its game breaks in the third tick of each episode, as ``ResilientEnv`` and ``MineDojoEnv`` report it."""

    def step(self, action):
        if self.tick == 2:
            return self.frame(), 0.0, False, True, {"success": False, "env_error": "the game ended"}
        return super().step(action)
