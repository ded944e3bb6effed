"""``MortalCounter-v0``: a ``ScriptedCounter-v0`` whose process is killed once, in the middle of one episode."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import gymnasium as gym

from tests.support.once import first_to_make
from tests.support.scripted_counter import ScriptedCounter


class MortalCounter(ScriptedCounter):
    """Kills its process with SIGKILL at tick 5 of the episode of ``seed``, unless the file ``killed`` exists."""

    def __init__(self, killed: str, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.killed, self.doomed = Path(killed), seed

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.seed = seed
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.seed == self.doomed and self._tick == 5 and first_to_make(self.killed):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


gym.register("MortalCounter-v0", MortalCounter, max_episode_steps=1000)
