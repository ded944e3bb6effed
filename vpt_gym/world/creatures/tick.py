"""One tick of the animals and monsters, and the player's interactions with them. The constants are Minecraft 1.11's.

Simpler than Minecraft: creatures walk around obstacles in straight lines instead of planning paths; they do not breed,
drown or dive; there are no young ones; sheep do not remove the grass that they eat; monsters have no rare drops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, SIDE, WOOL
from vpt_gym.world.catalog.creatures import (
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
    NO_CREATURE,
    SHEEP,
    SPIDER,
    WALKING,
)
from vpt_gym.world.catalog.items import BUCKET, MILK_BUCKET, SHEARS_ITEM
from vpt_gym.world.core.geometry import HALF_WIDTH
from vpt_gym.world.core.light import sky_dimming
from vpt_gym.world.core.state import MAX_CREATURES
from vpt_gym.world.creatures.behaviour import (
    ACTIVE,
    DECIDE_PERIOD,
    FLEE_REACH,
    FLEE_TICKS,
    HUNT_PERIOD,
    MEMORY_TICKS,
    cells_high,
    decide,
    desired_velocity,
    turn_body,
    watch_for_player,
)
from vpt_gym.world.creatures.damage import DEATH_TICKS, SHEAR, drop_items, knock_back, wound
from vpt_gym.world.creatures.motion import move, push_overlapping_apart, stands
from vpt_gym.world.creatures.paths import find_goal, shortest
from vpt_gym.world.creatures.spawning import night_spawns
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform
from vpt_gym.world.rules.vitals import CREATURE as BLOW
from vpt_gym.world.rules.vitals import hurt

ATTACK_PERIOD = 20
SPIDER_REACH = 4.0
"""Square of a spider's reach, blocks; that of other monsters follows from their width."""
BURN_TICKS = 160
BURN_PERIOD = 20
"""Ticks in which a burning monster loses half a heart."""
SUN_PERIOD = 8
"""Ticks between two checks whether a monster is in the sun."""
SUNNY = 12
"""Light level from which monsters burn and spiders are peaceful."""
BITE_TICKS = 4
"""Ticks before the end of grazing at which a sheep's coat grows back."""
SUN = 731
"""Key of a random stream."""
SUFFERS, STRIKES = 1, 2
"""Effects of a creature's tick: it takes damage, it hits the player. See ``tick_creature``."""


@kernel
def strike(w: Any, index: int, damage: float, knock_x: float, knock_z: float) -> bool:
    """Lets the player hit a creature. An animal then flees; a monster hunts the player.

    Args:
        w: The ``World``.
        index: Index of the creature.
        damage: Half hearts.
        knock_x: Direction of the knockback along x. (knock_x, knock_z) has any length; (0, 0) is no knockback.
        knock_z: Direction of the knockback along z.

    Returns:
        Whether it was hurt. It is not within ``HURT_DELAY`` ticks of its last wound, or if it is dead.
    """
    if not wound(w, index, damage):
        return False
    c = w.creatures[index]
    if c.death_ticks > 0:
        w.kills[c.kind] += 1
    knock_back(c, knock_x, knock_z)
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
        The item in the hand afterwards (shears wear by one use), or -1 if nothing happened.
    """
    c = w.creatures[index]
    if c.death_ticks > 0:
        return -1
    if item == SHEARS_ITEM and c.kind == SHEEP and c.coat != 0:
        c.coat = 0
        drop_items(w, index, WOOL, 1 + int(uniform(w.clock[0].seed, c.number, c.age, SHEAR) * 3.0), 1.0)
        return SHEARS_ITEM
    if item == BUCKET and c.kind == COW:
        return MILK_BUCKET
    return -1


@kernel
def apply_effects(w: Any, index: int, effects: int, damage: float) -> None:
    """Applies the effects of a creature's tick; see ``tick_creature``."""
    c = w.creatures[index]
    p = w.player[0]
    if effects & SUFFERS:
        wound(w, index, damage)
    if effects & STRIKES and hurt(w.player[0], CREATURE_DAMAGE[c.kind], BLOW):
        knock_back(p, shortest(p.x - c.x), shortest(p.z - c.z))


@kernel
def burn(light: Any, dimming: int, seed: int, c: Any) -> float:
    """Lets a monster catch fire in the sun; returns the damage by burning in this tick, half hearts."""
    if c.in_water != 0:
        c.fire = 0
        return 0.0
    if BURNS_IN_DAYLIGHT[c.kind] and (c.age + c.number) % SUN_PERIOD == 0:
        y = min(HEIGHT - 1, max(0, math.floor(c.y + CREATURE_EYE[c.kind])))
        sky = int(light[math.floor(c.x), math.floor(c.z), y]) >> 4
        if sky == 15 and sky - dimming >= SUNNY:
            dark = dimming / 15.0
            brightness = (1.0 - dark) / (3.0 * dark + 1.0)
            if uniform(seed, c.number, c.age, SUN) < (brightness - 0.4) / 15.0 * SUN_PERIOD:
                c.fire = BURN_TICKS + c.fire % BURN_PERIOD  # once a second, however often it catches fire
    if c.fire == 0:
        return 0.0
    c.fire -= 1
    return 1.0 if c.fire % BURN_PERIOD == BURN_PERIOD - 1 else 0.0


