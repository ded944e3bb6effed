"""Tasks: how an episode starts, what it measures and when it has succeeded.

A new task takes a few lines::

    from vpt_gym.world import Task, holds

    sand = Task(
        prompt="dig six blocks of sand",
        progress=holds("sand"),
        target=6,
        terrain="desert_edge",
        inventory={"wooden_shovel": 1},
    )
    env = gym.make("vpt_gym/World-v0", task=sand)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_real, is_whole
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import ITEMS
from vpt_gym.world.core.clock import MORNING, NIGHT, NOON, TICKS_PER_DAY
from vpt_gym.world.core.state import MAX_CREATURES, SLOTS, WorldState
from vpt_gym.world.shaping import NearBlock, NearCreature
from vpt_gym.world.terrain.generate import TERRAINS

Progress = Callable[[WorldState], float]
"""Measures the progress of a task."""


ITEM_IDS: dict[str, tuple[int, ...]] = {
    name: tuple(item for item, kind in ITEMS.items() if kind.name == name) for name in {k.name for k in ITEMS.values()}
}
"""Item ids by name; all kinds of wood are ``log``. Tasks give the first one."""
CREATURE_IDS: dict[str, int] = {kind.name: number for number, kind in enumerate(KINDS) if number > 0}
"""Kinds of creatures by name."""


def _known(what: str, name: str, names: Mapping[str, object]) -> None:
    if name not in names:
        raise ValueError(f"there is no {what} {name!r} in this world; there are {', '.join(sorted(names))}")


@dataclass(frozen=True)
class _Holds:
    item: str

    def __call__(self, state: WorldState) -> float:
        items = ITEM_IDS[self.item]
        return float(sum(quantity for item, quantity, _ in state.inventory.tolist() if item in items))


def holds(item: str) -> Progress:
    """Returns a measure that counts the items of a name in the inventory, as in MineDojo's harvest tasks.

    Raises:
        ValueError: There is no such item.
    """
    _known("item", item, ITEM_IDS)
    return _Holds(item)


@dataclass(frozen=True)
class _HasKilled:
    creature: str

    def __call__(self, state: WorldState) -> float:
        return float(state.kills[CREATURE_IDS[self.creature]])


def has_killed(creature: str) -> Progress:
    """Returns a measure that counts the creatures of a kind that the player killed, as in MineDojo's combat tasks.

    Raises:
        ValueError: There is no such creature.
    """
    _known("creature", creature, CREATURE_IDS)
    return _HasKilled(creature)


@dataclass(frozen=True)
class _DaysSurvived:
    measure: str = "days_survived"

    def __call__(self, state: WorldState) -> float:
        return float(int(state.player["ticks"][0]) // TICKS_PER_DAY)


@dataclass(frozen=True)
class _Nothing:
    measure: str = "nothing"

    def __call__(self, state: WorldState) -> float:
        return 0.0


days_survived: Progress = _DaysSurvived()
"""Counts complete days since the start, as in MineDojo's survival tasks."""

nothing: Progress = _Nothing()
"""Always 0: open-ended play has no reward and no end."""


