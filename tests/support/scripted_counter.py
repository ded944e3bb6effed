"""``ScriptedCounter-v0``, a small env whose episodes depend on their seed, with an expert and one that fails."""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium as gym

from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym.actions.human import HumanAction, human_action

CRAWLS_FROM = "COUNTER_CRAWLS_FROM"
"""Variable with "LONGEST SEED": in an env of this ``longest``, steps of episodes from this seed on take two seconds.

A test that stops a program before these episodes end does not depend on how fast the machine is. This is no argument of
the env, because arguments tell recordings from one another.
"""


class ScriptedCounter(FrameCounterEnv):
    """Shows seed and tick. Every third seed fails, and lengths vary; both depend on the seed alone."""

    def __init__(self, longest: int = 20, pause: float = 0.0, reports_success: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest, self.pause, self.reports_success = longest, pause, reports_success

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        assert seed is not None
        self.length = self.longest // 2 + seed * 7 % (self.longest // 2)
        longest, first = map(int, os.environ.get(CRAWLS_FROM, "0 0").split())
        self.crawls = longest == self.longest and seed >= first
        self.success = seed % 3 != 2 if self.reports_success else None
        return super().reset(seed=seed, options={"episode": seed % 256})

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        time.sleep(2.0 if self.crawls else self.pause)
        return super().step(action)


class CounterExpert:
    """Encodes its tick in the camera movement; only ``reset`` sets the tick back to 0."""

    def __init__(self) -> None:
        self.ticks = 0

    def reset(self) -> None:
        self.ticks = 0

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        self.ticks += 1
        return human_action("forward", *["attack"] * (self.ticks % 3 == 0), camera=(self.ticks / 10, 0.0))


class FailingExpert(CounterExpert):
    """Fails in its fifth tick."""

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        if self.ticks == 4:
            raise ArithmeticError("the expert is at its wits' end")
        return super().act(env)


gym.register("ScriptedCounter-v0", ScriptedCounter, max_episode_steps=1000)