@kernel
def is_bright(light: Any, dimming: int, c: Any) -> bool:
    """Returns whether there is enough light at a creature to make spiders peaceful."""
    y = min(HEIGHT - 1, max(0, math.floor(c.y)))
    both = int(light[math.floor(c.x), math.floor(c.z), y])
    return max((both >> 4) - dimming, both & 15) >= SUNNY


@kernel
def reaches(c: Any, p: Any) -> bool:
    """Returns whether a monster is close enough to hit the player."""
    dx = shortest(p.x - c.x)
    dy = p.y - c.y
    dz = shortest(p.z - c.z)
    reach = SPIDER_REACH if c.kind == SPIDER else 4.0 * CREATURE_WIDTH[c.kind] * CREATURE_WIDTH[c.kind]
    return bool(dx * dx + dy * dy + dz * dz <= reach + 2.0 * HALF_WIDTH)


@kernel
def think(blocks: Any, light: Any, dimming: int, seed: int, c: Any, p: Any) -> None:
    """Lets a creature decide what to do."""
    hostile = IS_HOSTILE[c.kind]
    beat = c.age + c.number
    watches = hostile and beat % HUNT_PERIOD == 0
    if not watches and (c.mood != IDLE or beat % DECIDE_PERIOD != 0):
        return
    dx = shortest(p.x - c.x)
    dy = p.y - c.y
    dz = shortest(p.z - c.z)
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    if watches:
        watch_for_player(blocks, seed, c, p, distance, c.kind == SPIDER and is_bright(light, dimming, c))
    if c.mood == IDLE and beat % DECIDE_PERIOD == 0 and distance < ACTIVE:
        decide(blocks, seed, c, distance)


@kernel
def tick_creature(
    blocks: Any, light: Any, dimming: int, seed: int, creatures: Any, p: Any, index: int, scratch: Any
) -> tuple[int, float]:
    """Lets a creature decide, turn and move for one tick.

    Returns:
        (a sum of ``SUFFERS`` and ``STRIKES``, the damage that it takes in half hearts).
    """
    c = creatures[index]
    effects = 0
    damage = 0.0
    if c.mood_ticks > 0:
        c.mood_ticks -= 1
    if c.mood == GRAZING and c.mood_ticks == BITE_TICKS:
        c.coat = 1
    if c.mood_ticks == 0:
        c.mood = IDLE
    if IS_HOSTILE[c.kind]:
        damage = burn(light, dimming, seed, c)
    think(blocks, light, dimming, seed, c, p)
    walk_x = 0.0
    walk_z = 0.0
    if c.mood == WALKING or c.mood == FLEEING or c.mood == HUNTING:
        walk_x, walk_z = desired_velocity(blocks, seed, c, p)
    if c.mood == HUNTING and c.attack_delay == 0 and p.health > 0.0 and reaches(c, p):
        c.attack_delay = ATTACK_PERIOD
        effects += STRIKES
    turn_body(c, p, walk_x, walk_z)
    push_overlapping_apart(creatures, p, index)
    if walk_x != 0.0 or walk_z != 0.0 or not stands(blocks, c):
        damage += move(blocks, seed, c, walk_x, walk_z, scratch[0], scratch[1], scratch[2])
    if damage > 0.0:
        effects += SUFFERS
    return effects, damage


@kernel
def advance_creatures(w: Any) -> None:
    """Advances all creatures by one tick, and spawns and despawns monsters.

    Idle creatures cost almost no time.
    """
    night_spawns(w)
    blocks = w.blocks
    creatures = w.creatures
    p = w.player[0]
    clock = w.clock[0]
    dimming = sky_dimming(clock.time, clock.rain)
    scratch = np.empty((3, 3))
    for k in range(MAX_CREATURES):
        c = creatures[k]
        if c.kind == NO_CREATURE:
            continue
        c.age += 1
        if c.hurt_ticks > 0:
            c.hurt_ticks -= 1
        if c.attack_delay > 0:
            c.attack_delay -= 1
        if c.death_ticks > 0:
            c.death_ticks += 1
            if c.death_ticks > DEATH_TICKS:
                c.kind = NO_CREATURE
            elif not stands(blocks, c):
                move(blocks, clock.seed, c, 0.0, 0.0, scratch[0], scratch[1], scratch[2])
            continue
        if c.mood == IDLE and c.fire == 0 and (c.age + c.number) % 2 != 0 and stands(blocks, c):
            continue
        effects, damage = tick_creature(blocks, w.light, dimming, clock.seed, creatures, p, k, scratch)
        if effects != 0:
            apply_effects(w, k, effects, damage)


@kernel
def creature_in_sight(
    w: Any, ex: float, ey: float, ez: float, dx: float, dy: float, dz: float, reach: float
) -> tuple[int, float]:
    """Finds the nearest living creature on a ray. Blocks do not stop the ray.

    Args:
        w: The ``World``.
        ex: X of the start, blocks.
        ey: Y of the start, blocks.
        ez: Z of the start, blocks.
        dx: X of the unit direction.
        dy: Y of the unit direction.
        dz: Z of the unit direction.
        reach: Length of the ray, blocks.

    Returns:
        (index, distance), or (-1, ``reach``) if there is none.
    """
    best = -1
    nearest = reach
    for k in range(MAX_CREATURES):
        c = w.creatures[k]
        if c.kind == NO_CREATURE or c.death_ticks > 0:
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
