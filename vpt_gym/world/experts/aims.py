"""What a player without a task may do for a while: ``AIMS``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vpt_gym.actions.human import HumanAction
from vpt_gym.world.catalog.blocks import (
    COAL_ORE,
    DANDELION,
    DIRT,
    FERN,
    GRASS,
    GRAVEL,
    HEIGHT,
    IRON_ORE,
    IS_LEAVES,
    POPPY,
    SAND,
    SANDSTONE,
    SNOW,
    STONE,
    TALL_GRASS,
    TORCH,
)
from vpt_gym.world.catalog.creatures import CHICKEN, COW, IS_HOSTILE, PIG, SHEEP
from vpt_gym.world.catalog.items import (
    BUCKET,
    ITEMS,
    SHEARS_ITEM,
    WOODEN_AXE,
    WOODEN_PICKAXE,
    WOODEN_SHOVEL,
    WOODEN_SWORD,
)
from vpt_gym.world.core.clock import TICKS_PER_DAY
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.navigation.walking import SPAN, steps_from
from vpt_gym.world.experts.plans import LOGS, Armed, CloseScreen, DoNothing, FirstOf, MakeTool, Plan
from vpt_gym.world.experts.skills.building import BUILDING_BLOCKS, Pillar, Trail, Wall
from vpt_gym.world.experts.skills.chasing import Chaser
from vpt_gym.world.experts.skills.seeking import Seeker, ids
from vpt_gym.world.experts.skills.shaft import Gallery, Shaft
from vpt_gym.world.experts.skills.smelting import Smelt
from vpt_gym.world.experts.skills.swimming import Swim
from vpt_gym.world.experts.skills.tinkering import Tidy, Tinker
from vpt_gym.world.experts.skills.tunnelling import Tunneller
from vpt_gym.world.experts.skills.wandering import LookAround, Wander
from vpt_gym.world.experts.survival import DAWN, DUSK, Survive

SOIL = (GRASS, DIRT, SAND, GRAVEL, SNOW)
ROCK = (STONE, COAL_ORE, IRON_ORE, SANDSTONE)
PLANTS = (TALL_GRASS, FERN, DANDELION, POPPY)
ANIMALS = (PIG, COW, SHEEP, CHICKEN)
TOOLS = (WOODEN_PICKAXE, WOODEN_AXE, WOODEN_SHOVEL, WOODEN_SWORD)
LEAVES = tuple(int(block) for block in IS_LEAVES.nonzero()[0])
ANYTHING = ids(*ITEMS)
TO_BUILD_WITH = 5
"""Number of blocks that is gathered before building."""
ROOM = 60
"""Number of places that can be reached from one that need not be left."""
NEAR = 24.0
"""Distance within which creatures are chased, blocks."""


class InTurn:
    """Follows one plan until it has nothing more to do, then the next."""

    def __init__(self, *plans: Plan) -> None:
        self._plans = plans
        self._now = 0

    def reset(self) -> None:
        """See ``Plan``."""
        self._now = 0
        for plan in self._plans:
            plan.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        while self._now < len(self._plans):
            action = self._plans[self._now].act(pilot)
            if action is not None:
                return action
            self._now += 1
        return None


class Gather:
    """Digs blocks until the player has some of the items that they drop.

    Args:
        blocks: Ids of the blocks.
        items: Ids of the items that count, all of which are picked up.
        number: Items that are enough.
    """

    def __init__(self, blocks: Sequence[int], items: Sequence[int], number: int) -> None:
        self._items, self._number = list(items), number
        self._plan = FirstOf(CloseScreen(), Seeker(ids(*blocks), ids(*items), explores=False))

    def reset(self) -> None:
        """See ``Plan``."""
        self._plan.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        return None if pilot.counts()[self._items].sum() >= self._number else self._plan.act(pilot)


class Leave:
    """Gets out of a place from which few others can be reached: a hole, a cave, or the top of a pillar."""

    def __init__(self) -> None:
        self._plan = FirstOf(Tunneller(None), Shaft(1))
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)

    def reset(self) -> None:
        """See ``Plan``."""
        self._plan.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        here = pilot.place()
        if here is not None:
            steps_from(pilot.state.blocks, here, self._steps)
            if np.count_nonzero(self._steps >= 0) >= ROOM:
                return None
        return self._plan.act(pilot)


class Aim(NamedTuple):
    """Something to do for a while.

    Attributes:
        plan: Returns a new plan. It has nothing to do any more (None) when the aim is reached, or cannot be.
        seconds: Least and greatest time after which it is given up.
        rests: Whether standing still without any change is part of it.
        times: How often it comes up, while others come up once.
    """

    plan: Callable[[np.random.Generator], Plan]
    seconds: tuple[float, float] = (10.0, 40.0)
    rests: bool = False
    times: int = 1


class AtNight:
    """Follows a plan from dusk to dawn."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def reset(self) -> None:
        """See ``Plan``."""
        self._plan.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        return self._plan.act(pilot) if DUSK <= int(pilot.state.clock["time"][0]) % TICKS_PER_DAY < DAWN else None


