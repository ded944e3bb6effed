"""Placing blocks and using buckets.

Simpler than Minecraft: water does not flow, sand and gravel do not fall, and torches stand only on the ground.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import (
    AIR,
    BLOCKS,
    CACTUS,
    DEAD_BUSH,
    DIRT,
    FERN,
    GRASS,
    IS_LEAVES,
    MASK,
    OPAQUE,
    PLANT,
    SAND,
    SOLID,
    TALL_GRASS,
    TORCH,
    WATER,
)
from vpt_gym.world.catalog.creatures import CREATURE_HEIGHT, CREATURE_WIDTH
from vpt_gym.world.catalog.items import BUCKET, NO_ITEM, WATER_BUCKET
from vpt_gym.world.core.fields import HIGHEST_PLACE
from vpt_gym.world.core.geometry import (
    BODY_HEIGHT,
    EYE_HEIGHT,
    HALF_WIDTH,
    REACH,
    SNEAKING_EYE_HEIGHT,
    liquid,
    look,
    wrapped,
)
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.digging import note_change
from vpt_gym.world.rules.inventory import give
from vpt_gym.world.rules.loot import drop_loot, throw_item

BLOCK_COUNT = len(BLOCKS)
WATER_STEP = 0.05
"""Step of the search for water along the line of sight, blocks."""
SOURCES = 2
"""Water with at least this many water neighbours is refilled when a bucket takes it."""


@kernel
def replaceable(block: int) -> bool:
    """Returns whether a placed block may replace a block."""
    return block in (AIR, WATER, TALL_GRASS, FERN, DEAD_BUSH)


@kernel
def can_stand(blocks: Any, x: int, y: int, z: int, block: int) -> bool:
    """Returns whether a block can stand in a cell. Only torches, plants and cacti depend on what is around them."""
    below = blocks[x, z, y - 1]
    if block == TORCH:
        return bool(OPAQUE[below] and not IS_LEAVES[below] and below != CACTUS)
    if block == DEAD_BUSH:
        return bool(below in (SAND, DIRT))
    if block == CACTUS:
        beside = SOLID[blocks[x + 1 & MASK, z, y]] or SOLID[blocks[x - 1 & MASK, z, y]]
        beside = beside or SOLID[blocks[x, z + 1 & MASK, y]] or SOLID[blocks[x, z - 1 & MASK, y]]
        return bool((below in (SAND, CACTUS)) and not beside)
    if PLANT[block]:
        return bool(below in (GRASS, DIRT))
    return True


@kernel
def in_the_way(x: int, y: int, z: int, at_x: float, at_y: float, at_z: float, half_width: float, height: float) -> bool:
    """Returns whether a body whose feet are at (at_x, at_y, at_z) reaches into a cell."""
    aside = 0.5 + half_width
    beside = abs(wrapped(x + 0.5 - at_x)) >= aside or abs(wrapped(z + 0.5 - at_z)) >= aside
    return not beside and y + 1 > at_y and y < at_y + height


@kernel
def is_occupied(p: Any, creatures: Any, x: int, y: int, z: int) -> bool:
    """Returns whether the player or a creature is in a cell."""
    if in_the_way(x, y, z, p.x, p.y, p.z, HALF_WIDTH, BODY_HEIGHT):
        return True
    for k in range(creatures.shape[0]):
        c = creatures[k]
        half, height = 0.5 * CREATURE_WIDTH[c.kind], CREATURE_HEIGHT[c.kind]
        if c.kind != 0 and in_the_way(x, y, z, c.x, c.y, c.z, half, height):
            return True
    return False


@kernel
def target_cell(blocks: Any, p: Any) -> tuple[int, int, int]:
    """Returns the cell (x, y, z) for a placed block: the aimed one if it is replaceable, else the one in front."""
    if replaceable(blocks[p.aim_x, p.aim_z, p.aim_y]):
        return p.aim_x, p.aim_y, p.aim_z
    face = p.aim_face
    x = (p.aim_x + (1 if face == 1 else -1 if face == 0 else 0)) & MASK
    y = p.aim_y + (1 if face == 3 else -1 if face == 2 else 0)
    z = (p.aim_z + (1 if face == 5 else -1 if face == 4 else 0)) & MASK
    return x, y, z


@kernel
def put(blocks: Any, inventory: Any, creatures: Any, p: Any, changes: Any, slot: int) -> bool:
    """Places a block from an inventory slot against the aimed block; returns False if that is not possible."""
    block = inventory[slot, 0]
    if p.aims == 0 or inventory[slot, 1] <= 0 or block >= BLOCK_COUNT:
        return False
    x, y, z = target_cell(blocks, p)
    if not 0 < y < HIGHEST_PLACE or not replaceable(blocks[x, z, y]) or not can_stand(blocks, x, y, z, block):
        return False
    if SOLID[block] and is_occupied(p, creatures, x, y, z):
        return False
    note_change(changes, x, y, z, block)
    inventory[slot, 1] -= 1
    return True


@kernel
def water_in_sight(blocks: Any, p: Any) -> tuple[int, int, int]:
    """Returns the first cell (x, y, z) with water in the line of sight and within reach; y is -1 if there is none."""
    dx, dy, dz = look(p.yaw, p.pitch)
    eye = p.y + (SNEAKING_EYE_HEIGHT if p.sneaking else EYE_HEIGHT)
    steps = int(REACH / WATER_STEP)
    for k in range(steps):
        distance = k * WATER_STEP
        x = int(p.x + distance * dx + MASK + 1) & MASK
        y = int(eye + distance * dy)
        z = int(p.z + distance * dz + MASK + 1) & MASK
        if liquid(blocks, x, y, z):
            return x, y, z
        if p.aims and x == p.aim_x and y == p.aim_y and z == p.aim_z:
            break
    return 0, -1, 0


@kernel
def use_bucket(w: Any, changes: Any) -> None:
    """Fills the bucket in the hand with water in the line of sight, or pours its water against the aimed block."""
    p = w.player[0]
    if w.inventory[p.slot, 0] == BUCKET:
        x, y, z = water_in_sight(w.blocks, p)
        if y < 0:
            return
        beside = 0
        for k in range(4):
            if liquid(w.blocks, x + (1, -1, 0, 0)[k], y, z + (0, 0, 1, -1)[k]):
                beside += 1
        poured = AIR if beside < SOURCES else WATER
        exchange(w.inventory, w.items, w.player, p.slot, WATER_BUCKET)
    else:
        x, y, z = target_cell(w.blocks, p)
        block: Any = np.int64(w.blocks[x, z, y])
        if p.aims == 0 or not 0 < y < HIGHEST_PLACE or not (replaceable(block) or PLANT[block]):
            return
        if PLANT[block]:
            drop_loot(w.items, w.clock[0].seed, p.ticks, x, y, z, block, NO_ITEM)
        poured = WATER
        w.inventory[p.slot, 0] = BUCKET
    note_change(changes, x, y, z, poured)


@kernel
def exchange(inventory: Any, items: Any, player: Any, slot: int, item: int) -> None:
    """Replaces one item of a slot by another one, which goes into the slot, the inventory or onto the ground."""
    inventory[slot, 1] -= 1
    if inventory[slot, 1] <= 0:
        inventory[slot, 0] = item
        inventory[slot, 1] = 1
        inventory[slot, 2] = 0
    elif give(inventory, item, 1, 0) > 0:
        throw_item(items, player, item, 1, 0)
