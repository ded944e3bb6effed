"""The inventory, crafting table and furnace screens: cursor, clicks and keys by Minecraft 1.11's rules.

The camera moves the cursor: 0.15 degrees are one pixel of a window of 640 x 360 (VPT's convention). When they go down,
attack is a left click and use is a right click. Sneak with attack moves a stack at once, a hotbar key swaps its slot
with the one under the cursor, and drop throws an item from there. Simpler than Minecraft: there is no dragging over
slots and no double click, keys act only when they go down, and items on the grid return to the inventory when the
screen closes. Unlike in Minecraft, a hotbar key that is held swaps again in each tick.

All but ``open_screen`` is plain Python: a screen is open in few ticks, and compilation would cost every user time at
the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, FURNACE
from vpt_gym.world.catalog.items import BURN_TICKS, NO_ITEM, STACK_SIZE
from vpt_gym.world.catalog.recipes import SMELTED, crafted_from
from vpt_gym.world.core.state import GRID, HOTBAR_SLOTS, SLOTS, World
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.player.controls import ATTACK_KEY, DROP_KEY, INVENTORY_KEY, USE_KEY, Controls
from vpt_gym.world.player.screen_layout import (
    CLOSED,
    FURNACE_FUEL_SLOT,
    FURNACE_INPUT_SLOT,
    FURNACE_OUTPUT_SLOT,
    FURNACE_SCREEN,
    GRID_SLOT,
    INVENTORY_SCREEN,
    NO_SLOT,
    OUTSIDE,
    RESULT_SLOT,
    TABLE_SCREEN,
    WINDOW_HEIGHT,
    WINDOW_WIDTH,
    slot_at,
)
from vpt_gym.world.rules.inventory import give
from vpt_gym.world.rules.loot import throw_item
from vpt_gym.world.rules.smelting import forget_idle, furnace_at

DEGREES_PER_PIXEL = 0.15
HOTBAR = tuple(range(HOTBAR_SLOTS))
MAIN = tuple(range(HOTBAR_SLOTS, SLOTS))
"""The inventory without the hotbar."""
FROM_RESULT = (*reversed(HOTBAR), *reversed(MAIN))
"""Order of the slots that a crafted or smelted item goes to."""
FROM_ELSEWHERE = (*MAIN, *HOTBAR)
"""Order of the slots that an item from the grid or from another slot of a furnace goes to."""


class SlotContent(NamedTuple):
    """The content of a slot: item id, quantity and wear."""

    item: int = NO_ITEM
    quantity: int = 0
    wear: int = 0

    def take(self, count: int) -> SlotContent:
        """Returns this stack without ``count`` of its items."""
        return SlotContent(self.item, self.quantity - count, self.wear) if count < self.quantity else NOTHING

    def stacks_with(self, other: SlotContent) -> bool:
        """Returns whether both have the same kind and wear."""
        return self.item == other.item and self.wear == other.wear


NOTHING = SlotContent()
_FURNACE_FIELDS = {
    FURNACE_INPUT_SLOT: ("input", "input_count", "input_wear"),
    FURNACE_FUEL_SLOT: ("fuel", "fuel_count", "fuel_wear"),
    FURNACE_OUTPUT_SLOT: ("output", "output_count", "output_wear"),
}


class Slots:
    """The slots of the open screen, and the stack on the cursor.

    Args:
        world: The world; changed. A screen must be open.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.screen: Any = world.screen[0]
        self.kind = int(self.screen.open)
        self._furnace: Any = None
        if self.kind == FURNACE_SCREEN:
            index = furnace_at(world, int(self.screen.x), int(self.screen.y), int(self.screen.z))
            self._furnace = world.furnaces[index] if index >= 0 else None

    @property
    def are_usable(self) -> bool:
        """False for a furnace without a record: too many others are in use."""
        return self.kind != FURNACE_SCREEN or self._furnace is not None

    @property
    def carried(self) -> SlotContent:
        """The stack on the cursor."""
        screen = self.screen
        if screen.carried_count <= 0:
            return NOTHING
        return SlotContent(int(screen.carried_item), int(screen.carried_count), int(screen.carried_wear))

    @carried.setter
    def carried(self, stack: SlotContent) -> None:
        self.screen.carried_item, self.screen.carried_count, self.screen.carried_wear = stack

    def get(self, slot: int) -> SlotContent:
        """Returns the content of a slot."""
        if slot == RESULT_SLOT:
            made = SlotContent(*crafted_from(self.world.grid))
            return made if made.quantity > 0 else NOTHING
        if slot in _FURNACE_FIELDS:
            item, count, wear = (int(self._furnace[name]) for name in _FURNACE_FIELDS[slot])
        elif slot >= GRID_SLOT:
            item, count, wear = self.world.grid[slot - GRID_SLOT].tolist()
        else:
            item, count, wear = self.world.inventory[slot].tolist()
        return SlotContent(item, count, wear) if count > 0 else NOTHING

    def set(self, slot: int, stack: SlotContent) -> None:
        """Replaces the content of a slot; not for the slot of the result."""
        if slot in _FURNACE_FIELDS:
            if slot == FURNACE_INPUT_SLOT and stack.item != self._furnace.input:
                self._furnace.cook_ticks = 0
            for name, value in zip(_FURNACE_FIELDS[slot], stack, strict=True):
                self._furnace[name] = value
        elif slot >= GRID_SLOT:
            self.world.grid[slot - GRID_SLOT] = stack
        else:
            self.world.inventory[slot] = stack

    def accepts(self, slot: int, item: int) -> bool:
        """Returns whether an item may be put into a slot."""
        if slot in (RESULT_SLOT, FURNACE_OUTPUT_SLOT):
            return False
        if slot == FURNACE_INPUT_SLOT:
            return item in SMELTED
        return slot != FURNACE_FUEL_SLOT or bool(BURN_TICKS[item] > 0)

    def remove(self, slot: int, count: int) -> None:
        """Removes items from a slot; a result costs one item of each cell of the grid."""
        if slot != RESULT_SLOT:
            self.set(slot, self.get(slot).take(count))
            return
        grid = self.world.grid
        for cell in range(GRID):
            if grid[cell, 1] > 0:
                self.set(GRID_SLOT + cell, self.get(GRID_SLOT + cell).take(1))

    def room(self, stack: SlotContent, order: Iterable[int]) -> int:
        """Returns how many items of a kind still fit into the slots of ``order``."""
        room, size = 0, int(STACK_SIZE[stack.item])
        for slot in order:
            there = self.get(slot)
            if self.accepts(slot, stack.item) and (there is NOTHING or there.stacks_with(stack)):
                room += max(0, size - there.quantity)
        return room

    def merge(self, stack: SlotContent, order: tuple[int, ...]) -> int:
        """Puts a stack into the slots of ``order``, first onto stacks of its kind; returns how many items fitted."""
        left, size = stack.quantity, int(STACK_SIZE[stack.item])
        for empty in (False, True):
            for slot in order:
                there = self.get(slot)
                fits = there is NOTHING if empty else there is not NOTHING and there.stacks_with(stack)
                moved = min(left, size - there.quantity) if fits and self.accepts(slot, stack.item) else 0
                if moved > 0:
                    self.set(slot, SlotContent(stack.item, there.quantity + moved, stack.wear))
                    left -= moved
        return stack.quantity - left