@checks_flags
@dataclass(frozen=True)
class Task:
    """A task: the start of an episode, its measure and its reward.

    Attributes:
        prompt: The task in words.
        progress: Measures the progress. The reward of a step is its gain in progress times ``weight``; a loss of
            progress costs as much.
        target: The progress that is a success; ``inf`` for a task without end.
        weight: Reward per unit of progress.
        terrain: A name of ``vpt_gym.world.terrain.generate.TERRAINS``.
        inventory: The player's items at the start: quantity by item name, one slot each from the first, which is in
            the hand.
        creatures: Creatures around the player at the start: number by name.
        creature_range: Their distance, blocks: (least, most).
        time: Time of day at the start, ticks in [0, 24000): 0 is 6 in the morning, 6,000 noon, 14,000 night.
        time_passes: Whether the time of day advances.
        animals: Whether the biomes have their animals.
        monsters: Whether monsters spawn in the dark.
        potential: With ``dense_reward``, the gain of a step in this potential is added to the reward. An episode adds
            the potential of its end less that of its start. The gain is not discounted and the end keeps its
            potential, so which policy is best may change, unlike with the shaping of Ng, Harada and Russell 1999.

    Raises:
        ValueError: A name does not exist in this world, or a number is none or out of its range.
        TypeError: ``progress`` or ``potential`` cannot be called, or ``inventory`` or ``creatures`` is no mapping.
    """

    prompt: str
    progress: Progress = nothing
    target: float = 1.0
    weight: float = 1.0
    terrain: str = "default"
    inventory: Mapping[str, int] = field(default_factory=dict)
    creatures: Mapping[str, int] = field(default_factory=dict)
    creature_range: tuple[float, float] = (3.0, 10.0)
    time: int = MORNING
    time_passes: bool = True
    animals: bool = True
    monsters: bool = True
    potential: Progress | None = None

    def __post_init__(self) -> None:
        for name, measure in (("progress", self.progress), ("potential", self.potential)):
            if not (callable(measure) or (measure is None and name == "potential")):
                raise TypeError(f"{name} is {measure!r}; it must be a measure, such as holds('log')")
        if not (is_real(self.target) and not math.isnan(self.target)):
            raise ValueError(f"target is {self.target!r}; it must be a number, or inf for no end")
        if not (is_real(self.weight) and math.isfinite(self.weight)):
            raise ValueError(f"weight is {self.weight!r}; it must be a finite number")
        _known("terrain", self.terrain, TERRAINS)
        for name in ("inventory", "creatures"):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise TypeError(f"{name} is {given!r}; it must be a dict of numbers by name")
            object.__setattr__(self, name, dict(given))  # a change of the caller's dict would change this task
        for name, count in self.inventory.items():
            _known("item", name, ITEM_IDS)
            most = ITEMS[ITEM_IDS[name][0]].stack
            if not (is_whole(count) and 1 <= count <= most):
                raise ValueError(f"inventory[{name!r}] is {count}; a slot holds a whole number of it, 1 to {most}")
        if len(self.inventory) > SLOTS:
            raise ValueError(f"inventory has {len(self.inventory)} stacks; there are {SLOTS} slots")
        for name, count in self.creatures.items():
            _known("creature", name, CREATURE_IDS)
            if not (is_whole(count) and count >= 1):
                raise ValueError(f"creatures[{name!r}] is {count}; it must be a whole number, at least 1")
        if sum(self.creatures.values()) > MAX_CREATURES // 2:
            raise ValueError(f"creatures are {dict(self.creatures)}; at most {MAX_CREATURES // 2} can be asked for")
        least, most_away = self.creature_range
        if not 1.0 <= least <= most_away <= 48.0:
            raise ValueError(f"creature_range is {self.creature_range}; it must be (least, most) in [1, 48] blocks")
        if not (is_whole(self.time) and 0 <= self.time < TICKS_PER_DAY):
            raise ValueError(f"time is {self.time}; it must be a whole number in [0, {TICKS_PER_DAY})")

    @classmethod
    def from_mapping(cls, entries: Mapping[str, Any]) -> Task:
        """Returns the task of which ``entries`` are the fields, as ``gymnasium``'s ``EnvSpec.to_json`` writes it.

        Args:
            entries: Fields by name. ``progress`` is ``{"item": name}`` (``holds``), ``{"creature": name}``
                (``has_killed``) or ``{"measure": "days_survived"}`` or ``"nothing"``; ``potential`` is None,
                ``{"name": block}`` (``NearBlock``) or ``{"kind": number}`` (``NearCreature``).

        Raises:
            ValueError: An entry is unknown or out of its range, or there is no ``prompt``.
        """
        known = [entry.name for entry in fields(cls)]
        unknown = [name for name in entries if name not in known]
        if unknown or "prompt" not in entries:
            raise ValueError(f"the task is {dict(entries)}; it must have prompt, and may have {', '.join(known[1:])}")
        given = dict(entries)
        for name, makers in (("progress", _MEASURES), ("potential", _POTENTIALS)):
            if isinstance(given.get(name), Mapping):
                given[name] = _made(name, given[name], makers)
        if "creature_range" in given:
            given["creature_range"] = tuple(given["creature_range"])
        return cls(**given)

    def success(self, progress: float) -> bool:
        """Returns whether a progress is a success."""
        return progress >= self.target


def _named_measure(name: str) -> Progress:
    measures = {"days_survived": days_survived, "nothing": nothing}
    _known("measure", name, measures)
    return measures[name]


_MEASURES: dict[str, Callable[[Any], Progress]] = {"item": holds, "creature": has_killed, "measure": _named_measure}
_POTENTIALS: dict[str, Callable[[Any], Progress]] = {"name": NearBlock, "kind": NearCreature}


