"""A small real environment in each dialect: a player who turns, on a picture that shows the view."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.actions import craftground, minedojo_spaces
from vpt_gym.actions.human import human_action_space

DIALECTS = ("human", "minedojo", "native", "craftground")


def action_space_of(dialect: str, cam_interval: float) -> spaces.Space:
    if dialect == "human":
        return human_action_space()
    if dialect == "minedojo":
        bins = round(360 / cam_interval) + 1
        return spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, 244, 36])
    camera = {"camera": spaces.Box(-180, 180, (2,), np.float32 if dialect == "craftground" else np.float64)}
    if dialect == "craftground":
        return spaces.Dict({**{name: spaces.Discrete(2) for name in craftground.KEYS if name != "camera"}, **camera})
    words = {name: spaces.Text(40) for name in minedojo_spaces.EVENT_LEVEL if name in minedojo_spaces.AT_REST}
    return spaces.Dict({**{name: spaces.Discrete(2) for name in minedojo_spaces.KEYS}, **words, **camera})


class ViewEnv(gym.Env):
    """Frames are CHW with a negative stride, as MineDojo's; red is the pitch, green the yaw, blue the tick.

    The last action is kept in ``taken``; the reward is 1 in each tick in which attack is held.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self,
        dialect: str = "human",
        image_size: tuple[int, int] = (36, 64),
        cam_interval: float = 15.0,
        render_mode: str | None = None,
        length: int = 1000,
    ) -> None:
        self.dialect, self.size, self.length, self.render_mode = dialect, image_size, length, render_mode
        self.action_space = action_space_of(dialect, cam_interval)
        if dialect == "minedojo":
            self.cam_interval = cam_interval
        self.observation_space = spaces.Dict(
            rgb=spaces.Box(0, 255, (3, *image_size), np.uint8),
            location_stats=spaces.Dict(
                pitch=spaces.Box(-90, 90, (1,), np.float32), yaw=spaces.Box(-np.inf, np.inf, (1,), np.float32)
            ),
        )
        self.taken: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.pitch, self.yaw, self.tick = float(self.np_random.uniform(-80, 80)), 0.0, 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.taken, self.tick = action, self.tick + 1
        if self.dialect == "minedojo":
            pitch, yaw = action[3:5] * self.cam_interval - 180
            attack = action[5] == 3
        else:
            (pitch, yaw), attack = action["camera"], action["attack"]
        self.pitch, self.yaw = min(max(self.pitch + float(pitch), -90.0), 90.0), self.yaw + float(yaw)
        info = {"ticks": 3} if self.dialect == "minedojo" and action[5] in (2, 5) else {}
        return self._observation(), float(attack), self.tick >= self.length, False, info

    def _frame(self) -> np.ndarray:
        frame = np.zeros((*self.size, 3), np.uint8)
        frame[...] = [round(self.pitch + 90), round(self.yaw) % 256, self.tick % 256]
        frame[0] = 255  # the top row, so that a picture upside down is noticed
        return frame

    def _observation(self) -> dict[str, Any]:
        upside_down = np.ascontiguousarray(self._frame()[::-1].transpose(2, 0, 1))
        where = {"pitch": np.array([self.pitch], np.float32), "yaw": np.array([self.yaw], np.float32)}
        return {"rgb": upside_down[:, ::-1], "location_stats": where}

    def render(self) -> np.ndarray | None:
        return self._frame() if self.render_mode == "rgb_array" else None
