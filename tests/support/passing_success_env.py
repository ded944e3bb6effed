"""``PassingSuccess-v0``: the scripted counter, which reports success in the third tick of each episode alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from tests.support.scripted_counter import ScriptedCounter


class PassingSuccess(ScriptedCounter):
    """Its info says in each tick whether the goal is reached in that tick, as many environments for robots do."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.ticks = 0
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        self.ticks += 1
        info["success"] = self.ticks == 3
        return obs, reward, terminated, truncated, info


gym.register("PassingSuccess-v0", PassingSuccess, max_episode_steps=1000)
