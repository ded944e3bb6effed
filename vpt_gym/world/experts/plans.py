"""Plans for each kind of task, built from skills. In each tick, the first skill that returns an action decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import COBBLESTONE, CRAFTING_TABLE, IS_LOG, STONE
from vpt_gym.world.catalog.creatures import IS_HOSTILE
from vpt_gym.world.catalog.items import STICK, WOODEN_PICKAXE
from vpt_gym.world.catalog.recipes import PLANKS, RECIPES, Recipe
from vpt_gym.world.core.state import HOTBAR_SLOTS
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.chasing import Chaser
from vpt_gym.world.experts.skills.screen_work import bring_to_hotbar, close_screen, craft, open_inventory
from vpt_gym.world.experts.skills.seeking import Seeker, ids
from vpt_gym.world.experts.skills.stations import Station
from vpt_gym.world.experts.skills.tunnelling import Tunneller
from vpt_gym.world.player.screen_layout import TABLE_SCREEN

LOGS = tuple(int(block) for block in IS_LOG.nonzero()[0])
RECIPE: dict[int, Recipe] = {recipe.result: recipe for recipe in RECIPES}
PLANKS_OF_LOG: dict[int, Recipe] = {RECIPE[p].rows[0][0][0]: RECIPE[p] for p in PLANKS}


class Plan(Protocol):
    """Returns an action in each tick, or None if it has nothing to do."""

    def reset(self) -> None:
        """Forgets the episode."""

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None."""


class FirstOf:
    """Follows the first of several plans that returns an action (a fallback node of a behaviour tree)."""

    def __init__(self, *plans: Plan) -> None:
        self._plans = plans

    def reset(self) -> None:
        """See ``Plan``."""
        for plan in self._plans:
            plan.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        for plan in self._plans:
            action = plan.act(pilot)
            if action is not None:
                return action
        return None


class CloseScreen:
    """Closes the open screen, if there is one."""

    def reset(self) -> None:
        """See ``Plan``."""

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        return close_screen(pilot)


class Armed:
    """Chases creatures with the best weapon in the hand, or with one of ``items`` to use on them."""

    def __init__(self, chaser: Chaser, items: Sequence[int] = ()) -> None:
        self._chaser, self._items = chaser, items

    def reset(self) -> None:
        """See ``Plan``."""
        self._chaser.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        if self._chaser.choose(pilot) < 0:
            return None
        slot = pilot.slot_of(self._items) if self._items else pilot.weapon()
        if slot < 0:
            return None
        if slot >= HOTBAR_SLOTS:
            return bring_to_hotbar(pilot, slot, pilot.body.slot)
        return close_screen(pilot) or self._chaser.act(pilot, slot)


class MakeTool:
    """Makes a wooden tool from nothing (logs, planks, a table, sticks) and puts it into the hotbar.

    Args:
        tool: Item id of a tool that is crafted from planks and sticks at a table.
    """

    def __init__(self, tool: int) -> None:
        self._tool = tool
        needs = RECIPE[tool].ingredients
        self._planks = sum(count for items, count in needs if PLANKS[0] in items)
        self._sticks = sum(count for items, count in needs if STICK in items)
        self._gather_logs = FirstOf(CloseScreen(), harvest(ids(*LOGS), ids(*LOGS)))
        self._station = Station()

    def reset(self) -> None:
        """See ``Plan``."""
        self._gather_logs.reset()
        self._station.reset()

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        slot = pilot.slot_of((self._tool,))
        if slot >= HOTBAR_SLOTS:
            return bring_to_hotbar(pilot, slot, HOTBAR_SLOTS - 1)
        if slot >= 0:
            return None
        has = pilot.counts()
        if has[self._tool]:
            return close_screen(pilot)
        needs_table = not has[CRAFTING_TABLE] and not self._station.is_near(pilot)
        planks = sum(int(has[p]) for p in PLANKS)
        needed = self._planks + (0 if has[STICK] >= self._sticks else 2) + 4 * needs_table
        if planks < needed:
            logs = [log for log in LOGS if has[log]]
            if planks + 4 * sum(int(has[log]) for log in logs) < needed:
                return self._gather_logs.act(pilot)
            return open_inventory(pilot) or craft(pilot, PLANKS_OF_LOG[logs[0]])
        if has[STICK] < self._sticks:
            return open_inventory(pilot) or craft(pilot, RECIPE[STICK])
        if needs_table:
            return open_inventory(pilot) or craft(pilot, RECIPE[CRAFTING_TABLE])
        opening = self._station.open(pilot)
        if opening is not None or pilot.screen != TABLE_SCREEN:
            return opening
        return craft(pilot, RECIPE[self._tool])


class DoNothing:
    """Does nothing."""

    def reset(self) -> None:
        """See ``Plan``."""

    def act(self, pilot: Pilot) -> HumanAction | None:
        """See ``Plan``."""
        return human_action()


def harvest(blocks: Any, items: Any) -> Plan:
    """Returns the plan that digs blocks that can be reached on foot, and picks items up."""
    return FirstOf(CloseScreen(), Seeker(blocks, items), Tunneller(None), DoNothing())


def mine(blocks: Any, items: Any) -> Plan:
    """Returns the plan that tunnels to blocks, digs them, and picks items up."""
    fetch, explore = Seeker(ids(), items, explores=False), Seeker(ids(), ids())
    return FirstOf(CloseScreen(), fetch, Tunneller(blocks), explore, Tunneller(None), DoNothing())


def mine_cobblestone() -> Plan:
    """Returns the plan that mines stone with the pickaxe that the player has."""
    return mine(ids(STONE, COBBLESTONE), ids(COBBLESTONE))


def cobblestone_from_nothing() -> Plan:
    """Returns the plan that makes a pickaxe, then mines stone."""
    return FirstOf(MakeTool(WOODEN_PICKAXE), mine_cobblestone())


def use_on(kind: int, tools: Sequence[int], items: Any, coat: bool = False) -> Plan:
    """Returns the plan that uses a tool on the nearest creature of a kind, and picks up what it drops."""
    chaser = Chaser(lambda c: (c["kind"] == kind) & ((c["coat"] > 0) | (not coat)), key="use")
    fetch, explore = Seeker(ids(), items, explores=False), Seeker(ids(), ids())
    return FirstOf(fetch, Armed(chaser, tools), CloseScreen(), explore, Tunneller(None), DoNothing())


def hunt(kind: int) -> Plan:
    """Returns the plan that kills the nearest creature of a kind."""
    chaser = Armed(Chaser(lambda c: c["kind"] == kind))
    return FirstOf(CloseScreen(), chaser, Seeker(ids(), ids()), Tunneller(None), DoNothing())


def fight() -> Plan:
    """Returns the plan that kills monsters, the nearest first."""
    chaser = Armed(Chaser(lambda c: IS_HOSTILE[c["kind"]]))
    return FirstOf(CloseScreen(), chaser, Seeker(ids(), ids()), Tunneller(None), DoNothing())
