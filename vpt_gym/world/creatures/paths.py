"""Path finding of creatures: directions, single steps over the ground, goals in a straight line, lines of sight."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import CACTUS, GRASS, MASK, SIDE
from vpt_gym.world.core.geometry import liquid, solid
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform

DEEPEST_DROP = 3
"""Greatest drop that a creature steps down, blocks; a greater one would hurt it."""
ATTEMPTS = 4
"""Directions that are tried for one goal."""
LEAST_WAY = 1.5
"""Least distance of a goal, blocks."""
SIGHT_STEP = 0.25
GOAL_PURPOSE = 700

HALF_RIGHT = math.sqrt(0.5)
COSINES = (1.0, HALF_RIGHT, 0.0, -HALF_RIGHT, HALF_RIGHT, 0.0, -HALF_RIGHT)
SINES = (0.0, HALF_RIGHT, 1.0, HALF_RIGHT, -HALF_RIGHT, -1.0, -HALF_RIGHT)
"""Cosines and sines of the detours: 0, 45, 90, 135, -45, -90, -135 degrees. One side is tried before the other, so that
a creature follows a wall."""


@kernel
def shortest(d: float) -> float:
    """Returns the shortest difference around the torus, for a difference of two coordinates in [0, SIDE)."""
    if d >= SIDE / 2:
        return d - SIDE
    if d < -SIDE / 2:
        return d + SIDE
    return d


@kernel
def heading(dx: float, dz: float) -> float:
    """Returns the yaw, degrees in [-180, 180], of the direction (dx, dz); equal to the bit on every machine."""
    length = math.sqrt(dx * dx + dz * dz)
    if length == 0.0:
        return 0.0
    t = -dx / (length + abs(dz))  # the tangent of half the angle to the z axis, then of a quarter, then of an eighth
    t = t / (1.0 + math.sqrt(1.0 + t * t))
    t = t / (1.0 + math.sqrt(1.0 + t * t))
    s = t * t
    eighth = t * (1 - s * (1 / 3 - s * (1 / 5 - s * (1 / 7 - s * (1 / 9 - s * (1 / 11 - s / 13))))))
    angle = eighth * (8 * 180.0 / math.pi)
    if dz >= 0.0:
        return angle
    return 180.0 - angle if angle >= 0.0 else -180.0 - angle


@kernel
def turn_towards(angle: float, goal: float, most: float) -> float:
    """Turns an angle towards ``goal`` by at most ``most`` degrees; returns an angle in [-180, 180)."""
    d = (goal - angle + 180.0) % 360.0 - 180.0
    return (angle + min(most, max(-most, d)) + 180.0) % 360.0 - 180.0


@kernel
def step_to(blocks: Any, x: int, y: int, z: int, nx: int, nz: int, tall: int, swims: bool) -> int:
    """Returns the height at which a step ends in a neighbouring column, or -1 if the step is not possible.

    Args:
        blocks: The world's blocks.
        x: X of the cell of the feet.
        y: Y of that cell.
        z: Z of that cell.
        nx: X of the neighbouring column.
        nz: Z of that column.
        tall: Height of the body, cells.
        swims: Whether it may step into water.
    """
    if solid(blocks, nx, y, nz):
        if blocks[nx & MASK, nz & MASK, y] == CACTUS or solid(blocks, x, y + tall, z):
            return -1
        for up in range(1, tall + 1):
            if solid(blocks, nx, y + up, nz):
                return -1
        return y + 1
    if tall > 1 and solid(blocks, nx, y + 1, nz):
        return -1
    for down in range(DEEPEST_DROP + 1):
        if liquid(blocks, nx, y - down, nz):
            return y - down if swims else -1
        if solid(blocks, nx, y - down - 1, nz):
            return y - down if y <= down or blocks[nx & MASK, nz & MASK, y - down - 1] != CACTUS else -1
    return -1


@kernel
def find_goal(blocks: Any, seed: int, c: Any, reach: float, tall: int) -> float:
    """Sets a random goal to which the creature can walk in a straight line, preferably on grass.

    It tries ``ATTEMPTS`` directions, at most ``reach`` blocks along x and z. In water it accepts only land.

    Returns:
        Distance of the goal, blocks; 0 if none was found.
    """
    wet = c.in_water != 0
    best = 0.0
    for attempt in range(ATTEMPTS):
        dx = (2.0 * uniform(seed, c.number, c.age, GOAL_PURPOSE + 2 * attempt) - 1.0) * reach
        dz = (2.0 * uniform(seed, c.number, c.age, GOAL_PURPOSE + 2 * attempt + 1) - 1.0) * reach
        steps = math.ceil(max(abs(dx), abs(dz)))
        x = math.floor(c.x)
        y = math.floor(c.y + 0.01)
        z = math.floor(c.z)
        gone = 0
        while gone < steps:
            nx = math.floor(c.x + dx * (gone + 1) / steps)
            nz = math.floor(c.z + dz * (gone + 1) / steps)
            ny = step_to(blocks, x, y, z, nx, nz, tall, wet)
            if ny < 0:
                break
            x = nx
            y = ny
            z = nz
            gone += 1
        if gone == 0 or liquid(blocks, x, y, z):
            continue
        share = gone / steps
        way = math.sqrt(dx * dx + dz * dz) * share
        if way < LEAST_WAY or way <= best:
            continue
        best = way
        c.goal_x = (c.x + dx * share) % SIDE
        c.goal_z = (c.z + dz * share) % SIDE
        if y > 0 and blocks[x & MASK, z & MASK, y - 1] == GRASS:
            break
    return best


@kernel
def steer(blocks: Any, c: Any, dx: float, dz: float, ahead: float, tall: int, swims: bool) -> tuple[float, float]:
    """Returns the unit vector closest to (dx, dz) along which the creature can take a step, or (0, 0).

    It tries 45, 90 and 135 degrees to one side, then to the other. The first side changes every 10 seconds, so that the
    creature gets around walls and does not turn back and forth in front of them. ``ahead``: how far it looks, blocks.
    """
    x = math.floor(c.x)
    y = math.floor(c.y + 0.01)
    z = math.floor(c.z)
    side = 1.0 if (c.number + c.age // 200) % 2 == 0 else -1.0
    for turn in range(7):
        cosine = COSINES[turn]
        sine = SINES[turn] * side
        vx = dx * cosine - dz * sine
        vz = dx * sine + dz * cosine
        nx = math.floor(c.x + vx * ahead)
        nz = math.floor(c.z + vz * ahead)
        if (nx == x and nz == z) or step_to(blocks, x, y, z, nx, nz, tall, swims) >= 0:
            return vx, vz
    return 0.0, 0.0


@kernel
def in_view(blocks: Any, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> bool:
    """Returns whether no solid block is on the line from (x, y, z) to that point plus (dx, dy, dz).

    The line is sampled every ``SIGHT_STEP`` blocks, so a block that it only grazes does not count.
    """
    steps = math.ceil(math.sqrt(dx * dx + dy * dy + dz * dz) / SIGHT_STEP)
    for k in range(1, steps):
        t = k / steps
        if solid(blocks, math.floor(x + dx * t), math.floor(y + dy * t), math.floor(z + dz * t)):
            return False
    return True
