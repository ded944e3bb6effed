"""One tick of the animals and monsters, and what the player can do to them. The figures are Minecraft 1.11's.

Simpler than there: creatures walk in straight lines round what is in their way instead of planning paths, they do not
breed, breathe or jump for fun, there are no young ones, and the rare drops of monsters are left out.
"""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.blocks import AIR, DIRT, GRASS, MASK, SIDE, TALL_GRASS, WOOL
from vpt_gym.world.compiled import kernel
from vpt_gym.world.creature_harm import DEATH_TICKS, KNOCK, LOOT, throw_back, toss, wound
from vpt_gym.world.creature_mind import (
    ACTIVE,
    DECIDE_PERIOD,
    FLEE_REACH,
    FLEE_TICKS,
    HUNT_PERIOD,
    MEMORY_TICKS,
    cells_high,
    decide,
    turn_body,
    walk_wish,
    watch_for_player,
)
from vpt_gym.world.creature_motion import crowd, move, stands
from vpt_gym.world.creature_paths import find_goal, shortest
from vpt_gym.world.creatures import (
    BURNS_IN_DAYLIGHT,
    COW,
    CREATURE_DAMAGE,
    CREATURE_EYE,
    CREATURE_HEIGHT,
    CREATURE_WIDTH,
    FLEEING,
    GRAZING,
    HUNTING,
    IDLE,
    IS_HOSTILE,
    NOBODY,
    SHEEP,
    SPIDER,
    WALKING,
)
from vpt_gym.world.fields import set_block
from vpt_gym.world.hashing import uniform
from vpt_gym.world.items import (
    BUCKET,
    MILK_BUCKET,
    SHEARS_ITEM,
)
from vpt_gym.world.light import light_at, sky_light_at
from vpt_gym.world.physics import HALF_WIDTH
from vpt_gym.world.state import MAX_CREATURES
from vpt_gym.world.vitals import CREATURE as BLOW
from vpt_gym.world.vitals import hurt

ATTACK_PERIOD = 20
BURN_TICKS = 160
BURN_PERIOD = 20
"""A burning body loses half a heart every so many ticks."""
SUN_PERIOD = 8
"""Whether a monster stands in the sun is looked at every so many ticks."""
SUNNY = 12
"""Light in which monsters burn; spiders are peaceful in it."""
BITE_TICKS = 4
"""Ticks before the end of grazing at which the grass is eaten."""

SUN = 731
"""Purpose of random numbers."""


@kernel
def strike(w: Any, index: int, damage: float, knock_x: float, knock_z: float) -> bool:
    """Lets the player hit a creature.

    An animal flees then, a monster hunts the player.

    Args:
        w: The ``World``.
        index: Of the creature.
        damage: Half hearts.
        knock_x: Where it is thrown, a vector of any length, (0, 0) for nowhere.
        knock_z: Likewise.

    Returns:
        Whether it was hurt: False within ``HURT_DELAY`` ticks of the last wound, or when it is dead.
    """
    if not wound(w, index, damage):
        return False
    c = w.creatures[index]
    p = w.player[0]
    if c.death_ticks > 0:
        w.kills[c.kind] += 1
    throw_back(c, knock_x, knock_z, KNOCK)
    if c.death_ticks > 0:
        return True
    if IS_HOSTILE[c.kind]:
        c.mood = HUNTING
        c.mood_ticks = MEMORY_TICKS
    else:
        c.mood = FLEEING
        c.mood_ticks = FLEE_TICKS
        c.goal_x = c.x
        c.goal_z = c.z
        find_goal(w.blocks, w.clock[0].seed, c, FLEE_REACH, cells_high(c.kind))
    return True


@kernel
def use_on(w: Any, index: int, item: int) -> int:
    """Lets the player use an item on a creature: shears on a sheep with its coat, a bucket on a cow.

    Returns:
        The item that is in the hand then (the shears wear by one use), or -1 when nothing happens.
    """
    c = w.creatures[index]
    if c.death_ticks > 0:
        return -1
    if item == SHEARS_ITEM and c.kind == SHEEP and c.coat:
        c.coat = 0
        toss(w, index, WOOL, 1 + int(uniform(w.clock[0].seed, c.number, c.age, LOOT + 8) * 3.0), 1.0, LOOT + 10)
        return SHEARS_ITEM
    if item == BUCKET and c.kind == COW:
        return MILK_BUCKET
    return -1


@kernel
def graze(w: Any, c: Any) -> None:
    """Lets a sheep eat the grass where it stands: its coat is back."""
    x = math.floor(c.x)
    y = math.floor(c.y + 0.01)
    z = math.floor(c.z)
    if y < 1:
        return
    if w.blocks[x & MASK, z & MASK, y] == TALL_GRASS:
        set_block(w, x, y, z, AIR)
        c.coat = 1
    elif w.blocks[x & MASK, z & MASK, y - 1] == GRASS:
        set_block(w, x, y - 1, z, DIRT)
        c.coat = 1


