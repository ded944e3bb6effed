"""A small real environment whose frames show their tick."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.actions.human import human_action_space


def counter_frame(tick: int, size: tuple[int, int] = (48, 80), episode: int = 0) -> np.ndarray:
    """A frame with the tick's 12 binary digits as grey blocks, the episode's 8 below, over a smooth colour ramp."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.stack([60 + 120 * x / width, 60 + 120 * y / height, np.full((height, width), 90.0)], axis=-1)
    frame = ramp.astype(np.uint8)
    half = height // 2
    for digit in range(12):
        frame[: half - 2, digit * width // 12 : (digit + 1) * width // 12] = 230 if tick >> digit & 1 else 25
    for digit in range(8):
        frame[half + 2 :, digit * width // 12 : (digit + 1) * width // 12] = 230 if episode >> digit & 1 else 25
    return frame


def read_counter(frame: np.ndarray) -> tuple[int, int]:
    """(tick, episode) that a frame of ``counter_frame`` shows, whatever its size or codec."""
    height, width = frame.shape[:2]
    quarter = height // 4
    grey = frame.mean(axis=-1)

    def number(row: int, digits: int) -> int:
        return sum(int(grey[row, int((digit + 0.5) * width / 12)] > 127) << digit for digit in range(digits))

    return number(quarter, 12), number(3 * quarter, 8)


class FrameCounterEnv(gym.Env[Any, Any]):
    """Counts its ticks, visibly; the action is the human action and changes nothing.

    The episode number comes from ``options={"episode": n}``, else from counting resets since the last seeded one. The
    reward of tick t is ``t / 10``. The ``"dict"`` layout (MineDojo's) gives one array that is drawn into again and
    again, as some simulators do; the ``"array"`` layout gives a fresh one.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's own convention)

    def __init__(
        self,
        length: int = 50,
        size: tuple[int, int] = (48, 80),
        success: bool | None = None,
        layout: str = "dict",
        render_mode: str | None = None,
    ) -> None:
        self.length, self.size, self.success, self.layout, self.render_mode = length, size, success, layout, render_mode
        self.action_space = human_action_space()
        box = spaces.Box(0, 255, (*size, 3), np.uint8)
        chw = spaces.Box(0, 255, (3, *size), np.uint8)
        self.observation_space = spaces.Dict({"rgb": chw}) if layout == "dict" else box
        self._buffer = np.zeros((*size, 3), np.uint8)
        self._episode = -1
        self._tick = 0

    def _observe(self) -> Any:
        self._buffer[...] = counter_frame(self._tick, self.size, self._episode)
        return {"rgb": np.moveaxis(self._buffer, -1, 0)} if self.layout == "dict" else self._buffer.copy()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._tick = 0
        self._episode = (options or {}).get("episode", self._episode + 1 if seed is None else 0)
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = self._tick / 10
        self._tick += 1
        terminated = self._tick >= self.length
        info = {} if self.success is None else {"success": self.success and terminated}
        return self._observe(), reward, terminated, False, info

    def render(self) -> Any:
        return counter_frame(self._tick, self.size, self._episode)


class EyesEnv(FrameCounterEnv):
    """The same with its frame under keys of its own: ``view``, ``right`` and ``eyes.left``."""

    def __init__(self) -> None:
        super().__init__(layout="array", size=(36, 64))
        picture = self.observation_space
        self.observation_space = spaces.Dict(view=picture, right=picture, eyes=spaces.Dict(left=picture))

    def _observe(self) -> dict[str, Any]:
        frame = super()._observe()
        return {"view": frame, "right": frame, "eyes": {"left": frame}}


class BreakingCounterEnv(FrameCounterEnv):
    """Its game breaks in the third tick, as ``ResilientEnv`` and ``MineDojoEnv`` tell it."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        if reward > 0.15:
            return observation, 0.0, False, True, {**info, "env_error": "the game ended"}
        return observation, reward, terminated, truncated, info
