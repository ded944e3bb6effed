"""An env whose frames show their tick, to be played; and an expert for it."""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym

from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym.actions.human import HumanAction, human_action


class PlayEnv(FrameCounterEnv):
    """Counts like ``FrameCounterEnv``; on request it also fails or is slow.

    Args:
        breaks_at: Tick in which it raises an error.
        reports_at: Tick in which it reports, like MineDojo's, that the game failed.
        seconds: Duration of each tick.
        **kwargs: For ``FrameCounterEnv``.
    """

    def __init__(
        self, breaks_at: int = -1, reports_at: int = -1, seconds: float = 0.0, length: int = 10_000, **kwargs: Any
    ) -> None:
        super().__init__(length=length, **kwargs)
        self.breaks_at, self.reports_at, self.seconds = breaks_at, reports_at, seconds
        self.seeds: list[int | None] = []
        self.executed: list[HumanAction] = []
        self.closed = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.seeds.append(seed)
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._tick == self.breaks_at:
            raise RuntimeError("the world has ended")
        self.executed.append(action)
        time.sleep(self.seconds)
        observation, reward, terminated, truncated, info = super().step(action)
        if self._tick == self.reports_at:
            return observation, reward, terminated, True, {**info, "env_error": "the game has ended"}
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        self.closed += 1


class TurningExpert:
    """Always turns right by 2 degrees."""

    def reset(self) -> None: ...

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        return human_action("forward", camera=(0.0, 2.0))


gym.register("PlayEnv-v0", entry_point=PlayEnv, disable_env_checker=True)
