"""Digging: how fast a tool breaks a block, what the block drops, and how the tool wears; figures of Minecraft 1.11."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import (
    AIR,
    CACTUS,
    FURNACE,
    HAND,
    HARDNESS,
    HEIGHT,
    IS_LEAVES,
    NO_TOOL,
    PLANT,
    SHEARS,
    SWORD,
    TIER,
    TOOL,
    WOOL,
)
from vpt_gym.world.catalog.items import DURABILITY, ITEM_TIER, ITEM_TOOL, NO_ITEM
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.inventory import wear_out
from vpt_gym.world.rules.loot import drop_loot, spill_furnace
from vpt_gym.world.rules.vitals import DIG_EXHAUSTION

DIG_DELAY = 6
"""Ticks without progress after a block has broken, except one that broke at once."""
TIER_SPEED = np.array([1.0, 2.0, 4.0, 6.0])
"""Speed by tier of the right tool: hand, wood, stone, iron."""
SHEARS_ON_LEAVES, SHEARS_ON_WOOL, SWORD_ON_LEAVES = 15.0, 5.0, 1.5
RIGHT_TOOL, WRONG_TOOL = 30.0, 100.0
"""Ticks per hardness at speed 1, with a tool that makes the block drop something and without."""
SLOWDOWN = 5.0
"""Factor by which digging is slower off the ground, and again with the head under water."""
DONE = 1.0 - 1e-9
"""Progress at which a block breaks: in floating point, 60 sixtieths add up to a little less than 1."""
SWORD_DIG_WEAR = 2
MOST_CHANGES = HEIGHT
"""Largest number of blocks that the player can change in a tick: a cactus may be as high as the world."""


@kernel
def drops_with(block: int, item: int) -> bool:
    """Returns whether a block drops anything when it is dug with an item."""
    return bool(TIER[block] == HAND or (ITEM_TOOL[item] == TOOL[block] and ITEM_TIER[item] >= TIER[block]))


@kernel
def dig_rate(block: int, item: int) -> float:
    """Returns the share of a block that one tick digs, for a standing player; infinity = it breaks at once.

    Args:
        block: Block id.
        item: Item id of the tool.
    """
    hardness = HARDNESS[block]
    if hardness == 0.0:
        return math.inf
    tool = ITEM_TOOL[item]
    speed = 1.0
    if tool == SHEARS:
        if IS_LEAVES[block]:
            speed = SHEARS_ON_LEAVES
        elif block == WOOL:
            speed = SHEARS_ON_WOOL
    elif tool == SWORD:
        if IS_LEAVES[block]:
            speed = SWORD_ON_LEAVES
    elif tool != NO_TOOL and tool == TOOL[block]:
        speed = TIER_SPEED[ITEM_TIER[item]]
    return float(speed / hardness / (RIGHT_TOOL if drops_with(block, item) else WRONG_TOOL))


@kernel
def held_item(inventory: Any, slot: int) -> int:
    """Returns the item id in an inventory slot; ``NO_ITEM`` when it is empty."""
    return int(inventory[slot, 0]) if inventory[slot, 1] > 0 else NO_ITEM


@kernel
def note_change(changes: Any, x: int, y: int, z: int, block: int) -> None:
    """Records that a cell is to become a block.

    Only one place of the tick writes blocks: the code for that is long, and would be compiled again into every kernel
    that calls it.

    Args:
        changes: (``MOST_CHANGES`` + 1, 4) int64, changed. The first row begins with the number of changes; each of the
            next rows is x, y, z and block.
        x: Of the cell.
        y: Of the cell.
        z: Of the cell.
        block: Block id.
    """
    if changes[0, 0] < MOST_CHANGES:
        changes[0, 0] += 1
        row = changes[changes[0, 0]]
        row[0] = x
        row[1] = y
        row[2] = z
        row[3] = block


@kernel
def break_block(w: Any, changes: Any) -> None:
    """Breaks the aimed block and the plants and cacti on top of it, with drops, wear and exhaustion."""
    p = w.player[0]
    x, y, z = p.aim_x, p.aim_y, p.aim_z
    block: Any = np.int64(w.blocks[x, z, y])
    item = held_item(w.inventory, p.slot)
    seed = w.clock[0].seed
    if block == FURNACE:
        spill_furnace(w.furnaces, w.items, seed, p.ticks, x, y, z)
    breaks = block
    tool = item
    while True:
        if drops_with(breaks, tool):
            drop_loot(w.items, seed, p.ticks, x, y, z, breaks, tool)
        note_change(changes, x, y, z, AIR)
        y += 1
        if y >= HEIGHT:
            break
        breaks = np.int64(w.blocks[x, z, y])
        tool = NO_ITEM
        if not (PLANT[breaks] or breaks == CACTUS):
            break
    p.exhaustion += DIG_EXHAUSTION
    p.dug = 0.0
    if DURABILITY[item] > 0 and (HARDNESS[block] > 0.0 or ITEM_TOOL[item] == SHEARS):
        wear_out(w.inventory, p.slot, SWORD_DIG_WEAR if ITEM_TOOL[item] == SWORD else 1, DURABILITY[item])


@kernel
def dig(w: Any, changes: Any, pressed: bool, same: bool, speed: float) -> None:
    """Digs at the aimed block for one tick.

    If attack was already held and the aimed block is a new one, the first tick makes no progress; it only breaks a
    block that breaks at once.

    Args:
        w: The ``World``; changed.
        changes: See ``note_change``.
        pressed: Whether attack was not held in the tick before.
        same: Whether the aimed block is that of the tick before.
        speed: Multiplies the speed of digging.
    """
    p = w.player[0]
    if not same or pressed:
        p.dug = 0.0
    begins = not (same or pressed)
    if p.dig_delay > 0:
        p.dig_delay -= 1
        if p.dig_delay > 0:
            return
        begins = True
    if not p.aims:
        return
    block: Any = np.int64(w.blocks[p.aim_x, p.aim_z, p.aim_y])
    rate = dig_rate(block, held_item(w.inventory, p.slot)) * speed
    if not p.on_ground:
        rate /= SLOWDOWN
    if p.eye_in_water:
        rate /= SLOWDOWN
    at_once = rate >= DONE
    if not begins:
        p.dug += rate
    if at_once or p.dug >= DONE:
        break_block(w, changes)
        p.dig_delay = 0 if at_once else DIG_DELAY
