"""How things move: Minecraft's motion per tick, collisions with blocks, and what lies in the line of sight.

The constants are those of Minecraft 1.11, the version under MineDojo. One tick is 1/20 s; speeds are blocks per tick.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.compiled import kernel

HALF_WIDTH = 0.3
BODY_HEIGHT = 1.8
EYE_HEIGHT = 1.62
SNEAKING_EYE_HEIGHT = 1.54
REACH = 4.5

GRAVITY = 0.08
DRAG = 0.98
JUMP = 0.42
SPRINT_JUMP = 0.2
JUMP_DELAY = 10
STANDSTILL = 0.003
WALK = 0.1
SPRINT_FACTOR = 1.3
FLY = 0.02
GROUND_FRICTION = 0.546
AIR_FRICTION = 0.91
INPUT = 0.98
SNEAK_INPUT = 0.3
STEP_DOWN = 0.6

TOUCH = 1e-7
"""Two things closer than this touch: rounding must not count as overlap."""


@kernel
def sin_cos(degrees: float) -> tuple[float, float]:
    """Returns (sine, cosine), to about 1e-15.

    The mathematics libraries of different machines differ in the last bit; sums and products do not, so that a state
    is the same everywhere.
    """
    quarter = math.floor(degrees / 90.0 + 0.5)
    r = (degrees - 90.0 * quarter) * (math.pi / 180.0)
    s = r * r
    sine = r * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110 * (1 - s / 156 * (1 - s / 210)))))))
    cosine = 1 - s / 2 * (1 - s / 12 * (1 - s / 30 * (1 - s / 56 * (1 - s / 90 * (1 - s / 132 * (1 - s / 182))))))
    turn = int(quarter) & 3
    if turn == 0:
        return sine, cosine
    if turn == 1:
        return cosine, -sine
    if turn == 2:
        return -sine, -cosine
    return -cosine, sine


@kernel
def look(yaw: float, pitch: float) -> tuple[float, float, float]:
    """Returns the unit vector in which (yaw, pitch) looks."""
    sine, cosine = sin_cos(yaw)
    down, level = sin_cos(pitch)
    return -sine * level, -down, cosine * level


def look_at(dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Returns the (yaw, pitch), degrees, that looks along a vector. Not part of the exact state: it uses libm."""
    return math.degrees(math.atan2(-dx, dz)), -math.degrees(math.atan2(dy, math.hypot(dx, dz)))


@kernel
def wrapped(d: float) -> float:
    """Returns the shortest way round the torus for a difference of coordinates, in [-SIDE/2, SIDE/2)."""
    return (d + SIDE / 2) % SIDE - SIDE / 2


@kernel
def solid(blocks: Any, x: int, y: int, z: int) -> bool:
    """Tells whether a cell is solid: below the world everything is, above it nothing."""
    if y < 0:
        return True
    if y >= HEIGHT:
        return False
    return bool(blocks[x & MASK, z & MASK, y] != 0)


@kernel
def any_solid(blocks: Any, first: Any, last: Any) -> bool:
    """Tells whether any of the cells from ``first`` to ``last`` (3,) int64, both included, is solid."""
    for x in range(first[0], last[0] + 1):
        for z in range(first[2], last[2] + 1):
            for y in range(first[1], last[1] + 1):
                if solid(blocks, x, y, z):
                    return True
    return False


@kernel
def overlaps(blocks: Any, low: Any, high: Any) -> bool:
    """Tells whether a box, given by two corners (3,) float64, overlaps a solid block."""
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    for a in range(3):
        first[a] = math.floor(low[a] + TOUCH)
        last[a] = math.floor(high[a] - TOUCH)
    return any_solid(blocks, first, last)


@kernel
def slide(blocks: Any, low: Any, high: Any, axis: int, way: float) -> float:
    """Moves a box along one axis until it touches a solid block.

    Args:
        blocks: The world.
        low: (3,) float64, lower corner of the box; moved.
        high: (3,) float64, upper corner; moved.
        axis: 0 x, 1 y, 2 z.
        way: How far it wants to go.

    Returns:
        How far it went.
    """
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    for a in range(3):
        first[a] = math.floor(low[a] + TOUCH)
        last[a] = math.floor(high[a] - TOUCH)
    done = way
    if way > 0.0:
        for cell in range(last[axis] + 1, math.floor(high[axis] + way) + 1):
            first[axis] = cell
            last[axis] = cell
            if any_solid(blocks, first, last):
                done = min(way, max(0.0, cell - high[axis]))
                break
    elif way < 0.0:
        for cell in range(first[axis] - 1, math.floor(low[axis] + way) - 1, -1):
            first[axis] = cell
            last[axis] = cell
            if any_solid(blocks, first, last):
                done = max(way, min(0.0, cell + 1 - low[axis]))
                break
    low[axis] += done
    high[axis] += done
    return done


@kernel
def crossings(start: float, direction: float) -> tuple[float, float]:
    """Returns how far along a ray its first crossing of a cell boundary on one axis is, and how far apart they are."""
    if abs(direction) < 1e-12:
        return math.inf, math.inf
    ahead = math.floor(start) + 1.0 - start if direction > 0.0 else start - math.floor(start)
    return ahead / abs(direction), 1.0 / abs(direction)


