"""Working on the screens: moving the cursor with the camera, and clicking, to craft and to sort the inventory."""

from __future__ import annotations

from vpt_gym.actions.human import HOTBAR, HumanAction, human_action
from vpt_gym.world.catalog.items import STACK_SIZE
from vpt_gym.world.catalog.recipes import Ingredient, Recipe
from vpt_gym.world.core.state import GRID, SLOTS
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.player.screen_layout import (
    CLOSED,
    GRID_SLOT,
    INVENTORY_SCREEN,
    RESULT_SLOT,
    TABLE_SCREEN,
    middle_of,
)
from vpt_gym.world.player.screens import DEGREES_PER_PIXEL, NOTHING, SlotContent, Slots

ON_SLOT = 9.0
"""Pixels off the middle of a slot at which a click is sure to hit it."""


def close_screen(pilot: Pilot) -> HumanAction | None:
    """Returns what closes the open screen, or None when none is open."""
    if pilot.screen == CLOSED:
        return None
    pilot.intent = ("close",)
    return human_action("inventory") if pilot.has_released_keys() else human_action()


def open_inventory(pilot: Pilot) -> HumanAction | None:
    """Returns what opens a screen with the inventory, or None when one is open."""
    if pilot.screen != CLOSED:
        return None
    pilot.intent = ("open",)
    return human_action("inventory") if pilot.has_released_keys() else human_action()


def click(pilot: Pilot, slot: int, *keys: str) -> HumanAction:
    """Moves the cursor to a slot, then presses keys there.

    Args:
        pilot: The player, with a screen open.
        slot: Slot id of that screen.
        *keys: ``"attack"`` picks up or puts down, ``"use"`` takes half or puts one, ``"sneak"`` with attack moves the
            stack at once, a hotbar key swaps.
    """
    pilot.intent = ("slot", slot)
    screen = pilot.state.screen[0]
    x, y = middle_of(pilot.screen, slot)
    off_x, off_y = x - float(screen.cursor_x), y - float(screen.cursor_y)
    if max(abs(off_x), abs(off_y)) > ON_SLOT:
        return pilot.look(off_y * DEGREES_PER_PIXEL, off_x * DEGREES_PER_PIXEL)
    return human_action(*keys) if pilot.has_released_keys() else human_action()


def craft(pilot: Pilot, recipe: Recipe) -> HumanAction | None:
    """Makes something once, on a screen whose grid is large enough.

    A recipe of one cell takes the whole stack. What is made goes into the inventory.

    Args:
        pilot: The player, with a screen open.
        recipe: What to make.

    Returns:
        What to do now, or None when the ingredients are not there.
    """
    there = Slots(pilot.state.world)
    cells = {GRID_SLOT + 3 * r + c: cell for r, row in enumerate(recipe.rows) for c, cell in enumerate(row) if cell}
    carried, result = there.carried, there.get(RESULT_SLOT)
    on_grid = {slot: there.get(slot) for slot in range(GRID_SLOT, GRID_SLOT + GRID)}
    wrong = [s for s, stack in on_grid.items() if stack is not NOTHING and stack.item not in cells.get(s, ())]
    empty = [slot for slot in cells if on_grid[slot] is NOTHING]
    if not wrong and not empty and result.item == recipe.result:
        return put_away(pilot, there) or click(pilot, RESULT_SLOT, "sneak", "attack")
    if wrong:
        return put_away(pilot, there) or click(pilot, wrong[0], "sneak", "attack")
    if not empty:
        return None
    if carried.item in cells[empty[0]]:
        return click(pilot, empty[0], "attack" if len(cells) == 1 else "use")
    return put_away(pilot, there) or take(pilot, there, cells[empty[0]])


def take(pilot: Pilot, there: Slots, items: Ingredient) -> HumanAction | None:
    """Picks up the largest stack of some items, or returns None when there is none."""
    stacks = [(there.get(slot).quantity, -slot) for slot in range(SLOTS) if there.get(slot).item in items]
    return click(pilot, -max(stacks)[1], "attack") if stacks else None


def put_away(pilot: Pilot, there: Slots) -> HumanAction | None:
    """Puts what the cursor carries into the inventory, or returns None when it carries nothing."""
    carried = there.carried
    if carried is NOTHING:
        return None

    def fits(stack: SlotContent) -> bool:
        return stack.stacks_with(carried) and stack.quantity < STACK_SIZE[carried.item]

    own = [slot for slot in range(SLOTS) if fits(there.get(slot))]
    free = [slot for slot in range(SLOTS) if there.get(slot) is NOTHING]
    if not own and not free:
        return close_screen(pilot)  # the inventory is full: it is thrown
    return click(pilot, (own or free)[0], "attack")


def bring_to_hotbar(pilot: Pilot, slot: int, hotbar: int) -> HumanAction | None:
    """Swaps an inventory slot with one of the hotbar on the inventory screen; the caller closes it.

    Args:
        pilot: The player.
        slot: Where it is, 9 to 35.
        hotbar: Where it should be, 0 to 8.
    """
    opening = open_inventory(pilot)
    if opening is not None:
        return opening
    if pilot.screen not in (INVENTORY_SCREEN, TABLE_SCREEN):
        return close_screen(pilot)
    return put_away(pilot, Slots(pilot.state.world)) or click(pilot, slot, HOTBAR[hotbar])