@kernel
def burn(w: Any, index: int) -> None:
    """Lets a monster catch fire in the sun, and a burning one suffer."""
    c = w.creatures[index]
    if c.in_water:
        c.fire = 0
        return
    if BURNS_IN_DAYLIGHT[c.kind] and (c.age + c.number) % SUN_PERIOD == 0:
        x = math.floor(c.x)
        y = math.floor(c.y + CREATURE_EYE[c.kind])
        z = math.floor(c.z)
        light = light_at(w, x, y, z)
        if light >= SUNNY and sky_light_at(w, x, y, z) == 15:
            dark = 1.0 - light / 15.0
            brightness = (1.0 - dark) / (3.0 * dark + 1.0)
            chance = (brightness - 0.4) / 15.0 * SUN_PERIOD
            if uniform(w.clock[0].seed, c.number, c.age, SUN) < chance:
                c.fire = BURN_TICKS
    if c.fire > 0:
        if c.fire % BURN_PERIOD == 0:
            wound(w, index, 1.0)
        c.fire -= 1


@kernel
def attack_player(w: Any, c: Any) -> None:
    """Lets a monster that is near enough hit the player."""
    p = w.player[0]
    dx = shortest(p.x - c.x)
    dy = p.y - c.y
    dz = shortest(p.z - c.z)
    reach = 4.0 if c.kind == SPIDER else 4.0 * CREATURE_WIDTH[c.kind] * CREATURE_WIDTH[c.kind]
    if c.attack_delay > 0 or dx * dx + dy * dy + dz * dz > reach + 2.0 * HALF_WIDTH:
        return
    c.attack_delay = ATTACK_PERIOD
    if hurt(w, CREATURE_DAMAGE[c.kind], BLOW):
        throw_back(p, dx, dz, KNOCK)


@kernel
def live(w: Any, index: int) -> None:
    """Lets a creature think, turn and move for one tick."""
    c = w.creatures[index]
    p = w.player[0]
    seed = w.clock[0].seed
    hostile = IS_HOSTILE[c.kind]
    if c.mood_ticks > 0:
        c.mood_ticks -= 1
    if c.mood == GRAZING and c.mood_ticks == BITE_TICKS:
        graze(w, c)
    if c.mood_ticks == 0:
        c.mood = IDLE
    if hostile:
        burn(w, index)
        if c.death_ticks > 0:
            return
    beat = c.age + c.number
    if (c.mood == IDLE and beat % DECIDE_PERIOD == 0) or (hostile and beat % HUNT_PERIOD == 0):
        dx = shortest(p.x - c.x)
        dy = p.y - c.y
        dz = shortest(p.z - c.z)
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        if hostile and beat % HUNT_PERIOD == 0:
            bright = c.kind == SPIDER and light_at(w, math.floor(c.x), math.floor(c.y), math.floor(c.z)) >= SUNNY
            watch_for_player(w.blocks, seed, c, p, distance, bright)
        if c.mood == IDLE and distance < ACTIVE:
            decide(w.blocks, seed, c, distance)
    walk_x = 0.0
    walk_z = 0.0
    if c.mood == WALKING or c.mood == FLEEING or c.mood == HUNTING:
        walk_x, walk_z = walk_wish(w.blocks, seed, c, p)
        if c.mood == HUNTING:
            attack_player(w, c)
    turn_body(c, p, walk_x, walk_z)
    crowd(w, index)
    if walk_x != 0.0 or walk_z != 0.0 or not stands(w.blocks, c):
        move(w, index, walk_x, walk_z)


@kernel
def advance_creatures(w: Any) -> None:
    """Advances all creatures by one tick. Those that stand idle cost next to nothing."""
    blocks = w.blocks
    for k in range(MAX_CREATURES):
        c = w.creatures[k]
        if c.kind == NOBODY:
            continue
        c.age += 1
        if c.hurt_ticks > 0:
            c.hurt_ticks -= 1
        if c.attack_delay > 0:
            c.attack_delay -= 1
        if c.death_ticks > 0:
            c.death_ticks += 1
            if c.death_ticks > DEATH_TICKS:
                c.kind = NOBODY
            else:
                move(w, k, 0.0, 0.0)
            continue
        if c.mood == IDLE and c.fire == 0 and stands(blocks, c) and (c.age + c.number) % 2 != 0:
            continue
        live(w, k)


@kernel
def creature_in_sight(
    w: Any, ex: float, ey: float, ez: float, dx: float, dy: float, dz: float, reach: float
) -> tuple[int, float]:
    """Finds the nearest living creature on a ray; blocks do not stop it.

    Args:
        w: The ``World``.
        ex: Start of the ray, blocks.
        ey: Likewise.
        ez: Likewise.
        dx: Its unit direction.
        dy: Likewise.
        dz: Likewise.
        reach: How far it goes, blocks.

    Returns:
        (index, distance), or (-1, ``reach``) when there is none.
    """
    best = -1
    nearest = reach
    for k in range(MAX_CREATURES):
        c = w.creatures[k]
        if c.kind == NOBODY or c.death_ticks > 0:
            continue
        half = 0.5 * CREATURE_WIDTH[c.kind]
        x = shortest(c.x - ex % SIDE)
        z = shortest(c.z - ez % SIDE)
        if abs(x) > reach + half or abs(z) > reach + half:
            continue
        first = 0.0
        last = nearest
        for axis in range(3):
            low = x - half if axis == 0 else (c.y - ey if axis == 1 else z - half)
            size = CREATURE_HEIGHT[c.kind] if axis == 1 else 2.0 * half
            along = dx if axis == 0 else (dy if axis == 1 else dz)
            if abs(along) < 1e-12:
                if low > 0.0 or low + size < 0.0:
                    last = -1.0
                continue
            enter = low / along
            leave = (low + size) / along
            first = max(first, min(enter, leave))
            last = min(last, max(enter, leave))
        if first <= last and first < nearest:
            nearest = first
            best = k
    return best, nearest