@kernel
def pick(blocks: Any, x: float, y: float, z: float, dx: float, dy: float, dz: float, reach: float, hit: Any) -> float:
    """Finds the first solid block on a ray.

    The ray starts at (x, y, z), goes in the unit direction (dx, dy, dz) and ends after ``reach`` blocks. ``hit`` (4,)
    int64 receives the block (x, y, z) and the side that is seen (see ``PLAYER``).

    Returns:
        The distance, or -1 when there is none within reach.
    """
    cx = math.floor(x)
    cy = math.floor(y)
    cz = math.floor(z)
    sx = 1 if dx > 0 else -1
    sy = 1 if dy > 0 else -1
    sz = 1 if dz > 0 else -1
    next_x, per_x = crossings(x, dx)
    next_y, per_y = crossings(y, dy)
    next_z, per_z = crossings(z, dz)
    way = 0.0
    face = 3
    while way <= reach:
        if 0 <= cy < HEIGHT and blocks[cx & MASK, cz & MASK, cy] != 0:
            hit[0] = cx & MASK
            hit[1] = cy
            hit[2] = cz & MASK
            hit[3] = face
            return way
        if next_x < next_y and next_x < next_z:
            way = next_x
            next_x += per_x
            cx += sx
            face = 0 if sx > 0 else 1
        elif next_y < next_z:
            way = next_y
            next_y += per_y
            cy += sy
            face = 2 if sy > 0 else 3
        else:
            way = next_z
            next_z += per_z
            cz += sz
            face = 4 if sz > 0 else 5
    return -1.0


@kernel
def hold_edge(blocks: Any, low: Any, high: Any, axis: int, way: float) -> float:
    """Shortens a step of a sneaking player until there is ground under its end."""
    under_low = low.copy()
    under_high = high.copy()
    under_low[1] -= STEP_DOWN
    under_high[1] = low[1]
    while way != 0.0:
        under_low[axis] = low[axis] + way
        under_high[axis] = high[axis] + way
        if overlaps(blocks, under_low, under_high):
            break
        way = 0.0 if abs(way) < 0.05 else way - math.copysign(0.05, way)
    return way


@kernel
def move_player(blocks: Any, player: Any, forward: int, strafe: int, jump: int, sneak: int, sprint: int) -> None:
    """Moves the player by one tick.

    Args:
        blocks: The world.
        player: The ``PLAYER`` record; changed.
        forward: 1 forward, -1 back, 0 neither.
        strafe: 1 left, -1 right, 0 neither.
        jump: The key is held.
        sneak: The key is held.
        sprint: The key is held. A sprint once begun lasts while forward is held, until something stops it.
    """
    p = player
    p.sneaking = sneak
    if forward <= 0 or sneak or p.bumped:
        p.sprinting = 0
    elif sprint:
        p.sprinting = 1
    if abs(p.vx) < STANDSTILL:
        p.vx = 0.0
    if abs(p.vy) < STANDSTILL:
        p.vy = 0.0
    if abs(p.vz) < STANDSTILL:
        p.vz = 0.0
    sine, cosine = sin_cos(p.yaw)
    grounded = p.on_ground != 0
    if jump:
        if p.jump_delay > 0:
            p.jump_delay -= 1
        if grounded and p.jump_delay == 0:
            p.vy = JUMP
            p.jump_delay = JUMP_DELAY
            if p.sprinting:
                p.vx -= sine * SPRINT_JUMP
                p.vz += cosine * SPRINT_JUMP
    else:
        p.jump_delay = 0

    ahead = forward * INPUT
    aside = strafe * INPUT
    if sneak:
        ahead *= SNEAK_INPUT
        aside *= SNEAK_INPUT
    size = math.sqrt(ahead * ahead + aside * aside)
    if size > 0.01:
        push = (WALK if grounded else FLY) / max(1.0, size)
        if p.sprinting:
            push *= SPRINT_FACTOR
        p.vx += (aside * cosine - ahead * sine) * push
        p.vz += (ahead * cosine + aside * sine) * push

    low = np.empty(3)
    high = np.empty(3)
    low[0] = p.x - HALF_WIDTH
    low[1] = p.y
    low[2] = p.z - HALF_WIDTH
    high[0] = p.x + HALF_WIDTH
    high[1] = p.y + BODY_HEIGHT
    high[2] = p.z + HALF_WIDTH
    if sneak and grounded:
        p.vx = hold_edge(blocks, low, high, 0, p.vx)
        ahead_low = low.copy()
        ahead_high = high.copy()
        ahead_low[0] += p.vx
        ahead_high[0] += p.vx
        p.vz = hold_edge(blocks, ahead_low, ahead_high, 2, p.vz)
    went_y = slide(blocks, low, high, 1, p.vy)
    if abs(p.vx) >= abs(p.vz):
        went_x = slide(blocks, low, high, 0, p.vx)
        went_z = slide(blocks, low, high, 2, p.vz)
    else:
        went_z = slide(blocks, low, high, 2, p.vz)
        went_x = slide(blocks, low, high, 0, p.vx)
    p.x = (p.x + went_x) % SIDE
    p.y += went_y
    p.z = (p.z + went_z) % SIDE
    p.bumped = 1 if (went_x != p.vx or went_z != p.vz) else 0
    p.on_ground = 1 if (p.vy < 0.0 and went_y != p.vy) else 0
    if went_x != p.vx:
        p.vx = 0.0
    if went_y != p.vy:
        p.vy = 0.0
    if went_z != p.vz:
        p.vz = 0.0
    p.vy = (p.vy - GRAVITY) * DRAG
    friction = GROUND_FRICTION if grounded else AIR_FRICTION
    p.vx *= friction
    p.vz *= friction
