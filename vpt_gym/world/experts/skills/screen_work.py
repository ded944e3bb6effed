"""Uses the screens: moves the cursor with the camera and clicks, to craft and to move items."""

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
"""Greatest distance from the middle of a slot at which a click hits it, pixels along x and y."""


def close_screen(pilot: Pilot) -> HumanAction | None:
    """Returns the next action to close the open screen, or None if none is open."""
    if pilot.screen == CLOSED:
        return None
    pilot.intent = ("close",)
    return human_action("inventory") if pilot.has_released_keys() else human_action()


def open_inventory(pilot: Pilot) -> HumanAction | None:
    """Returns the next action to open the inventory screen, or None if a screen is open."""
    if pilot.screen != CLOSED:
        return None
    pilot.intent = ("open",)
    return human_action("inventory") if pilot.has_released_keys() else human_action()


def click(pilot: Pilot, slot: int, *keys: str) -> HumanAction:
    """Moves the cursor to a slot, then presses keys there.

    Args:
        pilot: The player, with a screen open.
        slot: Slot id of that screen.
        *keys: ``"attack"`` picks up or puts down, ``"use"`` takes half or puts down one, ``"sneak"`` with attack moves
            the stack to the other part of the screen, a hotbar key swaps.
    """
    pilot.intent = ("slot", slot)
    screen = pilot.state.screen[0]
    x, y = middle_of(pilot.screen, slot)
    off_x, off_y = x - float(screen.cursor_x), y - float(screen.cursor_y)
    if max(abs(off_x), abs(off_y)) > ON_SLOT:
        return pilot.look(off_y * DEGREES_PER_PIXEL, off_x * DEGREES_PER_PIXEL)
    return human_action(*keys) if pilot.has_released_keys() else human_action()


def craft(pilot: Pilot, recipe: Recipe) -> HumanAction | None:
    """Crafts a recipe once, on a screen whose grid is large enough.

    A recipe of one cell uses the complete stack. The result goes into the inventory.

    Args:
        pilot: The player, with a screen open.
        recipe: The recipe.

    Returns:
        The action of this tick, or None if ingredients are missing.
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
    """Picks up the largest stack of one of ``items``, or returns None if there is none."""
    stacks = [(there.get(slot).quantity, -slot) for slot in range(SLOTS) if there.get(slot).item in items]
    return click(pilot, -max(stacks)[1], "attack") if stacks else None


def put_away(pilot: Pilot, there: Slots) -> HumanAction | None:
    """Puts the stack on the cursor into the inventory, or returns None if the cursor carries nothing."""
    carried = there.carried
    if carried is NOTHING:
        return None

    def fits(stack: SlotContent) -> bool:
        return stack.stacks_with(carried) and stack.quantity < STACK_SIZE[carried.item]

    own = [slot for slot in range(SLOTS) if fits(there.get(slot))]
    free = [slot for slot in range(SLOTS) if there.get(slot) is NOTHING]
    if not own and not free:
        return close_screen(pilot)  # the inventory is full: closing drops the stack
    return click(pilot, (own or free)[0], "attack")


def bring_to_hotbar(pilot: Pilot, slot: int, hotbar: int) -> HumanAction | None:
    """Swaps an inventory slot with a hotbar slot on the inventory screen. The caller closes the screen.

    Args:
        pilot: The player.
        slot: Inventory slot, 9 to 35.
        hotbar: Hotbar slot, 0 to 8.
    """
    opening = open_inventory(pilot)
    if opening is not None:
        return opening
    if pilot.screen not in (INVENTORY_SCREEN, TABLE_SCREEN):
        return close_screen(pilot)
    return put_away(pilot, Slots(pilot.state.world)) or click(pilot, slot, HOTBAR[hotbar])
