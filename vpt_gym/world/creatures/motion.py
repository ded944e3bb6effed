"""Moves creatures: steps, water, falls, and overlapping bodies that push each other apart."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import SIDE
from vpt_gym.world.catalog.creatures import CHICKEN, CREATURE_HEIGHT, CREATURE_WIDTH, NO_CREATURE, SPIDER
from vpt_gym.world.core.geometry import BODY_HEIGHT, HALF_WIDTH, solid
from vpt_gym.world.core.motion import (
    AIR_FRICTION,
    DEEP,
    FLY,
    GROUND_FRICTION,
    INPUT,
    JUMP,
    STANDSTILL,
    SWIM_UP,
    WATER_PUSH,
    box_at,
    in_liquid,
    slide_body,
)
from vpt_gym.world.core.state import MAX_CREATURES
from vpt_gym.world.creatures.behaviour import cells_high
from vpt_gym.world.creatures.paths import shortest, step_to
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform
from vpt_gym.world.rules.vitals import SAFE_FALL

MARGIN = 0.4
"""Water must cover more than this share of a low body, measured from either end, to carry it."""
CHICKEN_FALL = 0.6
SWIM_CHANCE = 0.8
CLIMB = 0.2
PUSH = 0.05
SWIM = 730
"""Key of a random stream."""


@kernel
def push_apart(a: Any, b: Any, dx: float, dz: float) -> None:
    """Pushes two overlapping bodies apart. (dx, dz) is the offset of the second's middle from the first's."""
    d = max(abs(dx), abs(dz))
    if d < 0.01:
        return
    root = math.sqrt(d)
    share = PUSH / root * min(1.0, 1.0 / root)
    a.vx -= dx * share
    a.vz -= dz * share
    b.vx += dx * share
    b.vz += dz * share


@kernel
def push_overlapping_apart(creatures: Any, p: Any, index: int) -> None:
    """Pushes a creature apart from every other creature and from the player where they overlap."""
    c = creatures[index]
    half = 0.5 * CREATURE_WIDTH[c.kind]
    height = CREATURE_HEIGHT[c.kind]
    dx = shortest(p.x - c.x)
    dz = shortest(p.z - c.z)
    near = half + HALF_WIDTH
    if abs(dx) < near and abs(dz) < near and p.y < c.y + height and c.y < p.y + BODY_HEIGHT:
        push_apart(c, p, dx, dz)
    for k in range(MAX_CREATURES):
        other = creatures[k]
        if k == index or other.kind == NO_CREATURE or other.death_ticks > 0:
            continue
        near = half + 0.5 * CREATURE_WIDTH[other.kind]
        dx = shortest(other.x - c.x)
        if abs(dx) >= near:
            continue
        dz = shortest(other.z - c.z)
        if abs(dz) < near and other.y < c.y + height and c.y < other.y + CREATURE_HEIGHT[other.kind]:
            push_apart(c, other, dx, dz)


@kernel
def stands(blocks: Any, c: Any) -> bool:
    """Returns whether a creature that does not want to move is at rest on firm ground."""
    if c.on_ground == 0 or c.vx != 0.0 or c.vz != 0.0 or c.vy > 0.0 or c.in_water != 0:
        return False
    return solid(blocks, math.floor(c.x), math.floor(c.y - 0.1), math.floor(c.z))


@kernel
def can_step_up(blocks: Any, c: Any, walk_x: float, walk_z: float) -> bool:
    """Returns whether a jump takes a creature over the obstacle in front of it."""
    x = math.floor(c.x)
    y = math.floor(c.y + 0.01)
    z = math.floor(c.z)
    ahead = 0.5 * CREATURE_WIDTH[c.kind] + 0.1
    nx = math.floor(c.x + (ahead if walk_x > 0.0 else -ahead))
    nz = math.floor(c.z + (ahead if walk_z > 0.0 else -ahead))
    tall = cells_high(c.kind)
    if nx != x and step_to(blocks, x, y, z, nx, z, tall, True) == y + 1:
        return True
    return bool(nz != z and step_to(blocks, x, y, z, x, nz, tall, True) == y + 1)


@kernel
def move(blocks: Any, seed: int, c: Any, walk_x: float, walk_z: float, low: Any, high: Any, velocity: Any) -> float:
    """Moves a creature by one tick, with the player's physics. It jumps up steps.

    Args:
        blocks: The world's blocks.
        seed: The world's seed.
        c: The creature's record; changed.
        walk_x: Desired movement along x; the length of (walk_x, walk_z) is Minecraft's movement speed.
        walk_z: Desired movement along z.
        low: (3,) float64, scratch space.
        high: (3,) float64, scratch space.
        velocity: (3,) float64, scratch space.

    Returns:
        Damage by a fall that ends in this tick, half hearts.
    """
    kind = c.kind
    height = CREATURE_HEIGHT[kind]
    box_at(c.x, c.y, c.z, 0.5 * CREATURE_WIDTH[kind], height, low, high)
    margin = min(DEEP, MARGIN * height)
    swims = in_liquid(blocks, low, high, margin)
    grounded = c.on_ground != 0
    velocity[0] = c.vx
    velocity[1] = c.vy
    velocity[2] = c.vz
    if kind == CHICKEN and not grounded and c.vy < 0.0:
        velocity[1] *= CHICKEN_FALL
    if swims and uniform(seed, c.number, c.age, SWIM) < SWIM_CHANCE:
        velocity[1] += SWIM_UP
    push = INPUT * (WATER_PUSH if swims else (math.sqrt(walk_x * walk_x + walk_z * walk_z) if grounded else FLY))
    velocity[0] += walk_x * push
    velocity[2] += walk_z * push
    x = low[0]
    y = low[1]
    z = low[2]
    touches = slide_body(blocks, low, high, velocity, swims)
    dx = low[0] - x
    dz = low[2] - z
    c.x = (c.x + dx) % SIDE % SIDE  # the first remainder of a tiny negative number is SIDE
    c.y = low[1]
    c.z = (c.z + dz) % SIDE % SIDE
    c.stride += math.sqrt(dx * dx + dz * dz)
    c.on_ground = touches & 1
    friction = 1.0 if swims else (GROUND_FRICTION if grounded else AIR_FRICTION)
    c.vx = velocity[0] * friction if abs(velocity[0] * friction) >= STANDSTILL else 0.0
    c.vy = velocity[1]
    c.vz = velocity[2] * friction if abs(velocity[2] * friction) >= STANDSTILL else 0.0
    c.in_water = 1 if swims else 0
    if swims or kind == CHICKEN:
        c.fallen = 0.0
    elif low[1] < y:
        c.fallen += y - low[1]
    if touches > 1 and (walk_x != 0.0 or walk_z != 0.0):
        if kind == SPIDER:
            c.vy = CLIMB
            c.fallen = 0.0
        elif c.on_ground != 0 and can_step_up(blocks, c, walk_x, walk_z):
            c.vy = JUMP
    if c.on_ground == 0:
        return 0.0
    fallen = c.fallen
    c.fallen = 0.0
    return float(math.ceil(fallen - SAFE_FALL)) if fallen > SAFE_FALL else 0.0
