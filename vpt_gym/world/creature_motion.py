"""How creatures move: what they do at steps and in water, their falls, and how bodies push each other apart."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.compiled import kernel
from vpt_gym.world.creature_harm import wound
from vpt_gym.world.creature_mind import cells_high
from vpt_gym.world.creature_paths import shortest, step_to
from vpt_gym.world.creatures import CHICKEN, CREATURE_HEIGHT, CREATURE_WIDTH, NOBODY, SPIDER
from vpt_gym.world.hashing import uniform
from vpt_gym.world.physics import BODY_HEIGHT, HALF_WIDTH, JUMP, STANDSTILL, move_body, solid
from vpt_gym.world.state import MAX_CREATURES

SAFE_FALL = 3.0
CHICKEN_FALL = 0.6
SWIM_CHANCE = 0.8
CLIMB = 0.2
PUSH = 0.05
SWIM = 730
"""Purpose of random numbers."""


@kernel
def push_apart(a: Any, b: Any, dx: float, dz: float) -> None:
    """Pushes two bodies that overlap apart; (dx, dz) leads from the middle of the first to that of the second."""
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
def crowd(w: Any, index: int) -> None:
    """Pushes a creature, those after it and the player apart where they overlap."""
    c = w.creatures[index]
    half = 0.5 * CREATURE_WIDTH[c.kind]
    height = CREATURE_HEIGHT[c.kind]
    p = w.player[0]
    dx = shortest(p.x - c.x)
    dz = shortest(p.z - c.z)
    near = half + HALF_WIDTH
    if abs(dx) < near and abs(dz) < near and p.y < c.y + height and c.y < p.y + BODY_HEIGHT:
        push_apart(c, p, dx, dz)
    for k in range(index + 1, MAX_CREATURES):
        other = w.creatures[k]
        if other.kind == NOBODY or other.death_ticks > 0:
            continue
        near = half + 0.5 * CREATURE_WIDTH[other.kind]
        dx = shortest(other.x - c.x)
        if abs(dx) >= near:
            continue
        dz = shortest(other.z - c.z)
        if abs(dz) < near and other.y < c.y + height and c.y < other.y + CREATURE_HEIGHT[other.kind]:
            push_apart(c, other, dx, dz)


@kernel
def can_step_up(blocks: Any, c: Any, walk_x: float, walk_z: float) -> bool:
    """Tells whether a jump helps a creature over what stops it."""
    x = math.floor(c.x)
    y = math.floor(c.y + 0.01)
    z = math.floor(c.z)
    ahead = 0.5 * CREATURE_WIDTH[c.kind] + 0.1
    nx = math.floor(c.x + (ahead if walk_x > 0.0 else -ahead))
    nz = math.floor(c.z + (ahead if walk_z > 0.0 else -ahead))
    tall = cells_high(c.kind)
    if nx != x and step_to(blocks, x, y, z, nx, z, tall, True) == y + 1:
        return True
    return nz != z and step_to(blocks, x, y, z, x, nz, tall, True) == y + 1


@kernel
def move(w: Any, index: int, walk_x: float, walk_z: float) -> None:
    """Moves a creature by one tick; it jumps where a step is in its way, and a fall may hurt it."""
    c = w.creatures[index]
    kind = c.kind
    swim = c.in_water != 0 and uniform(w.clock[0].seed, c.number, c.age, SWIM) < SWIM_CHANCE
    x = c.x
    y = c.y
    z = c.z
    if kind == CHICKEN and c.on_ground == 0 and c.vy < 0.0:
        c.vy *= CHICKEN_FALL
    bumped = move_body(w, c, 0.5 * CREATURE_WIDTH[kind], CREATURE_HEIGHT[kind], walk_x, walk_z, 1 if swim else 0)
    dx = shortest(c.x - x)
    dz = shortest(c.z - z)
    c.stride += math.sqrt(dx * dx + dz * dz)
    if abs(c.vx) < STANDSTILL:
        c.vx = 0.0
    if abs(c.vz) < STANDSTILL:
        c.vz = 0.0
    if c.in_water or kind == CHICKEN:
        c.fallen = 0.0
    elif c.y < y:
        c.fallen += y - c.y
    if bumped and (walk_x != 0.0 or walk_z != 0.0):
        if kind == SPIDER:
            c.vy = CLIMB
            c.fallen = 0.0
        elif c.on_ground and can_step_up(w.blocks, c, walk_x, walk_z):
            c.vy = JUMP
    if c.on_ground:
        if c.fallen > SAFE_FALL:
            wound(w, index, float(math.ceil(c.fallen - SAFE_FALL)))
        c.fallen = 0.0


@kernel
def stands(blocks: Any, c: Any) -> bool:
    """Tells whether a creature that does not want to go anywhere stays where it is, on firm ground."""
    if c.on_ground == 0 or c.vx != 0.0 or c.vz != 0.0 or c.vy > 0.0 or c.in_water != 0:
        return False
    return solid(blocks, math.floor(c.x), math.floor(c.y - 0.1), math.floor(c.z))
