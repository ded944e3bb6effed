"""Items on the ground: what blocks drop, how items fall, and how the player picks them up.

Random numbers are functions of the world's seed, the tick and the position.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import (
    COAL_ORE,
    COBBLESTONE,
    DEAD_BUSH,
    DIRT,
    FERN,
    GRASS,
    GRAVEL,
    HEIGHT,
    IS_LEAVES,
    OAK_LEAVES,
    SHEARS,
    SIDE,
    STONE,
    TALL_GRASS,
)
from vpt_gym.world.catalog.items import APPLE, COAL, FLINT, ITEM_TOOL, NO_ITEM, SAPLING, STICK, WHEAT_SEEDS
from vpt_gym.world.core.geometry import BODY_HEIGHT, EYE_HEIGHT, HALF_WIDTH, look, wrapped
from vpt_gym.world.core.motion import DRAG, slide
from vpt_gym.world.core.state import MAX_FURNACES, MAX_ITEMS
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform
from vpt_gym.world.rules.inventory import give

ITEM_GRAVITY = 0.04
ITEM_HALF_WIDTH = 0.125
ITEM_HEIGHT = 0.25
ITEM_LIFE = 6000
DROP_DELAY = 10
"""Ticks until an item that a block or a creature dropped can be picked up."""
THROW_DELAY = 40
"""Ticks until an item that the player threw can be picked up."""
PICKUP_SIDE = HALF_WIDTH + 1.0 + ITEM_HALF_WIDTH
PICKUP_BELOW = 0.5 + ITEM_HEIGHT
PICKUP_ABOVE = BODY_HEIGHT + 0.5

SAPLING_CHANCE = 0.05
APPLE_CHANCE = 0.005
SEEDS_CHANCE = 0.125
FLINT_CHANCE = 0.1

_SCATTER, _LOOT = 201, 202
"""Purposes of random numbers, see ``hashing``."""


@kernel
def spawn_item(items: Any, x: float, y: float, z: float, item: int, count: int, delay: int) -> int:
    """Puts a stack at rest into the world; returns its index, or -1 if there are ``MAX_ITEMS`` already.

    Args:
        items: The ``ITEM`` records; changed.
        x: Of the middle of its bottom, blocks.
        y: See ``x``.
        z: See ``x``.
        item: Item id.
        count: Number of items.
        delay: Ticks until it can be picked up.
    """
    for k in range(MAX_ITEMS):
        lying = items[k]
        if lying["item"] == NO_ITEM:  # np.record has a method of this name
            lying.x = x % SIDE
            lying.y = y
            lying.z = z % SIDE
            lying.vx = 0.0
            lying.vy = 0.0
            lying.vz = 0.0
            lying.item = item
            lying.count = count
            lying.wear = 0
            lying.age = 0
            lying.delay = delay
            return k
    return -1


@kernel
def scatter_item(items: Any, seed: int, tick: int, x: int, y: int, z: int, item: int, count: int, wear: int) -> None:
    """Drops a stack at a random position in a cell, with the small random speed that Minecraft gives it."""
    cell = ((x * SIDE + z) * HEIGHT + y) * 8
    at_x = x + 0.25 + 0.5 * uniform(seed, tick, cell, _SCATTER)
    at_y = y + 0.25 + 0.5 * uniform(seed, tick, cell + 1, _SCATTER)
    at_z = z + 0.25 + 0.5 * uniform(seed, tick, cell + 2, _SCATTER)
    k = spawn_item(items, at_x, at_y, at_z, item, count, DROP_DELAY)
    if k >= 0:
        items[k].wear = wear
        items[k].vx = uniform(seed, tick, cell + 3, _SCATTER) * 0.2 - 0.1
        items[k].vy = 0.2
        items[k].vz = uniform(seed, tick, cell + 4, _SCATTER) * 0.2 - 0.1


@kernel
def drop_loot(items: Any, seed: int, tick: int, x: int, y: int, z: int, block: int, tool: int) -> None:
    """Drops the items of a block that was dug with the right tool.

    Simpler than Minecraft 1.11: there is one kind of sapling, and a snow block drops itself, not four snowballs.

    Args:
        items: The ``ITEM`` records; changed.
        seed: Of the world.
        tick: The present tick.
        x: Of the block's cell.
        y: Of the block's cell.
        z: Of the block's cell.
        block: Block id.
        tool: Item id of the tool; ``NO_ITEM`` = the hand.
    """
    chance = uniform(seed, tick, (x * SIDE + z) * HEIGHT + y, _LOOT)
    item = block
    count = 1
    if IS_LEAVES[block]:
        if ITEM_TOOL[tool] != SHEARS:
            item = SAPLING if chance < SAPLING_CHANCE else NO_ITEM
            if block == OAK_LEAVES and 1.0 - chance <= APPLE_CHANCE:
                item = APPLE
    elif block == STONE:
        item = COBBLESTONE
    elif block == GRASS:
        item = DIRT
    elif block == COAL_ORE:
        item = COAL
    elif block == GRAVEL:
        item = FLINT if chance < FLINT_CHANCE else GRAVEL
    elif (block in (TALL_GRASS, FERN)) and ITEM_TOOL[tool] != SHEARS:
        item = WHEAT_SEEDS if chance < SEEDS_CHANCE else NO_ITEM
    elif block == DEAD_BUSH and ITEM_TOOL[tool] != SHEARS:
        item = STICK
        count = int(3.0 * chance)
    if item != NO_ITEM and count > 0:
        scatter_item(items, seed, tick, x, y, z, item, count, 0)


@kernel
def throw_item(items: Any, player: Any, item: int, count: int, wear: int) -> bool:
    """Throws a stack ahead of the player; returns False if there are ``MAX_ITEMS`` on the ground already."""
    p = player[0]
    k = spawn_item(items, p.x, p.y + EYE_HEIGHT - 0.3, p.z, item, count, THROW_DELAY)
    if k < 0:
        return False
    dx, dy, dz = look(p.yaw, p.pitch)
    lying = items[k]
    lying.wear = wear
    lying.vx = dx * 0.3
    lying.vy = dy * 0.3 + 0.1
    lying.vz = dz * 0.3
    return True


@kernel
def throw_from(items: Any, player: Any, inventory: Any, slot: int) -> None:
    """Throws one item of an inventory slot ahead."""
    if inventory[slot, 1] > 0 and throw_item(items, player, inventory[slot, 0], 1, inventory[slot, 2]):
        inventory[slot, 1] -= 1


@kernel
def move_items(blocks: Any, items: Any, inventory: Any, p: Any) -> None:
    """Moves the items on the ground, and gives the player those that are near."""
    low = np.empty(3)
    high = np.empty(3)
    for k in range(MAX_ITEMS):
        item = items[k]
        if item["item"] == NO_ITEM:
            continue
        item.age += 1
        if item.delay > 0:
            item.delay -= 1
        item.vy -= ITEM_GRAVITY
        low[0] = item.x - ITEM_HALF_WIDTH
        low[1] = item.y
        low[2] = item.z - ITEM_HALF_WIDTH
        high[0] = item.x + ITEM_HALF_WIDTH
        high[1] = item.y + ITEM_HEIGHT
        high[2] = item.z + ITEM_HALF_WIDTH
        went_y = slide(blocks, low, high, 1, item.vy)
        went_x = slide(blocks, low, high, 0, item.vx)
        went_z = slide(blocks, low, high, 2, item.vz)
        item.x = (item.x + went_x) % SIDE
        item.y += went_y
        item.z = (item.z + went_z) % SIDE
        landed = item.vy < 0.0 and went_y != item.vy
        friction = DRAG * (0.6 if landed else 1.0)
        item.vx = item.vx * friction if went_x == item.vx else 0.0
        item.vz = item.vz * friction if went_z == item.vz else 0.0
        item.vy = item.vy * DRAG if went_y == item.vy else 0.0
        near = abs(wrapped(item.x - p.x)) < PICKUP_SIDE and abs(wrapped(item.z - p.z)) < PICKUP_SIDE
        above = item.y - p.y
        if near and -PICKUP_BELOW < above < PICKUP_ABOVE and item.delay == 0 and p.health > 0.0:
            item.count = give(inventory, item["item"], item.count, item.wear)
        if item.count <= 0 or item.age > ITEM_LIFE:
            item.item = NO_ITEM


@kernel
def spill_furnace(furnaces: Any, items: Any, seed: int, tick: int, x: int, y: int, z: int) -> None:
    """Drops the contents of the furnace in a cell, before it is removed, and frees its record."""
    for k in range(MAX_FURNACES):
        furnace = furnaces[k]
        if furnace.used == 0 or furnace.x != x or furnace.y != y or furnace.z != z:
            continue
        if furnace.input_count > 0:
            scatter_item(items, seed, tick, x, y, z, furnace.input, furnace.input_count, furnace.input_wear)
        if furnace.fuel_count > 0:
            scatter_item(items, seed, tick, x, y, z, furnace.fuel, furnace.fuel_count, furnace.fuel_wear)
        if furnace.output_count > 0:
            scatter_item(items, seed, tick, x, y, z, furnace.output, furnace.output_count, furnace.output_wear)
        for later in range(k, MAX_FURNACES - 1):
            furnaces[later] = furnaces[later + 1]
        furnaces[MAX_FURNACES - 1].used = 0
        return