def left_click(slots: Slots, slot: int) -> None:
    """Picks a stack up, puts it down, or swaps it with the one on the cursor."""
    there, carried = slots.get(slot), slots.carried
    if there is NOTHING and carried is NOTHING:
        return
    if carried is NOTHING:
        slots.remove(slot, there.quantity)
        slots.carried = there
    elif slots.accepts(slot, carried.item):
        if there is NOTHING or there.stacks_with(carried):
            put_down(slots, slot, carried.quantity)
        else:
            slots.set(slot, carried)
            slots.carried = there
    else:
        add_to_cursor(slots, slot)


def right_click(slots: Slots, slot: int) -> None:
    """Picks up half of a stack, or puts one item down."""
    there, carried = slots.get(slot), slots.carried
    if there is NOTHING and carried is NOTHING:
        return
    if carried is NOTHING:
        count = there.quantity if slot == RESULT_SLOT else (there.quantity + 1) // 2
        slots.remove(slot, count)
        slots.carried = there._replace(quantity=count)
    elif slots.accepts(slot, carried.item):
        if there is NOTHING or there.stacks_with(carried):
            put_down(slots, slot, 1)
        else:
            slots.set(slot, carried)
            slots.carried = there
    else:
        add_to_cursor(slots, slot)


def put_down(slots: Slots, slot: int, count: int) -> None:
    """Puts items from the cursor into a slot, as many as fit."""
    there, carried = slots.get(slot), slots.carried
    count = min(count, int(STACK_SIZE[carried.item]) - there.quantity)
    if count > 0:
        slots.set(slot, SlotContent(carried.item, there.quantity + count, carried.wear))
        slots.carried = carried.take(count)


