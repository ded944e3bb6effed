"""``Eyes-v0``: its frame is nested under a key of its own, and it never says whether an episode was a success."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.actions.human import human_action_space


class Eyes(gym.Env[Any, Any]):
    """Ends after three ticks."""

    observation_space = spaces.Dict(eyes=spaces.Dict(left=spaces.Box(0, 255, (36, 64, 3), np.uint8)))
    action_space = human_action_space()

    def _observation(self) -> dict[str, Any]:
        return {"eyes": {"left": np.full((36, 64, 3), self.tick, np.uint8)}}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.tick = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.tick += 1
        return self._observation(), 0.0, self.tick == 3, False, {}


gym.register("Eyes-v0", Eyes, max_episode_steps=1000)
