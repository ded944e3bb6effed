"""``minedojo.make`` with current libraries, as a Gymnasium environment, and with the embedded world."""

from __future__ import annotations

import copy
import difflib
import warnings
from functools import partial
from typing import Any, Literal

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from vpt_gym.actions.minedojo_spaces import EXTRA_TICKS
from vpt_gym.frames import checked_size
from vpt_gym.minedojo import shims
from vpt_gym.minedojo.embedded_names import require_possible
from vpt_gym.minedojo.env import RESET_TIMEOUT, STEP_TIMEOUT, Actions, MineDojoEnv
from vpt_gym.minedojo.game import embedded_command
from vpt_gym.minedojo.parts import find_parts
from vpt_gym.resilient.env import ResilientEnv
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import checked_seconds, is_real, is_whole
from vpt_gym.system.printable import shown

ENV_ID = "vpt_gym/MineDojo-v0"
IMAGE_SIZE = (144, 256)
"""(height, width), 16:9 like the recordings that VPT was trained on."""
LAUNCH_TIMEOUT = 600.0
"""Seconds that Minecraft may take to start (``resilient=True``); the first start builds it."""
_LEVELS = ("default", "easy")


@checks_flags
def make(
    task_id: str,
    *,
    actions: Actions = "human",
    backend: Literal["java", "embedded"] = "java",
    level: str = "default",
    lean: bool = True,
    statistics: bool = True,
    resilient: bool = False,
    step_timeout: float = STEP_TIMEOUT,
    reset_timeout: float = RESET_TIMEOUT,
    render_mode: str | None = "rgb_array",
    **kwargs: Any,
) -> gym.Env[Any, Any]:
    """Makes a task of MineDojo as a Gymnasium environment (``MineDojoEnv``).

    Args:
        task_id: As for ``minedojo.make``: ``"harvest_1_log"``, ``"creative:7"``, ``"open-ended"``...
        actions: ``"human"``: keys and exact camera degrees; ``"minedojo"``: MineDojo's ``MultiDiscrete``.
        backend: ``"java"``: Minecraft. ``"embedded"``: vpt-gym's own world instead, without Java, GPU or
            display; ``docs/envs/minedojo.md`` lists what it supports of MineDojo's missions.
        level: ``"default"`` or ``"easy"``, of the embedded world.
        lean: Make MineDojo's Python about three times faster, with the same observations.
        statistics: Whether ``info`` has the game's 1,819 counts (``stat`` and ``achievement``). Vector environments
            copy every entry of every ``info``: pass False there.
        resilient: Run everything in its own process, which also handles a game that hangs while it starts
            (``ResilientEnv``).
        step_timeout: Seconds that a tick may take.
        reset_timeout: Seconds that each answer of the game may take while it starts an episode.
        render_mode: None or ``"rgb_array"``, for ``gymnasium.make``.
        **kwargs: For ``minedojo.make``: ``image_size`` (height, width), default (144, 256), ``cam_interval``,
            ``fast_reset``, ``seed``, ``world_seed``, ``initial_inventory``, ...

    Raises:
        ImportError: MineDojo is not installed; the message has the commands that install it.
        ValueError: An argument is out of range, the task is unknown, or it needs what the embedded world lacks.
        EnvFailure: With ``resilient=True``, instead of these two if they come from MineDojo itself.

    Example:
        >>> from vpt_gym import VPTActionWrapper, VPTObsWrapper, minedojo
        >>> env = minedojo.make("harvest_1_log", backend="embedded")
        >>> env = VPTActionWrapper(VPTObsWrapper(env))
        >>> env.observation_space.shape
        (128, 128, 3)
        >>> env.close()
    """
    if backend not in ("java", "embedded"):
        raise ValueError(f"backend is {backend!r}; it must be 'java' or 'embedded'")
    if level not in _LEVELS:
        raise ValueError(f"level is {level!r}; it must be one of {', '.join(_LEVELS)}")
    if backend == "java" and level != "default":
        raise ValueError(f"level={level!r} is for backend='embedded'; Minecraft has no such levels")
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode is {render_mode!r}; it must be None or 'rgb_array'")
    step_timeout = checked_seconds("step_timeout", step_timeout)
    reset_timeout = checked_seconds("reset_timeout", reset_timeout)
    if "image_size" in kwargs:  # MineDojo takes a number for a square
        size = kwargs["image_size"]
        kwargs["image_size"] = checked_size((size, size) if is_whole(size) else size, "image_size")
    interval = kwargs.get("cam_interval", 15)
    if not is_real(interval) or not 0 < interval <= 180:
        raise ValueError(f"cam_interval is {shown(interval)}; it must be in (0, 180] degrees per camera bin")
    ours: dict[str, Any] = {
        "actions": actions,
        "backend": backend,
        "level": level,
        "lean": lean,
        "statistics": statistics,
        "step_timeout": step_timeout,
        "reset_timeout": reset_timeout,
        "render_mode": render_mode,
        **kwargs,
    }
    env: gym.Env[Any, Any]
    if resilient:
        # longer than the limits inside, whose errors are more precise: a step can take several ticks, and Minecraft
        # takes minutes to start
        env = ResilientEnv(
            partial(make, task_id, **ours),
            step_timeout=(1 + EXTRA_TICKS) * step_timeout + 10,
            reset_timeout=LAUNCH_TIMEOUT + reset_timeout,
        )
    else:
        kwargs.setdefault("image_size", IMAGE_SIZE)
        legacy = make_legacy(task_id, **kwargs)
        if backend == "embedded" and (parts := find_parts(legacy)) is not None:
            require_possible(task_id, parts.task)
        env = MineDojoEnv(
            legacy,
            actions=actions,
            lean=lean,
            statistics=statistics,
            step_timeout=step_timeout,
            reset_timeout=reset_timeout,
            command=partial(embedded_command, level) if backend == "embedded" else None,
        )
        env.render_mode = render_mode
    kept = {"task_id": task_id, **ours, "resilient": resilient}
    env.spec = EnvSpec(ENV_ID, entry_point="vpt_gym.minedojo.factory:make", kwargs=kept)
    return env


def make_legacy(task_id: str, **kwargs: Any) -> Any:
    """Returns the environment of ``minedojo.make``, one of the old gym, and can do so repeatedly.

    MineDojo from PyPI removes entries from its own list of tasks, so that the same task fails the second time. It also
    refuses arguments that the list has for a task (``use_lidar``, ``initial_inventory``...); here they replace the
    list's.
    """
    minedojo = shims.install()
    tasks = minedojo.tasks
    if task_id not in tasks.ALL_TASK_IDS and str(task_id).lower() not in tasks.MetaTaskName2Class:
        near = difflib.get_close_matches(
            str(task_id).lower(), {*tasks.ALL_TASK_IDS, *tasks.MetaTaskName2Class}, n=3, cutoff=0.5
        )
        raise ValueError(
            f"MineDojo has no task {task_id!r}. Similar: {', '.join(near) or 'none'}. All tasks: "
            "minedojo.tasks.ALL_TASK_IDS"
        )
    specs = tasks.ALL_TASKS_SPECS
    kept = specs.get(task_id)
    if kept is not None:
        specs[task_id] = copy.deepcopy({name: kept[name] for name in kept if name not in kwargs})
    try:
        with warnings.catch_warnings():  # gym warns that it is outdated
            warnings.simplefilter("ignore", DeprecationWarning)
            return minedojo.make(task_id, **kwargs)
    finally:
        if kept is not None:
            specs[task_id] = kept