def add_to_cursor(slots: Slots, slot: int) -> None:
    """Adds a result to the stack on the cursor, if all of it fits."""
    there, carried = slots.get(slot), slots.carried
    total = carried.quantity + there.quantity
    if there is not NOTHING and there.stacks_with(carried) and total <= STACK_SIZE[carried.item]:
        slots.remove(slot, there.quantity)
        slots.carried = carried._replace(quantity=total)


def quick_move(slots: Slots, slot: int) -> None:
    """Moves a stack to the other part of the screen; a result as often as the grid and the free slots allow."""
    stack = slots.get(slot)
    if slot == RESULT_SLOT:
        while stack.quantity > 0 and slots.room(stack, FROM_RESULT) >= stack.quantity:
            slots.merge(stack, FROM_RESULT)
            slots.remove(slot, stack.quantity)
            if not slots.get(slot).stacks_with(stack):
                break
        return
    if stack is NOTHING:
        return
    if slot == FURNACE_OUTPUT_SLOT:
        order: tuple[int, ...] = FROM_RESULT
    elif slot >= GRID_SLOT:
        order = FROM_ELSEWHERE
    elif slots.kind == FURNACE_SCREEN and stack.item in SMELTED:
        order = (FURNACE_INPUT_SLOT,)
    elif slots.kind == FURNACE_SCREEN and BURN_TICKS[stack.item] > 0:
        order = (FURNACE_FUEL_SLOT,)
    else:
        order = MAIN if slot in HOTBAR else HOTBAR
    slots.set(slot, stack.take(slots.merge(stack, order)))


def swap_with_hotbar(slots: Slots, slot: int, hotbar: int) -> None:
    """Swaps a slot with one of the hotbar; a result goes only into an empty one."""
    there, here = slots.get(slot), slots.get(hotbar)
    if here is NOTHING and there is NOTHING:
        return
    if here is NOTHING:
        slots.remove(slot, there.quantity)
        slots.set(hotbar, there)
    elif slots.accepts(slot, here.item):
        slots.set(slot, here)
        slots.set(hotbar, there)


def throw_from_slot(slots: Slots, slot: int) -> None:
    """Throws one item from a slot, or all items of a result."""
    there = slots.get(slot)
    count = there.quantity if slot == RESULT_SLOT else min(1, there.quantity)
    if count and throw_item(slots.world.items, slots.world.player, there.item, count, there.wear):
        slots.remove(slot, count)


