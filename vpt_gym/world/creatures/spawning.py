"""Spawns animals and monsters, and despawns monsters, by Minecraft 1.11's rules on a small torus.

Simpler than Minecraft: animals spawn only with the world, monsters are zombies and spiders, and one random place is
tried per tick.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import GRASS, HEIGHT, IS_LEAVES, MASK, SIDE
from vpt_gym.world.catalog.creatures import (
    CHICKEN,
    COW,
    CREATURE_EYE,
    CREATURE_HEALTH,
    CREATURE_HEIGHT,
    CREATURE_WIDTH,
    IDLE,
    IS_HOSTILE,
    NO_CREATURE,
    PIG,
    SHEEP,
    SPIDER,
    ZOMBIE,
)
from vpt_gym.world.core.geometry import EYE_HEIGHT, liquid, solid, wrapped
from vpt_gym.world.core.light import sky_dimming
from vpt_gym.world.core.state import MAX_CREATURES, RESTING, World
from vpt_gym.world.creatures.paths import in_view, shortest
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform

MOST_ANIMALS = 16
"""Most animals of a new world."""
MOST_MONSTERS = 8
"""A suitable value of ``CLOCK.monsters``."""
GROUP = 4
GROUP_CHANCE = 0.1
"""Chance that a chunk has one more group of animals."""
CHUNK = 16
ANIMALS = (PIG, COW, SHEEP, CHICKEN)
ANIMAL_WEIGHTS = (10, 8, 12, 10)
"""Relative frequency of each kind among the groups."""
ANIMAL_LIGHT = 9
SPREAD = 5
"""Greatest distance between members of a group along one axis, blocks."""
MEMBER_ATTEMPTS = 4
MONSTER_DISTANCE = 24.0
"""Least distance from the player at which monsters spawn, blocks."""
DESPAWN_DISTANCE = 32.0
DESPAWN_AGE = 600
DESPAWN_CHANCE = 1.0 / 800.0
CLEARANCE = 2.0
"""Least distance from the player at which animals spawn, blocks."""
ATTEMPTS_EACH = 200
"""Places tried for each creature of a task."""
GRASS_ATTEMPTS, VIEW_ATTEMPTS = 100, 150
"""Number of the first attempts that must be on grass, and in view."""

FIRST_CHUNK, GROUPS, PLACE_X, PLACE_Y, PLACE_Z, KIND, STEP_X, STEP_Z, LIGHT_DRAW, SKY_DRAW, DESPAWN, TASK, TURN = range(
    760, 773
)
"""Keys of random streams."""


@kernel
def create(creatures: Any, clocks: Any, kind: int, x: float, y: float, z: float) -> int:
    """Puts a new creature into the world; see ``spawn``."""
    clock = clocks[0]
    for k in range(MAX_CREATURES):
        c = creatures[k]
        if c.kind != NO_CREATURE:
            continue
        clock.next_number += 1
        c.number = clock.next_number
        c.x = x % SIDE
        c.y = y
        c.z = z % SIDE
        c.vx = 0.0
        c.vy = RESTING
        c.vz = 0.0
        c.yaw = uniform(clock.seed, c.number, 0, TURN) * 360.0 - 180.0
        c.head_yaw = c.yaw
        c.head_pitch = 0.0
        c.health = CREATURE_HEALTH[kind]
        c.stride = 0.0
        c.goal_x = c.x
        c.goal_z = c.z
        c.fallen = 0.0
        c.kind = kind
        c.age = 0
        c.on_ground = 0
        c.in_water = 0
        c.hurt_ticks = 0
        c.attack_delay = 0
        c.mood = IDLE
        c.mood_ticks = 0
        c.coat = 1 if kind == SHEEP else 0
        c.variant = 0
        c.fire = 0
        c.death_ticks = 0
        return k
    return -1


@kernel
def has_room(blocks: Any, kind: int, x: int, y: int, z: int) -> bool:
    """Returns whether a creature can stand in the middle of a cell: on solid ground, in no block and not in water."""
    if y < 1 or y >= HEIGHT - 2 or not solid(blocks, x, y - 1, z) or IS_LEAVES[blocks[x & MASK, z & MASK, y - 1]]:
        return False
    aside = math.ceil(0.5 * CREATURE_WIDTH[kind] - 0.5)
    high = math.ceil(CREATURE_HEIGHT[kind])
    for cx in range(x - aside, x + aside + 1):
        for cz in range(z - aside, z + aside + 1):
            for cy in range(y, y + high):
                if solid(blocks, cx, cy, cz) or liquid(blocks, cx, cy, cz):
                    return False
    return True


@kernel
def distance_to_player(p: Any, x: float, y: float, z: float) -> float:
    """Returns the distance from the player to a place with x and z in [0, SIDE), around the torus."""
    dx = shortest(p.x - x)
    dy = p.y - y
    dz = shortest(p.z - z)
    return math.sqrt(dx * dx + dy * dy + dz * dz)


@kernel
def count_monsters(creatures: Any, p: Any, seed: int) -> int:
    """Removes monsters that are far away, by chance, and returns how many are left."""
    monsters = 0
    for k in range(MAX_CREATURES):
        c = creatures[k]
        if c.kind == NO_CREATURE or not IS_HOSTILE[c.kind]:
            continue
        old = c.age > DESPAWN_AGE and uniform(seed, c.number, c.age, DESPAWN) < DESPAWN_CHANCE
        if old and distance_to_player(p, c.x, c.y, c.z) > DESPAWN_DISTANCE:
            c.kind = NO_CREATURE
        else:
            monsters += 1
    return monsters


@kernel
def night_spawns(w: Any) -> None:
    """Spawns monsters in the dark, at night or in caves, and removes distant ones. Called once a tick.

    One random place is tried, at least 24 blocks from the player. Up to four monsters of one kind spawn around it. The
    darker it is the more likely they spawn; never at a light level of 8 or more. There are never more than
    ``CLOCK.monsters``; if that is 0, the only monsters are those of a task.
    """
    clock = w.clock[0]
    if clock.monsters <= 0:
        return
    blocks = w.blocks
    p = w.player[0]
    seed = clock.seed
    tick = p.ticks
    left = min(GROUP, clock.monsters - count_monsters(w.creatures, p, seed))
    if left <= 0:
        return
    x = int(uniform(seed, tick, 0, PLACE_X) * SIDE)
    z = int(uniform(seed, tick, 0, PLACE_Z) * SIDE)
    y = 1 + int(uniform(seed, tick, 0, PLACE_Y) * w.tops[x, z])
    if solid(blocks, x, y, z) or not solid(blocks, x, y - 1, z):
        return
    dimming = sky_dimming(clock.time, clock.rain)
    kind = ZOMBIE if uniform(seed, tick, 0, KIND) < 0.5 else SPIDER
    for draw in range(GROUP):
        if (
            left > 0
            and has_room(blocks, kind, x, y, z)
            and distance_to_player(p, x + 0.5, float(y), z + 0.5) >= MONSTER_DISTANCE
        ):
            both = int(w.light[x, z, y])
            sky = both >> 4
            dark = max(sky - dimming, both & 15) <= int(uniform(seed, tick, draw, LIGHT_DRAW) * 8.0)
            if dark and sky <= int(uniform(seed, tick, draw, SKY_DRAW) * 32.0):
                create(w.creatures, w.clock, kind, x + 0.5, float(y), z + 0.5)
                left -= 1
        x = (x + int(uniform(seed, tick, draw, STEP_X) * (2 * SPREAD + 1)) - SPREAD) & MASK
        z = (z + int(uniform(seed, tick, draw, STEP_Z) * (2 * SPREAD + 1)) - SPREAD) & MASK


def spawn(w: Any, kind: int, x: float, y: float, z: float) -> int:
    """Puts a new creature into the world, healthy and idle.

    Args:
        w: The ``World``.
        kind: Kind id, see ``catalog.creatures``.
        x: X of its feet, blocks.
        y: Y of its feet, blocks.
        z: Z of its feet, blocks.

    Returns:
        Its index, or -1 if there are ``MAX_CREATURES`` already.
    """
    return int(create(w.creatures, w.clock, int(kind), float(x), float(y), float(z)))


def place_group(w: World, kind: int, x: int, z: int, key: int) -> int:
    """Puts up to ``GROUP`` animals on the grass around a column; returns their number."""
    seed = int(w.clock[0].seed)
    player = w.player[0]
    placed = 0
    for member in range(GROUP):
        for attempt in range(MEMBER_ATTEMPTS):
            draw = member * MEMBER_ATTEMPTS + attempt
            cx = (x + int(uniform(seed, key, draw, STEP_X) * (2 * SPREAD + 1)) - SPREAD) & MASK
            cz = (z + int(uniform(seed, key, draw, STEP_Z) * (2 * SPREAD + 1)) - SPREAD) & MASK
            y = int(w.ground[cx, cz]) + 1
            if w.blocks[cx, cz, y - 1] != GRASS or not has_room(w.blocks, kind, cx, y, cz):
                continue
            dark = int(w.light[cx, cz, y]) >> 4 < ANIMAL_LIGHT
            if dark or distance_to_player(player, cx + 0.5, float(y), cz + 0.5) < CLEARANCE:
                continue
            placed += spawn(w, kind, cx + 0.5, y, cz + 0.5) >= 0
            break
    return placed


def populate(w: World) -> int:
    """Puts groups of animals on the grass of a new world in which the player has already been placed.

    As in Minecraft, a chunk of 16 x 16 columns has a group of four with a chance of 0.1, and each further group with
    the same chance. Sheep are the most frequent, cows the rarest. Deserts have no grass and so no animals.

    Returns:
        The number of animals, at most ``MOST_ANIMALS`` + 3.
    """
    seed = int(w.clock[0].seed)
    side = SIDE // CHUNK
    chunks = side * side
    first = int(uniform(seed, 0, 0, FIRST_CHUNK) * chunks)
    bounds = np.cumsum(ANIMAL_WEIGHTS) / sum(ANIMAL_WEIGHTS)
    animals = 0
    for n in range(chunks):
        chunk = (first + 37 * n) % chunks  # 37 and 64 are coprime, so every chunk is visited once
        group = 0
        while animals < MOST_ANIMALS and uniform(seed, chunk, group, GROUPS) < GROUP_CHANCE:
            key = chunk * chunks + group
            x = chunk // side * CHUNK + int(uniform(seed, key, 0, PLACE_X) * CHUNK)
            z = chunk % side * CHUNK + int(uniform(seed, key, 0, PLACE_Z) * CHUNK)
            kind = ANIMALS[int(np.searchsorted(bounds, uniform(seed, key, 0, KIND), "right"))]
            animals += place_group(w, kind, x, z, key)
            group += 1
    return animals


def spawn_near(w: World, kind: int, count: int, nearest: float, farthest: float, purpose: int) -> int:
    """Puts a task's creatures on the ground around the player, in view where that is possible.

    Animals are put on grass if there is any.

    Args:
        w: The ``World``.
        kind: Kind id, see ``catalog.creatures``.
        count: Number of creatures.
        nearest: Least horizontal distance from the player, blocks.
        farthest: Greatest horizontal distance, blocks; less than ``SIDE`` / 2.
        purpose: Key of the random stream; calls with other keys draw other places.

    Returns:
        The number of creatures that were placed.
    """
    seed = int(w.clock[0].seed)
    p = w.player[0]
    eye = float(p.y) + EYE_HEIGHT
    placed = 0
    for n in range(count):
        for attempt in range(ATTEMPTS_EACH):
            key = (purpose * MAX_CREATURES + n) * ATTEMPTS_EACH + attempt
            dx = (2.0 * uniform(seed, key, 0, TASK) - 1.0) * farthest
            dz = (2.0 * uniform(seed, key, 1, TASK) - 1.0) * farthest
            if not nearest <= math.sqrt(dx * dx + dz * dz) <= farthest:
                continue
            x = math.floor(p.x + dx) & MASK
            z = math.floor(p.z + dz) & MASK
            y = int(w.ground[x, z]) + 1
            if not has_room(w.blocks, kind, x, y, z):
                continue
            if not IS_HOSTILE[kind] and attempt < GRASS_ATTEMPTS and w.blocks[x, z, y - 1] != GRASS:
                continue
            to_x = wrapped(x + 0.5 - float(p.x))
            to_z = wrapped(z + 0.5 - float(p.z))
            to_y = y + float(CREATURE_EYE[kind]) - eye
            seen = in_view(w.blocks, float(p.x), eye, float(p.z), to_x, to_y, to_z)
            if seen or attempt >= VIEW_ATTEMPTS:
                placed += spawn(w, kind, x + 0.5, y, z + 0.5) >= 0
                break
    return placed
