"""The embedded world as a Gymnasium environment, with MineDojo's observations and rewards."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np

from vpt_gym.system.did_you_mean import did_you_mean
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown
from vpt_gym.world.creatures.spawning import MOST_MONSTERS
from vpt_gym.world.game import Game, ItemStack, Spawn, Start
from vpt_gym.world.interface.actions import CAM_INTERVAL, make_interface
from vpt_gym.world.interface.observation import Observation, Observer
from vpt_gym.world.interface.observation_space import chosen_parts, observation_space
from vpt_gym.world.player.controls import NO_INPUT, Controls
from vpt_gym.world.player.screen_layout import INVENTORY_SCREEN, WINDOW_HEIGHT, WINDOW_WIDTH
from vpt_gym.world.render.renderer import PolicyRenderer, Renderer
from vpt_gym.world.tasks import CREATURE_IDS, ITEM_IDS, TASKS, Task
from vpt_gym.world.terrain.generate import TERRAINS

Array = np.ndarray[Any, Any]

MAX_SIDE = 4096
"""The largest height and width of a picture, pixels."""
POLICY_FRAMES = "policy"
"""The ``image_size`` of frames as a policy sees them."""
MAX_BREAK_SPEED = 1_000_000


@dataclass(frozen=True)
class EnvState:
    """The state of an episode at one moment, from ``VoxelEnv.get_state``. It can be pickled; it takes about 5 MB.

    Attributes:
        world: The arrays of the world, by name.
        ticks: Ticks since the episode began.
        world_seed: Seed of the world.
        rng: State of the env's random numbers.
    """

    world: dict[str, Array]
    ticks: int
    world_seed: int
    rng: dict[str, Any]


def start_of(task: Task) -> Start:
    """Returns how the episodes of a task start."""
    return Start(
        inventory=[ItemStack(slot, ITEM_IDS[name][0], n) for slot, (name, n) in enumerate(task.inventory.items())],
        spawns=[Spawn(CREATURE_IDS[name], n, *task.creature_range) for name, n in task.creatures.items()],
        animals=task.animals,
        monsters=MOST_MONSTERS if task.monsters else 0,
        time=task.time,
        frozen=not task.time_passes,
    )


def _renderer_of(image_size: Any) -> Renderer:
    """Returns what draws frames of a size.

    Raises:
        ValueError: The world draws no such frames.
    """
    if isinstance(image_size, str) and image_size == POLICY_FRAMES:
        return PolicyRenderer()
    try:
        if isinstance(image_size, str):
            raise ValueError("not a name of a size")
        height, width = (operator.index(n) for n in image_size)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"image_size is {shown(image_size)}; it must be two integers, (height, width), or {POLICY_FRAMES!r}"
        ) from error
    if max(height, width) > MAX_SIDE:
        raise ValueError(
            f"image_size is {shown(image_size)}; the world draws at most {MAX_SIDE:,} pixels each way, and "
            f"policies see 128 x 128: image_size={POLICY_FRAMES!r}"
        )
    return Renderer(height, width)


class VoxelEnv(gym.Env[Observation, Any]):
    """First-person survival in a world of blocks, 20 ticks a second.

    Registered for each of ``TASKS`` with its limit of steps, as ``vpt_gym/Harvest1Log-v0`` for ``"harvest_1_log"``. An
    episode ends (``terminated``) when the task is done or the player dies. ``info`` has ``success`` and
    ``is_success`` (bool, the same; None where the task has no target), ``death`` (bool), ``ticks`` (ticks that the step
    took; 1 but for some ``minedojo`` actions), ``is_gui_open`` and ``is_gui_inventory`` (bool), while a screen is open
    ``gui_cursor`` ((x, y), from 0 at left and top to 1) and, from ``reset``, ``world_seed`` and ``prompt``.

    Args:
        task: A name of ``TASKS``, a ``Task`` of your own, or a mapping of its fields (``Task.from_mapping``), as in a
            spec that was read from JSON.
        level: ``"default"`` for the terrain of the task, or a name of ``vpt_gym.world.terrain.generate.TERRAINS``, such
            as ``"easy"``: gentle hills, oaks with 5 or 6 logs, and a start 4 to 8 blocks from a trunk in plain view.
        actions: ``"human"`` (MineRL 1.0's), ``"minedojo"`` (``MultiDiscrete``) or ``"native"`` (``Dict`` of
            MineDojo's simulator); see ``vpt_gym.world.interface.actions``.
        image_size: (height, width) of ``obs["rgb"]``, pixels, 32 to 4096 each. Or ``"policy"``: 128 x 128, equal to
            frames of (360, 640) that ``VPTObsWrapper`` scales, but drawn several times as fast.
        cam_interval: Degrees between camera bins; ``"minedojo"`` actions only. MineDojo's own default is 15.
        break_speed: Multiplies the speed of digging; 1 is Minecraft's.
        dense_reward: Add the gain of the step in the task's ``potential`` to the reward.
        render_mode: None or ``"rgb_array"``.
        observations: Keys of the observation, ``"rgb"`` among them; None: all of MineDojo's. What is left out is not
            built: with ``"rgb"`` alone a tick takes about an eighth less time.

    Raises:
        ValueError: An argument is out of its range; the message names the possible values.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> env = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(128, 128))
        >>> obs, info = env.reset(seed=0)
        >>> obs["rgb"].shape, info["success"]
        ((3, 128, 128), False)
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's declared type)

    @checks_flags
    def __init__(
        self,
        task: str | Task | Mapping[str, Any] = "harvest_1_log",
        level: str = "default",
        actions: str = "human",
        image_size: Sequence[int] | Literal["policy"] = (144, 256),
        cam_interval: float = CAM_INTERVAL,
        break_speed: float = 1.0,
        dense_reward: bool = False,
        render_mode: str | None = None,
        observations: Sequence[str] | None = None,
    ) -> None:
        if isinstance(task, str):
            if task not in TASKS:
                near = did_you_mean(task, TASKS)
                raise ValueError(f"task is {shown(task)}{near}; the embedded world has {', '.join(TASKS)}")
            task = TASKS[task]
        elif isinstance(task, Mapping):
            task = Task.from_mapping(task)
        elif not isinstance(task, Task):
            raise ValueError(f"task is {shown(task)}; it must be a Task or one of {', '.join(TASKS)}")
        if dense_reward and task.potential is None:
            raise ValueError(f"dense_reward=True, but the task {task.prompt!r} has no potential to take it from")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'")
        renderer = _renderer_of(image_size)
        if not (is_real(break_speed) and 0 < break_speed <= MAX_BREAK_SPEED):
            raise ValueError(
                f"break_speed is {shown(break_speed)}; it must be a number greater than 0 and at most "
                f"{MAX_BREAK_SPEED:,} (1 is Minecraft's)"
            )
        if not isinstance(level, str):
            raise ValueError(f"level is {shown(level)}; it must be 'default' or one of {', '.join(TERRAINS)}")
        self.render_mode = render_mode
        self.task = task
        land = task.terrain if level == "default" else level
        self._game = Game(land, renderer.height, renderer.width, break_speed, start_of(task), renderer)
        self.state = self._game.state
        self._potential = task.potential if dense_reward else None
        self._interface = make_interface(actions, cam_interval)
        self._parts = chosen_parts(observations)
        self._observer = Observer(self._parts)
        self._frame: Array | None = None
        self._measured, self._expected = 0.0, 0.0
        self.action_space = self._interface.action_space
        self.observation_space = observation_space(renderer.height, renderer.width, self._parts)

    @property
    def picture_size(self) -> tuple[int, int]:
        """(height, width) of the picture that a frame shows, pixels: (360, 640) for ``image_size="policy"``."""
        return self._game.renderer.picture_size

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
            seed: The same seed gives the same world and start. Without one, this env's random numbers give the next
                world.
            options: Not used.

        Returns:
            The first observation, and ``info``.
        """
        super().reset(seed=seed)
        self._frame = None  # no episode, if one of the next lines is interrupted
        self._prepare(self.np_random)
        self._game.begin(self.np_random)
        self._measure()
        self._observer.reset()
        return self._observe(), {**self._info(False, 0), "world_seed": self.world_seed, "prompt": self.task.prompt}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Plays one action: one tick, or several for some actions of ``"minedojo"``.

        Raises:
            ValueError: The action is not in ``action_space``.
            gymnasium.error.ResetNeeded: Before the first ``reset``, after ``close``, or after a ``reset`` that failed.
        """
        if self._frame is None:
            raise gym.error.ResetNeeded("call reset() before the first step()")
        controls, extra = self._interface.controls(action, self.state.inventory)
        reward, success, ticks = 0.0, False, 0
        while ticks <= extra and not (success or self._is_dead()):
            gained, success = self._tick(controls if ticks == 0 else NO_INPUT)
            reward += gained
            ticks += 1
        info = self._info(success, ticks)
        return self._observe(controls.craft), reward, success or info["death"], False, info

    def render(self) -> Array | None:
        """Returns the latest frame as (H, W, 3) uint8, or None without ``render_mode="rgb_array"``."""
        if self.render_mode is None or self._frame is None:
            return None
        return np.ascontiguousarray(self._frame.transpose(1, 2, 0))

    def get_state(self) -> EnvState:
        """Returns the present state, for ``set_state`` of this env or of another one with the same arguments.

        Raises:
            gymnasium.error.ResetNeeded: Before the first ``reset``, or after ``close``.
        """
        if self._frame is None:
            raise gym.error.ResetNeeded("call reset() before get_state()")
        world = {name: array.copy() for name, array in self.state.world._asdict().items()}
        rng = dict(self.np_random.bit_generator.state)
        return EnvState(world, self.elapsed_ticks, self.world_seed, rng)

    def set_state(self, state: EnvState) -> Observation:
        """Restores a state: the same actions then have the same results.

        Args:
            state: The result of ``get_state``.

        Returns:
            The observation of that state. Its ``delta_inv`` is empty, because the step before is not known.

        Progress and potential are measured anew, so a state may come from an env with another task.

        Raises:
            TypeError: It is no ``EnvState``.
            ValueError: The state is from another version of this package, whose worlds have other arrays, or its
                random numbers are of another kind. Nothing is changed then.
        """
        if not isinstance(state, EnvState):
            raise TypeError(f"the state is a {type(state).__name__}; it must be a result of get_state()")
        world = self.state.world._asdict()
        for name, array in world.items():
            given = state.world.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                raise ValueError(f"the state's {name!r} does not fit this world: was it made by another version?")
        generator, kind = self.np_random.bit_generator, state.rng.get("bit_generator")
        if kind != type(generator).__name__:
            raise ValueError(
                f"the state's random numbers are of {kind}, this env's of {type(generator).__name__}: was it made by "
                "another version?"
            )
        self._frame = None  # as in reset()
        generator.state = state.rng
        for name, array in world.items():
            array[:] = state.world[name]
        self._game.ticks, self._game.world_seed = state.ticks, state.world_seed
        self._measure()
        self._observer.reset()
        return self._observe()

    def close(self) -> None:
        """Ends the episode; ``reset`` may begin another."""
        self._frame = None

    def _prepare(self, rng: np.random.Generator) -> None:
        """Called at the start of each ``reset``. ``PlayEnv`` draws the start of the episode."""

    def _info(self, success: bool, ticks: int) -> dict[str, Any]:
        screen = self.state.screen[0]
        reported = success if math.isfinite(self.task.target) else None  # a task without a target cannot fail
        info: dict[str, Any] = {
            "success": reported,
            "is_success": reported,  # the name that Gymnasium-Robotics and Stable-Baselines3 use
            "death": self._is_dead(),
            "ticks": ticks,
            "is_gui_open": bool(screen["open"]),
            "is_gui_inventory": bool(screen["open"] == INVENTORY_SCREEN),
        }
        if info["is_gui_open"]:
            info["gui_cursor"] = (float(screen["cursor_x"]) / WINDOW_WIDTH, float(screen["cursor_y"]) / WINDOW_HEIGHT)
        return info

    def _is_dead(self) -> bool:
        return bool(self.state.player["health"][0] <= 0.0)

    def _measure(self) -> tuple[float, float]:
        """Measures progress and potential; returns their previous values."""
        before = self._measured, self._expected
        self._measured = self.task.progress(self.state)
        self._expected = 0.0 if self._potential is None else self._potential(self.state)
        return before

    def _tick(self, controls: Controls) -> tuple[float, bool]:
        """Advances the world by one tick; returns reward and success."""
        self._game.tick(controls)
        measured, expected = self._measure()
        reward = self.task.weight * (self._measured - measured) + self._expected - expected
        return reward, self.task.success(self._measured)

    def _observe(self, craft: int = -1) -> Observation:
        frame = self._game.draw()
        # the observation is the caller's, who may write into it; without a render mode nobody reads this frame
        self._frame = frame if self.render_mode is None else frame.copy()
        return self._observer.observe(self.state, frame, craft)
