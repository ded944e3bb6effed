"""``Smelt``: runs a furnace."""

from __future__ import annotations

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, FURNACE
from vpt_gym.world.catalog.items import BURN_TICKS, DURABILITY
from vpt_gym.world.catalog.recipes import SMELTED
from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.screen_work import click, close_screen, put_away
from vpt_gym.world.experts.skills.stations import Station
from vpt_gym.world.player.screen_layout import (
    FURNACE_FUEL_SLOT,
    FURNACE_INPUT_SLOT,
    FURNACE_OUTPUT_SLOT,
    FURNACE_SCREEN,
)
from vpt_gym.world.player.screens import NOTHING, Slots


class Smelt:
    """Puts fuel and something to smelt into a furnace, waits beside it, and takes the result.

    Args:
        items: Number of results to wait for.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self._furnace = Station(FURNACE, FURNACE_SCREEN)
        self.reset()

    def reset(self) -> None:
        """Forgets the furnace."""
        self._furnace.reset()
        self._taken = self._seen = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end, or without furnace, fuel or anything to smelt."""
        if pilot.screen != FURNACE_SCREEN:
            if self._taken >= self._items or not self._has_all(pilot):
                return close_screen(pilot)
            return self._furnace.open(pilot) or close_screen(pilot)
        there = Slots(pilot.state.world)
        output, given, fuel = (there.get(slot) for slot in (FURNACE_OUTPUT_SLOT, FURNACE_INPUT_SLOT, FURNACE_FUEL_SLOT))
        self._taken += max(0, self._seen - output.quantity)
        self._seen = output.quantity
        if there.carried is not NOTHING:
            return put_away(pilot, there)
        if output is not NOTHING and (output.quantity + self._taken >= self._items or given is NOTHING):
            return click(pilot, FURNACE_OUTPUT_SLOT, "sneak", "attack")
        own = [(there.get(slot).item, slot) for slot in range(SLOTS) if there.get(slot) is not NOTHING]
        burns = any(
            furnace["burn_ticks"] > 0 and (furnace["x"], furnace["z"]) == (there.screen.x, there.screen.z)
            for furnace in pilot.state.furnaces
        )
        if given is NOTHING:
            needed = [slot for item, slot in own if item in SMELTED]
        elif fuel is NOTHING and not burns:
            needed = [slot for item, slot in own if is_fuel(item)]
        else:
            pilot.intent = ("wait",)
            return human_action()
        if self._taken >= self._items or not needed:
            return close_screen(pilot)
        return click(pilot, needed[0], "sneak", "attack")

    def _has_all(self, pilot: Pilot) -> bool:
        """Returns whether there are a furnace, fuel and something to smelt."""
        own = [int(item) for item, count, _ in pilot.state.inventory.tolist() if count > 0]
        furnace = FURNACE in own or self._furnace.is_near(pilot)
        return furnace and any(item in SMELTED for item in own) and any(is_fuel(item) for item in own)


def is_fuel(item: int) -> bool:
    """Returns whether an item burns, is no tool or table, and goes into the fuel slot when its stack is moved."""
    return bool(BURN_TICKS[item] > 0 and not DURABILITY[item] and item not in SMELTED and item != CRAFTING_TABLE)
