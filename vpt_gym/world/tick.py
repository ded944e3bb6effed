"""One tick of the world: the only place where its state changes by itself.

Every action interface ends here, so that the same intent gives the same trajectory through each of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.blocks import AIR, DIG_TICKS, DROPS, HEIGHT, MASK, SIDE
from vpt_gym.world.compiled import kernel
from vpt_gym.world.fields import block_changed
from vpt_gym.world.physics import (
    BODY_HEIGHT,
    DRAG,
    EYE_HEIGHT,
    HALF_WIDTH,
    REACH,
    SNEAKING_EYE_HEIGHT,
    look,
    move_player,
    pick,
    slide,
    wrapped,
)
from vpt_gym.world.state import MAX_ITEMS, SLOTS, STACK

DIG_DELAY = 5
"""Ticks after a block broke before the next one can be dug."""
USE_DELAY = 4
"""Ticks between two blocks placed by holding use."""
IN_AIR_FACTOR = 5.0
"""Digging is this much slower while not standing."""
ITEM_GRAVITY = 0.04
ITEM_HALF_WIDTH = 0.125
ITEM_HEIGHT = 0.25
ITEM_LIFE = 6000
DROP_DELAY = 10
THROW_DELAY = 40
PICKUP_SIDE = HALF_WIDTH + 1.0 + ITEM_HALF_WIDTH
PICKUP_BELOW = 0.5 + ITEM_HEIGHT
PICKUP_ABOVE = BODY_HEIGHT + 0.5
HIGHEST_PLACE = HEIGHT - 4
"""Blocks can be placed below this only, so that a player's eye never leaves the world."""
SWING_TICKS = 6


class Controls(NamedTuple):
    """What the player does in one tick, after an action interface has been resolved.

    ``forward`` is 1 forward, -1 back; ``strafe`` 1 left, -1 right; the keys are 0 or 1; ``slot`` selects a hotbar slot
    (-1 = keep); ``equip``, ``place`` and ``destroy`` act on an inventory slot (-1 = none): swap it into the hand, place
    a block from it, empty it; ``pitch`` and ``yaw`` turn the view, degrees, + is down and right.
    """

    forward: int = 0
    strafe: int = 0
    jump: int = 0
    sneak: int = 0
    sprint: int = 0
    attack: int = 0
    use: int = 0
    drop: int = 0
    slot: int = -1
    equip: int = -1
    place: int = -1
    destroy: int = -1
    pitch: float = 0.0
    yaw: float = 0.0


@kernel
def spawn_item(items: Any, x: float, y: float, z: float, block: int, delay: int) -> int:
    """Puts a resting item into the world; returns its index, or -1 when there are too many already."""
    for k in range(MAX_ITEMS):
        if items[k].block == AIR:
            item = items[k]
            item.x = x
            item.y = y
            item.z = z
            item.vx = 0.0
            item.vy = 0.0
            item.vz = 0.0
            item.block = block
            item.age = 0
            item.delay = delay
            return k
    return -1


@kernel
def collect(inventory: Any, block: int) -> bool:
    """Adds one item to the inventory, first to a stack of its kind; False when there is no room."""
    for k in range(SLOTS):
        if inventory[k, 0] == block and 0 < inventory[k, 1] < STACK:
            inventory[k, 1] += 1
            return True
    for k in range(SLOTS):
        if inventory[k, 1] == 0:
            inventory[k, 0] = block
            inventory[k, 1] = 1
            return True
    return False


@kernel
def aim(blocks: Any, p: Any) -> bool:
    """Finds the block in the cross-hairs; True when it is the one of the tick before."""
    hit = np.zeros(4, np.int64)
    dx, dy, dz = look(p.yaw, p.pitch)
    eye = SNEAKING_EYE_HEIGHT if p.sneaking else EYE_HEIGHT
    distance = pick(blocks, p.x, p.y + eye, p.z, dx, dy, dz, REACH, hit)
    aims = distance >= 0.0
    same = aims and p.aims != 0 and hit[0] == p.aim_x and hit[1] == p.aim_y and hit[2] == p.aim_z
    p.aims = 1 if aims else 0
    p.aim_x = hit[0]
    p.aim_y = hit[1]
    p.aim_z = hit[2]
    p.aim_face = hit[3]
    return same


@kernel
def dig(blocks: Any, tops: Any, squares: Any, p: Any, items: Any, same: bool, speed: float) -> None:
    """Digs at the aimed block for one tick, and breaks it when that is enough."""
    if not same:
        p.dug = 0.0
    if not p.aims or p.dig_delay > 0:
        return
    block = int(blocks[p.aim_x, p.aim_z, p.aim_y])
    ticks = DIG_TICKS[block]
    if ticks == 0.0:
        return
    p.dug += speed / ticks / (1.0 if p.on_ground else IN_AIR_FACTOR)
    if p.dug < 1.0 - 1e-9:  # 60 sixtieths are a little less than 1
        return
    blocks[p.aim_x, p.aim_z, p.aim_y] = AIR
    block_changed(blocks, tops, squares, p.aim_x, p.aim_y, p.aim_z)
    if DROPS[block] != AIR:
        k = spawn_item(items, p.aim_x + 0.5, p.aim_y + 0.375, p.aim_z + 0.5, DROPS[block], DROP_DELAY)
        if k >= 0:
            # Minecraft throws it a little in a random direction: here the direction depends on place and time
            scatter = (p.ticks * 7919 + p.aim_x * 31 + p.aim_y * 131 + p.aim_z * 17) % 997
            items[k].vx = (scatter / 997.0 - 0.5) * 0.2
            items[k].vy = 0.2
            items[k].vz = ((scatter * 7 % 997) / 997.0 - 0.5) * 0.2
    p.dug = 0.0
    p.dig_delay = DIG_DELAY


