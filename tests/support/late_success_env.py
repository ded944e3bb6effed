"""``LateSuccess-v0``: the scripted counter, which reports success in the last tick only."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from tests.support.scripted_counter import ScriptedCounter


class LateSuccess(ScriptedCounter):
    """Its info has ``"success"`` only when its episode ends."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        if not (terminated or truncated):
            info.pop("success", None)
        return obs, reward, terminated, truncated, info


gym.register("LateSuccess-v0", LateSuccess, max_episode_steps=1000)
