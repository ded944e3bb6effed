"""Where animals and monsters come from, and when monsters are gone again: Minecraft 1.11's rules on a small torus.

Simpler than there: animals come with the world only, monsters are zombies and spiders, and one random place is tried
in a tick.
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
"""Of a fresh world."""
MOST_MONSTERS = 8
"""A fair figure for ``CLOCK.monsters``."""
GROUP = 4
GROUP_CHANCE = 0.1
"""Chance of a chunk to have one more group of animals."""
CHUNK = 16
ANIMALS = (PIG, COW, SHEEP, CHICKEN)
ANIMAL_WEIGHTS = (10, 8, 12, 10)
"""How often a group is of each of them."""
ANIMAL_LIGHT = 9
SPREAD = 5
"""Members of a group stand this many blocks apart at most."""
MEMBER_ATTEMPTS = 4
MONSTER_DISTANCE = 24.0
"""Monsters do not appear nearer to the player, blocks."""
DESPAWN_DISTANCE = 32.0
DESPAWN_AGE = 600
DESPAWN_CHANCE = 1.0 / 800.0
CLEARANCE = 2.0
"""Animals do not appear nearer to the player, blocks."""
ATTEMPTS_EACH = 200
"""Places that are tried for each creature of a task."""
GRASS_ATTEMPTS, VIEW_ATTEMPTS = 100, 150
"""How many of them must be on grass, and in view."""

FIRST_CHUNK, GROUPS, PLACE_X, PLACE_Y, PLACE_Z, KIND, STEP_X, STEP_Z, LIGHT_DRAW, SKY_DRAW, DESPAWN, TASK, TURN = range(
    760, 773
)
"""Purposes of random numbers."""


@kernel
def create(creatures: Any, clocks: Any, kind: int, x: float, y: float, z: float) -> int:
    """Puts a new creature into the world, see ``spawn``."""
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
    """Tells whether a creature can stand in the middle of a cell: on firm ground, in no block and not in water."""
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
    """Returns how far the player is from a place with x and z in [0, SIDE), the shortest way round the torus."""
    dx = shortest(p.x - x)
    dy = p.y - y
    dz = shortest(p.z - z)
    return math.sqrt(dx * dx + dy * dy + dz * dz)


@kernel
def count_monsters(creatures: Any, p: Any, seed: int) -> int:
    """Lets monsters that are far away disappear sometimes, and returns how many there are then."""
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
    """Lets monsters appear in the dark, at night or in caves, and far ones disappear; once a tick.

    One random place is tried, at least 24 blocks from the player; up to four monsters of one kind appear around it,
    the likelier the darker it is, and never in a light of 8 or more. There are never more than ``CLOCK.monsters`` of
    them; with 0 there are none but a task's.
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
        kind: See ``creatures``.
        x: Of its feet, blocks.
        y: Likewise.
        z: Likewise.

    Returns:
        Its index, or -1 when there are ``MAX_CREATURES`` already.
    """
    return int(create(w.creatures, w.clock, int(kind), float(x), float(y), float(z)))


def place_group(w: World, kind: int, x: int, z: int, key: int) -> int:
    """Puts up to ``GROUP`` animals on the grass around a column; returns how many."""
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
    """Puts groups of animals on the grass of a fresh world, where the player has been placed already.

    As in Minecraft a chunk of 16 x 16 columns has a group of four with a chance of 0.1, and more of them with the
    same chance each; sheep are the most frequent, cows the rarest. Deserts, which have no grass, have none.

    Returns:
        How many animals there are, at most ``MOST_ANIMALS`` + 3.
    """
    seed = int(w.clock[0].seed)
    side = SIDE // CHUNK
    chunks = side * side
    first = int(uniform(seed, 0, 0, FIRST_CHUNK) * chunks)
    bounds = np.cumsum(ANIMAL_WEIGHTS) / sum(ANIMAL_WEIGHTS)
    animals = 0
    for n in range(chunks):
        chunk = (first + 37 * n) % chunks  # 37 has no factor in common with 64: every chunk comes once
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
    """Puts creatures of a task on the ground around the player, in plain view of him as far as there is such ground.

    Animals come on grass if there is any.

    Args:
        w: The ``World``.
        kind: See ``creatures``.
        count: How many.
        nearest: Blocks from the player, along the ground.
        farthest: Likewise; less than ``SIDE`` / 2.
        purpose: Calls that differ in it draw other places.

    Returns:
        How many found a place.
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