def _dig(blocks: Sequence[int]) -> Plan:
    return FirstOf(CloseScreen(), Seeker(ids(*blocks), ANYTHING, explores=False))


def _build(*plans: Plan) -> Plan:
    return InTurn(CloseScreen(), Gather(SOIL, BUILDING_BLOCKS, TO_BUILD_WITH), *plans)


def _chase(rng: np.random.Generator) -> Plan:
    sheep = Chaser(lambda c: (c["kind"] == SHEEP) & (c["coat"] > 0), key="use", farthest=NEAR)
    cows = Chaser(lambda c: c["kind"] == COW, key="use", farthest=NEAR)
    prey = Chaser(lambda c: np.isin(c["kind"], ANIMALS), farthest=NEAR)
    fetch = Seeker(ids(), ANYTHING, explores=False)
    if rng.random() < 0.5:
        return FirstOf(Armed(sheep, (SHEARS_ITEM,)), InTurn(Armed(cows, (BUCKET,))), CloseScreen(), fetch, Armed(prey))
    return FirstOf(CloseScreen(), fetch, Armed(prey))


def _fight(rng: np.random.Generator) -> Plan:
    return FirstOf(Armed(Chaser(lambda c: IS_HOSTILE[c["kind"]], farthest=NEAR)), CloseScreen())


def _make(rng: np.random.Generator) -> Plan:
    return InTurn(MakeTool(TOOLS[_between(rng, 0, len(TOOLS) - 1)]), CloseScreen())


def _between(rng: np.random.Generator, least: int, most: int) -> int:
    return int(rng.integers(least, most + 1))


AIMS: dict[str, Aim] = {
    "wander": Aim(lambda rng: FirstOf(CloseScreen(), Wander(rng)), times=4),
    "look": Aim(lambda rng: FirstOf(CloseScreen(), LookAround(rng)), (3.0, 12.0), rests=True, times=2),
    "chop": Aim(lambda rng: FirstOf(CloseScreen(), Seeker(ids(*LOGS), ANYTHING)), times=2),
    "dig": Aim(lambda rng: _dig(SOIL), (10.0, 30.0)),
    "dig down": Aim(lambda rng: InTurn(CloseScreen(), Shaft(_between(rng, 2, 8)), Gallery(rng))),
    "dig ahead": Aim(lambda rng: InTurn(CloseScreen(), Gallery(rng), Gallery(rng))),
    "mine": Aim(lambda rng: FirstOf(CloseScreen(), Tunneller(ids(*ROCK)))),
    "pluck": Aim(lambda rng: _dig(PLANTS if rng.random() < 0.6 else LEAVES), (10.0, 20.0)),
    "pillar": Aim(lambda rng: _build(Pillar(_between(rng, 2, 3)), LookAround(rng, _between(rng, 20, 80)))),
    "wall": Aim(lambda rng: _build(Wall(_between(rng, 2, 5), _between(rng, 1, 2))), times=2),
    "path": Aim(lambda rng: _build(Trail(rng, BUILDING_BLOCKS, (8, 30)))),
    "light": Aim(lambda rng: InTurn(CloseScreen(), Trail(rng, (TORCH,), (15, 50)))),
    "swim": Aim(lambda rng: FirstOf(CloseScreen(), Swim(rng)), (15.0, 40.0)),
    "chase": Aim(_chase),
    "fight": Aim(_fight),
    "make": Aim(_make, (45.0, 60.0), times=2),
    "craft": Aim(lambda rng: Tinker(rng, _between(rng, 1, 4)), times=2),
    "tidy": Aim(lambda rng: Tidy(rng, _between(rng, 2, 6)), times=2),
    "smelt": Aim(lambda rng: Smelt(1), (25.0, 40.0), rests=True),
    "survive": Aim(lambda rng: AtNight(Survive()), (20.0, 50.0), rests=True),
    "idle": Aim(lambda rng: FirstOf(CloseScreen(), DoNothing()), (3.0, 8.0), rests=True),
}
"""By name."""