def _made(field_name: str, entry: Mapping[str, Any], makers: Mapping[str, Callable[[Any], Progress]]) -> Progress:
    """Returns the measure of a mapping with one entry, whose name is one of ``makers``."""
    if len(entry) != 1 or not set(entry) <= set(makers):
        raise ValueError(f"{field_name} is {dict(entry)}; it must have one of the entries {', '.join(makers)}")
    ((name, value),) = entry.items()
    return makers[name](value)


def _harvest(item: str, quantity: int, prompt: str, **more: Any) -> Task:
    source = SOURCES.get(item)
    return Task(prompt, holds(item), quantity, potential=None if source is None else NearBlock(source), **more)


def _near(item: str, quantity: int, prompt: str, tool: str, creature: str) -> Task:
    """Returns one of MineDojo's tasks that start with a tool and an animal nearby."""
    return Task(
        prompt,
        holds(item),
        quantity,
        terrain="plains",
        inventory={tool: 1},
        creatures={creature: 1},
        potential=NearCreature(CREATURE_IDS[creature]),
    )


def _hunt(creature: str, prompt: str, **more: Any) -> Task:
    near = NearCreature(CREATURE_IDS[creature])
    return Task(prompt, has_killed(creature), terrain="plains", creatures={creature: 1}, potential=near, **more)


SOURCES = {"log": "log", "dirt": "grass", "cobblestone": "stone", "coal": "coal_ore"}
"""The block that drops an item, for dense rewards."""

TASKS: dict[str, Task] = {
    "harvest_1_log": _harvest("log", 1, "obtain log"),
    "harvest_8_log": _harvest("log", 8, "obtain 8 log"),
    "harvest_1_log_plains": _harvest("log", 1, "obtain log in plains", terrain="plains"),
    "harvest_1_log_forest": _harvest("log", 1, "obtain log in forest", terrain="forest"),
    "harvest_1_log_taiga": _harvest("log", 1, "obtain log in taiga", terrain="taiga"),
    "harvest_1_dirt": _harvest("dirt", 1, "obtain dirt"),
    "harvest_8_dirt": _harvest("dirt", 8, "obtain 8 dirt"),
    "harvest_1_cobblestone_with_wooden_pickaxe": _harvest(
        "cobblestone", 1, "obtain cobblestone with wooden pickaxe", inventory={"wooden_pickaxe": 1}
    ),
    "harvest_1_cobblestone": _harvest("cobblestone", 1, "obtain cobblestone"),
    "harvest_1_coal_with_stone_pickaxe": _harvest(
        "coal", 1, "obtain coal with stone pickaxe", inventory={"stone_pickaxe": 1}
    ),
    "harvest_wool_with_shears_and_sheep": _near(
        "wool", 1, "shear a sheep with shears and a sheep nearby", "shears", "sheep"
    ),
    "harvest_milk_with_empty_bucket_and_cow": _near(
        "milk_bucket", 1, "obtain milk from a cow with an empty bucket and a cow nearby", "bucket", "cow"
    ),
    "combat_pig_plains_barehand": _hunt("pig", "hunt a pig in plains"),
    "combat_cow_plains_barehand": _hunt("cow", "hunt a cow in plains"),
    "combat_sheep_plains_barehand": _hunt("sheep", "hunt a sheep in plains"),
    "survival": Task("survive as long as possible", days_survived, 100, terrain="mixed"),
    "open-ended": Task("", nothing, math.inf, terrain="mixed"),
    "vpt_combat_zombie_plains": _hunt(
        "zombie",
        "combat a zombie in night plains with a stone sword",
        inventory={"stone_sword": 1},
        creature_range=(8.0, 16.0),
        time=NIGHT,
        time_passes=False,
    ),
    "vpt_playground": Task(
        "play with everything",
        nothing,
        math.inf,
        terrain="mixed",
        inventory={
            "iron_pickaxe": 1,
            "iron_axe": 1,
            "iron_shovel": 1,
            "iron_sword": 1,
            "crafting_table": 1,
            "torch": 64,
            "planks": 64,
            "cooked_beef": 16,
            "bucket": 1,
        },
        creatures={"pig": 1, "cow": 1, "sheep": 1, "chicken": 1},
        creature_range=(4.0, 16.0),
        time=NOON,
    ),
}
"""The tasks by name. Those without the prefix ``vpt_`` have MineDojo's id, prompt, measure, reward and start. The
terrain and the step limits (see ``ids``) are specific to this package; MineDojo has no limits."""