def throw_carried(slots: Slots, count: int) -> None:
    """Throws items from the cursor."""
    carried = slots.carried
    count = min(count, carried.quantity)
    if count and throw_item(slots.world.items, slots.world.player, carried.item, count, carried.wear):
        slots.carried = carried.take(count)


def close(world: World) -> None:
    """Closes the screen; items on the cursor and the grid go into the inventory, or onto the ground if it is full."""
    screen: Any = world.screen[0]
    for stack in ((screen.carried_item, screen.carried_count, screen.carried_wear), *world.grid.tolist()):
        item, count, wear = (int(number) for number in stack)
        if count > 0:
            left = give(world.inventory, item, count, wear)
            if left > 0:
                throw_item(world.items, world.player, item, left, wear)
    world.grid[:] = 0
    screen.open, screen.carried_item, screen.carried_count, screen.carried_wear = CLOSED, NO_ITEM, 0, 0
    forget_idle(world)


def block_remains(world: World) -> bool:
    """Returns whether the table or furnace of the open screen still exists."""
    screen: Any = world.screen[0]
    if screen.open == INVENTORY_SCREEN:
        return True
    block = CRAFTING_TABLE if screen.open == TABLE_SCREEN else FURNACE
    return bool(world.blocks[screen.x, screen.z, screen.y] == block)


def operate(world: World, controls: Controls) -> None:
    """Applies the controls of a tick to the open screen.

    Args:
        world: The world; changed.
        controls: The controls. Keys that act when they go down are compared with ``PLAYER.keys``.
    """
    screen: Any = world.screen[0]
    player: Any = world.player[0]
    pressed = pressed_keys(controls) & ~int(player["keys"])
    slots = Slots(world)
    closes = controls.escape or pressed & INVENTORY_KEY or player.health <= 0
    if closes or not block_remains(world) or not slots.are_usable:
        close(world)
        return
    x = screen.cursor_x + controls.yaw / DEGREES_PER_PIXEL
    y = screen.cursor_y + controls.pitch / DEGREES_PER_PIXEL
    screen.cursor_x = min(WINDOW_WIDTH - 1.0, max(0.0, x))
    screen.cursor_y = min(WINDOW_HEIGHT - 1.0, max(0.0, y))
    slot = slot_at(slots.kind, float(screen.cursor_x), float(screen.cursor_y))
    if slot == OUTSIDE:
        if pressed & ATTACK_KEY:
            throw_carried(slots, slots.carried.quantity)
        elif pressed & USE_KEY:
            throw_carried(slots, 1)
        return
    if slot == NO_SLOT:
        return
    if pressed & ATTACK_KEY:
        if controls.sneak:
            quick_move(slots, slot)
        else:
            left_click(slots, slot)
    elif pressed & USE_KEY:
        right_click(slots, slot)
    elif slots.carried is NOTHING and controls.slot >= 0 and controls.slot != slot:
        swap_with_hotbar(slots, slot, controls.slot)
    elif slots.carried is NOTHING and pressed & DROP_KEY:
        throw_from_slot(slots, slot)


def pressed_keys(controls: Controls) -> int:
    """Returns the held keys that act when they go down, in the bits of ``PLAYER.keys``."""
    return (
        controls.attack * ATTACK_KEY
        + controls.use * USE_KEY
        + controls.drop * DROP_KEY
        + controls.inventory * INVENTORY_KEY
    )


@kernel
def open_screen(screens: Any, kind: int, x: int, y: int, z: int) -> None:
    """Opens a screen with the cursor in the middle; (x, y, z) is the table or furnace."""
    screen = screens[0]
    screen.open = kind
    screen.x = x
    screen.y = y
    screen.z = z
    screen.cursor_x = WINDOW_WIDTH / 2
    screen.cursor_y = WINDOW_HEIGHT / 2


def open_inventory(world: World) -> None:
    """Opens the inventory screen."""
    open_screen(world.screen, INVENTORY_SCREEN, 0, 0, 0)
