"""Screens without a plan: ``Tinker`` crafts what its items allow, ``Tidy`` moves stacks to other slots."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction
from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, FURNACE
from vpt_gym.world.catalog.items import DURABILITY
from vpt_gym.world.catalog.recipes import RECIPES, Recipe
from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.screen_work import click, close_screen, craft, open_inventory, put_away
from vpt_gym.world.experts.skills.stations import Station
from vpt_gym.world.player.screen_layout import CLOSED, INVENTORY_SCREEN, TABLE_SCREEN
from vpt_gym.world.player.screens import NOTHING, Slots

ENOUGH = {CRAFTING_TABLE: 1, FURNACE: 1}
"""Number of a crafted item that is enough; of tools one is, of other items ``MANY``."""
MANY = 16
AGAIN_TICKS = 20
"""Ticks without a change after which a click is given up."""


class Tinker:
    """Crafts one thing after another from what the player has.

    Args:
        rng: Source of the choice.
        crafts: Number of things.
    """

    def __init__(self, rng: np.random.Generator, crafts: int) -> None:
        self._rng, self._crafts = rng, crafts
        self._table = Station()
        self.reset()

    def reset(self) -> None:
        """Forgets what was crafted."""
        self._table.reset()
        self._recipe: Recipe | None = None
        self._left = self._crafts
        self._had = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if there is nothing to craft any more."""
        has = pilot.counts()
        if self._recipe is not None and int(has[self._recipe.result]) > self._had:
            self._recipe = None
            self._left -= 1
        if self._left <= 0:
            return close_screen(pilot)
        if self._recipe is None:
            possible = [recipe for recipe in RECIPES if self._is_possible(pilot, recipe, has)]
            if not possible:
                return close_screen(pilot)
            self._recipe = possible[int(self._rng.integers(len(possible)))]
            self._had = int(has[self._recipe.result])
        if not self._recipe.fits_inventory:
            opening = self._table.open(pilot)
            if opening is not None:
                return opening
            if pilot.screen != TABLE_SCREEN:
                self._recipe = None
                return None
        elif pilot.screen not in (INVENTORY_SCREEN, TABLE_SCREEN):
            return close_screen(pilot) or open_inventory(pilot)
        action = craft(pilot, self._recipe)
        if action is None:
            self._recipe = None
            return close_screen(pilot)
        return action

    def _is_possible(self, pilot: Pilot, recipe: Recipe, has: np.ndarray[Any, Any]) -> bool:
        enough = ENOUGH.get(recipe.result, 1 if DURABILITY[recipe.result] else MANY)
        if has[recipe.result] >= enough:
            return False
        if any(sum(int(has[item]) for item in items) < count for items, count in recipe.ingredients):
            return False
        return recipe.fits_inventory or bool(has[CRAFTING_TABLE]) or self._table.is_near(pilot)


class Tidy:
    """Opens the inventory, moves some stacks to other slots, throws an item at times, and closes it.

    Args:
        rng: Source of the stacks and slots.
        moves: Number of stacks to move.
    """

    def __init__(self, rng: np.random.Generator, moves: int) -> None:
        self._rng, self._moves = rng, moves
        self.reset()

    def reset(self) -> None:
        """Forgets what was moved."""
        self._left = self._moves
        self._slot: int | None = None
        self._key = "attack"
        self._before: object = None
        self._waited = 0
        self._opened = False

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end."""
        if pilot.screen not in (CLOSED, INVENTORY_SCREEN) or (self._opened and pilot.screen == CLOSED):
            return close_screen(pilot)
        opening = open_inventory(pilot)
        if opening is not None:
            return opening
        self._opened = True
        there = Slots(pilot.state.world)
        now = there.carried, pilot.state.inventory.tobytes()
        self._waited += 1
        if self._slot is not None and (now != self._before or self._waited > AGAIN_TICKS):
            self._slot = None
        if self._slot is None:
            if self._left <= 0:
                return put_away(pilot, there) or close_screen(pilot)
            self._choose(there)
            self._before, self._waited = now, 0
        return click(pilot, self._slot or 0, self._key)

    def _choose(self, there: Slots) -> None:
        rng = self._rng
        held = [slot for slot in range(SLOTS) if there.get(slot) is not NOTHING]
        free = [slot for slot in range(SLOTS) if there.get(slot) is NOTHING]
        self._left -= there.carried is not NOTHING or not held
        slots = held if there.carried is NOTHING and held else free or held or [0]
        self._slot = slots[int(rng.integers(len(slots)))]
        self._key = "attack" if there.carried is not NOTHING or rng.random() < 0.7 else "use"
        if there.carried is NOTHING and held and rng.random() < 0.1:
            self._key = "drop"