@kernel
def put(blocks: Any, tops: Any, squares: Any, p: Any, inventory: Any, slot: int) -> bool:
    """Places a block of an inventory slot against the aimed one; False when that is not possible."""
    if not p.aims or inventory[slot, 1] == 0:
        return False
    face = p.aim_face
    x = (p.aim_x + (1 if face == 1 else -1 if face == 0 else 0)) & MASK
    y = p.aim_y + (1 if face == 3 else -1 if face == 2 else 0)
    z = (p.aim_z + (1 if face == 5 else -1 if face == 4 else 0)) & MASK
    if not 0 < y < HIGHEST_PLACE or blocks[x, z, y] != AIR:
        return False
    aside = 0.5 + HALF_WIDTH
    in_column = abs(wrapped(x + 0.5 - p.x)) < aside and abs(wrapped(z + 0.5 - p.z)) < aside
    if in_column and y + 1 > p.y and y < p.y + BODY_HEIGHT:
        return False  # the player stands there
    blocks[x, z, y] = inventory[slot, 0]
    block_changed(blocks, tops, squares, x, y, z)
    inventory[slot, 1] -= 1
    return True


@kernel
def throw(p: Any, items: Any, inventory: Any) -> None:
    """Throws one item of the selected slot ahead."""
    if inventory[p.slot, 1] == 0:
        return
    k = spawn_item(items, p.x, p.y + EYE_HEIGHT - 0.3, p.z, inventory[p.slot, 0], THROW_DELAY)
    if k < 0:
        return
    inventory[p.slot, 1] -= 1
    dx, dy, dz = look(p.yaw, p.pitch)
    items[k].vx = dx * 0.3
    items[k].vy = dy * 0.3 + 0.1
    items[k].vz = dz * 0.3


@kernel
def move_items(blocks: Any, p: Any, items: Any, inventory: Any) -> None:
    """Lets items fall and slide, and the player pick up what is near."""
    low = np.empty(3)
    high = np.empty(3)
    for k in range(MAX_ITEMS):
        item = items[k]
        if item.block == AIR:
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
        reached = near and -PICKUP_BELOW < above < PICKUP_ABOVE and item.delay == 0
        if (reached and collect(inventory, item.block)) or item.age > ITEM_LIFE:
            item.block = AIR


@kernel
def swap_slots(inventory: Any, a: int, b: int) -> None:
    """Swaps the contents of two inventory slots."""
    for k in range(2):
        inventory[a, k], inventory[b, k] = inventory[b, k], inventory[a, k]


@kernel
def advance(
    blocks: Any,
    tops: Any,
    squares: Any,
    player: Any,
    items: Any,
    inventory: Any,
    dig_speed: float,
    forward: int,
    strafe: int,
    jump: int,
    sneak: int,
    sprint: int,
    attack: int,
    use: int,
    drop: int,
    slot: int,
    equip: int,
    place: int,
    destroy: int,
    pitch: float,
    yaw: float,
) -> None:
    """Advances the world by one tick (1/20 s): the view turns, the player moves, then acts on what it now aims at.

    The arrays are those of ``WorldState``, and are changed; ``dig_speed`` multiplies the speed of digging; the rest are
    the ``Controls``.
    """
    p = player[0]
    p.ticks += 1
    p.yaw = (p.yaw + yaw + 180.0) % 360.0 - 180.0
    p.pitch = min(90.0, max(-90.0, p.pitch + pitch))
    if slot >= 0:
        p.slot = slot
    if equip >= 0:
        swap_slots(inventory, p.slot, equip)
    if destroy >= 0:
        inventory[destroy, 1] = 0
    move_player(blocks, p, forward, strafe, jump, sneak, sprint)

    same = aim(blocks, p)
    if p.dig_delay > 0:
        p.dig_delay -= 1
    if attack:
        dig(blocks, tops, squares, p, items, same, dig_speed)
    else:
        p.dug = 0.0
    if attack or p.swing > 0:
        p.swing = (p.swing + 1) % SWING_TICKS
    if p.use_delay > 0:
        p.use_delay -= 1
    if use and p.use_delay == 0 and put(blocks, tops, squares, p, inventory, p.slot):
        p.use_delay = USE_DELAY
    if place >= 0:
        put(blocks, tops, squares, p, inventory, place)
    if drop:
        throw(p, items, inventory)
    move_items(blocks, p, items, inventory)
    aim(blocks, p)  # the block may be gone, or a new one in the way
