"""Damage to creatures: wounds, knockback, death and loot."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import WOOL
from vpt_gym.world.catalog.creatures import IDLE, NO_CREATURE
from vpt_gym.world.catalog.items import (
    BEEF,
    CHICKEN_MEAT,
    FEATHER,
    LEATHER,
    MUTTON,
    NO_ITEM,
    PORKCHOP,
    ROTTEN_FLESH,
    STRING,
)
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform
from vpt_gym.world.rules.loot import DROP_DELAY, spawn_item
from vpt_gym.world.rules.vitals import HURT_DELAY

DEATH_TICKS = 20
"""Ticks after its death until a creature is removed; meanwhile it falls over."""
KNOCK = 0.4
"""Speed of the knockback of a hit, blocks per tick."""
LOOT, TOSS_X, TOSS_Z, SHEAR = range(740, 744)
"""Keys of random streams."""

FIRST_DROP = (NO_ITEM, PORKCHOP, BEEF, MUTTON, CHICKEN_MEAT, ROTTEN_FLESH, STRING)
FIRST_LEAST = (0, 1, 1, 1, 1, 0, 0)
FIRST_MOST = (0, 3, 3, 2, 1, 2, 2)
SECOND_DROP = (NO_ITEM, NO_ITEM, LEATHER, NO_ITEM, FEATHER, NO_ITEM, NO_ITEM)
SECOND_MOST = 2
"""Items that each kind drops when it dies, by kind id: two items, and the least and greatest number of each."""


@kernel
def drop_items(w: Any, index: int, item: int, count: int, height: float) -> None:
    """Drops a creature's items one by one, ``height`` blocks above its feet, with a small random speed."""
    c = w.creatures[index]
    seed = w.clock[0].seed
    for n in range(count):
        k = spawn_item(w.items, c.x, c.y + height, c.z, item, 1, DROP_DELAY)
        if k < 0:
            return
        lying = w.items[k]
        key = (c.age * 128 + item) * 8 + n
        lying.vx = uniform(seed, c.number, key, TOSS_X) * 0.2 - 0.1
        lying.vy = 0.2
        lying.vz = uniform(seed, c.number, key, TOSS_Z) * 0.2 - 0.1


@kernel
def wound(w: Any, index: int, damage: float) -> bool:
    """Takes half hearts from a creature, unless it has just been hurt or is dead.

    A creature that dies drops its loot, falls over, and is removed after ``DEATH_TICKS``.

    Returns:
        Whether it was hurt.
    """
    c = w.creatures[index]
    if c.kind == NO_CREATURE or c.death_ticks > 0 or c.hurt_ticks > 0 or damage <= 0.0:
        return False
    c.health -= damage
    c.hurt_ticks = HURT_DELAY
    if c.health > 0.0:
        return True
    c.health = 0.0
    c.death_ticks = 1
    c.mood = IDLE
    seed = w.clock[0].seed
    least = FIRST_LEAST[c.kind]
    for n in range(3):
        item = FIRST_DROP[c.kind] if n == 0 else (SECOND_DROP[c.kind] if n == 1 else WOOL)
        u = uniform(seed, c.number, n, LOOT)
        count = c.coat
        if n == 0:
            count = least + int(u * (FIRST_MOST[c.kind] - least + 1))
        elif n == 1:
            count = int(u * (SECOND_MOST + 1))
        if item != NO_ITEM:
            drop_items(w, index, item, count, 0.0)
    return True


@kernel
def knock_back(c: Any, knock_x: float, knock_z: float) -> None:
    """Knocks back a creature or the player along (knock_x, knock_z), a vector of any length."""
    length = math.sqrt(knock_x * knock_x + knock_z * knock_z)
    if length < 1e-9:
        return
    c.vx = c.vx / 2.0 + knock_x / length * KNOCK
    c.vz = c.vz / 2.0 + knock_z / length * KNOCK
    if c.on_ground != 0:
        c.vy = min(KNOCK, c.vy / 2.0 + KNOCK)
