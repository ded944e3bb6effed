"""What the use key does with blocks: placing them, and buckets.

Simpler than Minecraft: water does not flow, sand and gravel do not fall, and a torch stands on the ground only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import (
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
from vpt_gym.world.compiled import kernel
from vpt_gym.world.creatures import CREATURE_HEIGHT, CREATURE_WIDTH
from vpt_gym.world.digging import remove_block
from vpt_gym.world.fields import HIGHEST_PLACE, set_block
from vpt_gym.world.inventory import give
from vpt_gym.world.items import BUCKET, NO_ITEM, WATER_BUCKET
from vpt_gym.world.loot import drop_loot, throw_item
from vpt_gym.world.physics import BODY_HEIGHT, EYE_HEIGHT, HALF_WIDTH, REACH, SNEAKING_EYE_HEIGHT, liquid, look, wrapped

BLOCK_COUNT = len(BLOCKS)
WATER_STEP = 0.05
"""A bucket looks for water along the view in steps of this length, blocks."""
SOURCES = 2
"""Water that has so much water beside it fills up again when a bucket is taken from it."""


@kernel
def replaceable(block: int) -> bool:
    """Tells whether a block gives way to one that is placed there."""
    return block == AIR or block == WATER or block == TALL_GRASS or block == FERN or block == DEAD_BUSH


@kernel
def can_stand(w: Any, x: int, y: int, z: int, block: int) -> bool:
    """Tells whether the ground of a cell holds a block; all but plants and cactuses stand anywhere."""
    below = w.blocks[x, z, y - 1]
    if block == TORCH:
        return OPAQUE[below] and not IS_LEAVES[below] and below != CACTUS
    if block == DEAD_BUSH:
        return below == SAND or below == DIRT
    if block == CACTUS:
        beside = SOLID[w.blocks[x + 1 & MASK, z, y]] or SOLID[w.blocks[x - 1 & MASK, z, y]]
        beside = beside or SOLID[w.blocks[x, z + 1 & MASK, y]] or SOLID[w.blocks[x, z - 1 & MASK, y]]
        return (below == SAND or below == CACTUS) and not beside
    if PLANT[block]:
        return below == GRASS or below == DIRT
    return True


@kernel
def is_occupied(w: Any, x: int, y: int, z: int) -> bool:
    """Tells whether the player or a creature stands in a cell."""
    p = w.player[0]
    aside = 0.5 + HALF_WIDTH
    if abs(wrapped(x + 0.5 - p.x)) < aside and abs(wrapped(z + 0.5 - p.z)) < aside:
        if y + 1 > p.y and y < p.y + BODY_HEIGHT:
            return True
    for k in range(w.creatures.shape[0]):
        c = w.creatures[k]
        aside = 0.5 + 0.5 * CREATURE_WIDTH[c.kind]
        if c.kind != 0 and abs(wrapped(x + 0.5 - c.x)) < aside and abs(wrapped(z + 0.5 - c.z)) < aside:
            if y + 1 > c.y and y < c.y + CREATURE_HEIGHT[c.kind]:
                return True
    return False


@kernel
def target_cell(w: Any) -> tuple[int, int, int]:
    """Returns the cell (x, y, z) in which a block would be placed: the aimed one if it gives way, else beside it."""
    p = w.player[0]
    if replaceable(w.blocks[p.aim_x, p.aim_z, p.aim_y]):
        return p.aim_x, p.aim_y, p.aim_z
    face = p.aim_face
    x = (p.aim_x + (1 if face == 1 else -1 if face == 0 else 0)) & MASK
    y = p.aim_y + (1 if face == 3 else -1 if face == 2 else 0)
    z = (p.aim_z + (1 if face == 5 else -1 if face == 4 else 0)) & MASK
    return x, y, z


@kernel
def put(w: Any, slot: int) -> bool:
    """Places a block of an inventory slot against the aimed one; False when that is not possible."""
    p = w.player[0]
    block = w.inventory[slot, 0]
    if p.aims == 0 or w.inventory[slot, 1] <= 0 or block >= BLOCK_COUNT:
        return False
    x, y, z = target_cell(w)
    if not 0 < y < HIGHEST_PLACE or not replaceable(w.blocks[x, z, y]) or not can_stand(w, x, y, z, block):
        return False
    if SOLID[block] and is_occupied(w, x, y, z):
        return False
    set_block(w, x, y, z, block)
    w.inventory[slot, 1] -= 1
    return True


@kernel
def water_in_sight(w: Any) -> tuple[int, int, int]:
    """Returns the first cell (x, y, z) with water in the line of sight and within reach; y is -1 when there is none."""
    p = w.player[0]
    dx, dy, dz = look(p.yaw, p.pitch)
    eye = p.y + (SNEAKING_EYE_HEIGHT if p.sneaking else EYE_HEIGHT)
    steps = int(REACH / WATER_STEP)
    for k in range(steps):
        way = k * WATER_STEP
        x = int(p.x + way * dx + MASK + 1) & MASK
        y = int(eye + way * dy)
        z = int(p.z + way * dz + MASK + 1) & MASK
        if liquid(w.blocks, x, y, z):
            return x, y, z
        if p.aims and x == p.aim_x and y == p.aim_y and z == p.aim_z:
            break
    return 0, -1, 0


@kernel
def fill_bucket(w: Any, slot: int) -> bool:
    """Fills an empty bucket of a slot with water; False when there is none in sight."""
    x, y, z = water_in_sight(w)
    if y < 0:
        return False
    beside = 0
    for k in range(4):
        dx = (1, -1, 0, 0)[k]
        dz = (0, 0, 1, -1)[k]
        if liquid(w.blocks, x + dx, y, z + dz):
            beside += 1
    if beside < SOURCES:
        set_block(w, x, y, z, AIR)
    exchange(w, slot, WATER_BUCKET)
    return True


@kernel
def empty_bucket(w: Any, slot: int) -> bool:
    """Pours the water of a bucket out against the aimed block; False when that is not possible."""
    p = w.player[0]
    if p.aims == 0:
        return False
    x, y, z = target_cell(w)
    block = np.int64(w.blocks[x, z, y])
    if not 0 < y < HIGHEST_PLACE or not (replaceable(block) or PLANT[block]):
        return False
    if PLANT[block]:
        remove_block(w, x, y, z)
        drop_loot(w, x, y, z, block, NO_ITEM)
    set_block(w, x, y, z, WATER)
    w.inventory[slot, 0] = BUCKET
    return True


@kernel
def exchange(w: Any, slot: int, item: int) -> None:
    """Turns one item of a slot into another one, which goes into the slot, the inventory or onto the ground."""
    w.inventory[slot, 1] -= 1
    if w.inventory[slot, 1] <= 0:
        w.inventory[slot, 0] = item
        w.inventory[slot, 1] = 1
        w.inventory[slot, 2] = 0
    elif give(w.inventory, item, 1, 0) > 0:
        throw_item(w, item, 1, 0)
