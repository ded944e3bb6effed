"""A cheap env whose frames and rewards depend on all actions so far, so that one other action changes an episode."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from tests.support.once import first_to_make
from vpt_gym.actions.codec import code_space


class ActionTraceEnv(gym.Env[Any, Any]):
    """Takes VPT codes; lasts 4 to 8 ticks, as the seed decides, and succeeds or is truncated, as the actions decide.

    Args:
        pause: Seconds that each step takes.
        killed: A file. If it does not exist, the process of the env kills itself with SIGKILL in the third step of
            an episode, and makes the file before.
    """

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def __init__(self, pause: float = 0.0, killed: Path | None = None) -> None:
        self.pause, self.killed = pause, killed

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.trace = seed
        self.left = 4 + self.trace % 5
        self.ticks = 0
        return self._frame(), {}

    def _frame(self) -> Any:
        return np.random.default_rng(self.trace).integers(0, 256, (128, 128, 3), np.uint8)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        time.sleep(self.pause)
        self.ticks += 1
        if self.killed is not None and self.ticks == 3 and first_to_make(self.killed):
            os.kill(os.getpid(), signal.SIGKILL)
        self.trace = (self.trace * 31 + int(action[0]) * 121 + int(action[1])) % 1_000_003
        self.left -= 1
        success = self.left == 0 and self.trace % 2 == 0
        return self._frame(), self.trace / 1e6, success, self.left == 0 and not success, {"success": success}
