"""The scripted players: ``TaskExpert`` plays any task of the world, by the plans of ``PLANS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import COAL_ORE, DIRT, GRASS, WOOL
from vpt_gym.world.catalog.creatures import COW, PIG, SHEEP
from vpt_gym.world.catalog.items import BUCKET, COAL, SHEARS_ITEM
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts.clumsiness import Clumsiness
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.navigation.targets import choose_block
from vpt_gym.world.experts.navigation.walking import steps_from, steps_to
from vpt_gym.world.experts.plans import (
    LOGS,
    Plan,
    cobblestone_from_nothing,
    fight,
    harvest,
    hunt,
    mine,
    mine_cobblestone,
    use_on,
)
from vpt_gym.world.experts.skills.seeking import ids
from vpt_gym.world.experts.survival import Survive
from vpt_gym.world.kernels.cold_start import announce_compilation
from vpt_gym.world.kernels.compiled import COMPILES_FAST
from vpt_gym.world.tasks import TASKS, Task


def _logs() -> Plan:
    return harvest(ids(*LOGS), ids(*LOGS))


def _dirt() -> Plan:
    return harvest(ids(GRASS, DIRT), ids(DIRT))


PLANS: dict[str, Callable[[], Plan]] = {
    "harvest_1_log": _logs,
    "harvest_8_log": _logs,
    "harvest_1_log_plains": _logs,
    "harvest_1_log_forest": _logs,
    "harvest_1_log_taiga": _logs,
    "harvest_1_dirt": _dirt,
    "harvest_8_dirt": _dirt,
    "harvest_1_cobblestone_with_wooden_pickaxe": mine_cobblestone,
    "harvest_1_cobblestone": cobblestone_from_nothing,
    "harvest_1_coal_with_stone_pickaxe": lambda: mine(ids(COAL_ORE), ids(COAL)),
    "harvest_wool_with_shears_and_sheep": lambda: use_on(SHEEP, (SHEARS_ITEM,), ids(WOOL), coat=True),
    "harvest_milk_with_empty_bucket_and_cow": lambda: use_on(COW, (BUCKET,), ids()),
    "combat_pig_plains_barehand": lambda: hunt(PIG),
    "combat_cow_plains_barehand": lambda: hunt(COW),
    "combat_sheep_plains_barehand": lambda: hunt(SHEEP),
    "survival": Survive,
    "open-ended": Survive,
    "vpt_combat_zombie_plains": fight,
    "vpt_playground": Survive,
}
"""Task name -> function that returns a new plan for the task."""


def plan_for(task: str | Task) -> Plan:
    """Returns a new plan for a task.

    Args:
        task: A name of ``TASKS``, or a ``Task`` whose ``progress`` equals that of one of them. If several match, the
            plan is for the one that needs the fewest items that the task does not give to the player.

    Raises:
        ValueError: There is no expert for the task.
    """
    if isinstance(task, Task):
        alike = [name for name in PLANS if TASKS[name].progress == task.progress]
        named = min(alike, key=lambda name: len(TASKS[name].inventory.keys() - task.inventory.keys()), default=None)
    else:
        named = task
    if named not in PLANS:
        raise ValueError(f"there is no expert for {task!r}; there is one for each of {', '.join(PLANS)}")
    return PLANS[named]()


class TaskExpert:
    """Plays a task of the embedded world, and labels the states that a learner visits (DAgger).

    It knows all blocks and creatures near it, but acts like a person: with keys, and with the eleven camera movements
    of VPT's action space, which start and stop smoothly. It plans from the current state, so it can label any state at
    any time. All it remembers is its goal, the last view, and the targets that it gave up.

    Args:
        task: The task, see ``plan_for``. None: the task of the first env that it plays.
        skill: In (0, 1]. 1 makes no errors; less is slower and makes errors, see ``clumsiness``.
        seed: Seed of its errors. The same seed makes the same errors in the same episode.

    Raises:
        ValueError: There is no expert for the task, or ``skill`` is not in (0, 1].
    """

    def __init__(self, task: str | Task | None = None, skill: float = 1.0, seed: int | None = None) -> None:
        self._plan: Plan | None = None if task is None else plan_for(task)
        self._clumsiness = Clumsiness(skill, seed)
        self._pilot = Pilot()
        self._is_fresh = True
        announce_compilation("expert", 10 if COMPILES_FAST else 20, choose_block, steps_from, steps_to)

    def reset(self) -> None:
        """Forgets the last episode. Call it when an episode starts."""
        self._pilot.reset()
        if self._plan is not None:
            self._plan.reset()
        self._is_fresh = True

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        """Returns the expert's action in the current state.

        Args:
            env: A ``VoxelEnv``, wrapped or not, at any time after its ``reset``. It is not changed.

        Raises:
            TypeError: The innermost env is not a ``VoxelEnv``.
            ValueError: There is no expert for the env's task, and the constructor was given none.
        """
        world = env.unwrapped
        if not isinstance(world, VoxelEnv):
            raise TypeError(f"{type(self).__name__} needs a VoxelEnv inside the wrappers, got {type(world).__name__}")
        if self._plan is None:
            self._plan = plan_for(world.task)
        if self._is_fresh:
            self._begin(world.world_seed)
            self._is_fresh = False
        pilot = self._pilot
        pilot.camera.aim_error = self._clumsiness.aim_error()
        pilot.begin(world.state)
        action = self._plan.act(pilot) or human_action()
        return self._clumsiness.perturb(pilot, action)

    def _begin(self, world_seed: int) -> None:
        """Prepares for an episode in the world of a seed."""
        self._clumsiness.begin(world_seed)


class LogExpert(TaskExpert):
    """Collects logs, whatever the task of the env is.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> from vpt_gym.world.experts import LogExpert
        >>> env = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(64, 64))
        >>> _ = env.reset(seed=3)
        >>> expert = LogExpert()
        >>> terminated = truncated = False
        >>> while not (terminated or truncated):
        ...     _, _, terminated, truncated, info = env.step(expert.act(env))
        >>> info["success"]
        True
    """

    def __init__(self, skill: float = 1.0, seed: int | None = None) -> None:
        super().__init__("harvest_1_log", skill, seed)


def expert_for(task: str | Task, skill: float = 1.0, seed: int | None = None) -> TaskExpert:
    """Returns the scripted player for a task.

    Args:
        task: The task, see ``plan_for``.
        skill: In (0, 1]. 1 makes no errors; less is slower and makes errors, see ``clumsiness``.
        seed: Seed of its errors.

    Raises:
        ValueError: There is no expert for the task, or ``skill`` is not in (0, 1].
    """
    return TaskExpert(task, skill, seed)
