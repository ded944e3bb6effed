"""The embedded world as a Gymnasium environment, with MineDojo's observations and rewards."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.world.game import Game
from vpt_gym.world.interfaces import make_interface
from vpt_gym.world.observation import Observation, Observer, observation_space
from vpt_gym.world.tasks import TASKS
from vpt_gym.world.tick import Controls

_REST = Controls()


class VoxelEnv(gym.Env[Observation, Any]):
    """First-person survival in a world of blocks, 20 ticks a second.

    Registered as ``vpt_gym/Harvest1Log-v0`` with a limit of 600 steps. An episode ends (``terminated``) when the task
    is done. ``info`` has ``success`` (bool), ``ticks`` (ticks that the step took; 1 but for some ``minedojo``
    actions) and, from ``reset``, ``world_seed``.

    Args:
        task: One of ``TASKS``.
        level: ``"default"``: rolling hills, woods of oaks and birches, start anywhere. ``"easy"``: gentle hills, oaks
            with 5 or 6 logs, start 4 to 8 blocks from a trunk in plain view.
        actions: ``"human"`` (24 keys of MineRL 1.0), ``"minedojo"`` (``MultiDiscrete``) or ``"native"`` (``Dict`` of
            MineDojo's simulator); see ``interfaces``.
        image_size: (height, width) of ``obs["rgb"]``, pixels, at least 32 each.
        cam_interval: Degrees between camera bins; ``"minedojo"`` actions only. MineDojo's own default is 15.
        break_speed: Multiplies the speed of digging; 1 is Minecraft's.
        render_mode: None or ``"rgb_array"``.

    Raises:
        ValueError: An argument out of its range; the message says what is possible.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> env = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(128, 128))
        >>> obs, info = env.reset(seed=0)
        >>> obs["rgb"].shape, info["success"]
        ((3, 128, 128), False)
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's declared type)

    def __init__(
        self,
        task: str = "harvest_1_log",
        level: str = "default",
        actions: str = "human",
        image_size: Sequence[int] = (144, 256),
        cam_interval: float = 0.15,
        break_speed: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        if task not in TASKS:
            raise ValueError(f"task is {task!r}; the embedded world has {', '.join(TASKS)}")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'")
        try:
            height, width = (operator.index(n) for n in image_size)
        except (TypeError, ValueError) as error:
            raise ValueError(f"image_size is {image_size!r}; it must be two integers, (height, width)") from error
        self.render_mode = render_mode
        self.task = TASKS[task]
        self._game = Game(level, height, width, break_speed)
        self.state = self._game.state
        self._interface = make_interface(actions, cam_interval)
        self._observer = Observer()
        self._frame: np.ndarray[Any, Any] | None = None
        self._held = 0
        self.action_space = self._interface.action_space
        self.observation_space = observation_space(height, width)

    @property
    def elapsed_ticks(self) -> int:
        """Ticks since the episode began."""
        return self._game.ticks

    @property
    def world_seed(self) -> int:
        """Seed of the episode's world."""
        return self._game.world_seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Makes a new world and puts the player into it.

        Args:
            seed: Same seed, same world and start. Without one, the next world of this env's random numbers.
            options: Not used.

        Returns:
            The first observation, and ``info``.
        """
        super().reset(seed=seed)
        self._game.begin(self.np_random)
        self._held = 0
        self._observer.reset()
        return self._observe(), {"success": False, "ticks": 0, "world_seed": self.world_seed}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Plays one action, one tick unless the interface says otherwise.

        Raises:
            ValueError: The action is not in ``action_space``.
            gymnasium.error.ResetNeeded: There was no ``reset``.
        """
        if self._frame is None:
            raise gym.error.ResetNeeded("call reset() before the first step()")
        controls, extra = self._interface.controls(action, self.state.inventory)
        reward, success, ticks = 0.0, False, 0
        while ticks <= extra and not success:
            gained, success = self._tick(controls if ticks == 0 else _REST)
            reward += gained
            ticks += 1
        return self._observe(), reward, success, False, {"success": success, "ticks": ticks}

    def render(self) -> np.ndarray[Any, Any] | None:
        """Returns the latest frame as (H, W, 3) uint8, or None without ``render_mode="rgb_array"``."""
        if self.render_mode is None or self._frame is None:
            return None
        return np.ascontiguousarray(self._frame.transpose(1, 2, 0))

    def _tick(self, controls: Controls) -> tuple[float, bool]:
        """Advances the world by one tick; returns reward and success."""
        self._game.tick(controls)
        before, self._held = self._held, self.task.count(self.state.inventory)
        return self.task.reward(before, self._held), self.task.success(self._held)

    def _observe(self) -> Observation:
        self._frame = self._game.draw()
        return self._observer.observe(self.state, self._frame)
