"""Directions, distances on the torus, solid cells, and the size of the player."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import HEIGHT, LIQUID, MASK, SIDE, SOLID
from vpt_gym.world.kernels.compiled import kernel

HALF_WIDTH = 0.3
BODY_HEIGHT = 1.8
EYE_HEIGHT = 1.62
SNEAKING_EYE_HEIGHT = 1.54
REACH = 4.5


@kernel
def sin_cos(degrees: float) -> tuple[float, float]:
    """Returns (sine, cosine), to about 1e-15.

    The mathematics libraries of different machines differ in the last bit. Sums and products do not, so the state is
    the same on all machines.
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
    """Returns the unit vector (x, y, z) of the view direction (yaw, pitch), degrees."""
    sine, cosine = sin_cos(yaw)
    down, level = sin_cos(pitch)
    return -sine * level, -down, cosine * level


def look_at(dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Returns the view direction (yaw, pitch), degrees, along a vector. It uses libm, so never for the exact state."""
    return math.degrees(math.atan2(-dx, dz)), -math.degrees(math.atan2(dy, math.hypot(dx, dz)))


@kernel
def wrapped(d: float) -> float:
    """Returns the shortest difference on the torus for a difference of coordinates, in [-SIDE/2, SIDE/2)."""
    return (d + SIDE / 2) % SIDE - SIDE / 2


@kernel
def solid(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether bodies collide with a cell; cells below the world are solid, cells above it are not."""
    if y < 0:
        return True
    if y >= HEIGHT:
        return False
    return bool(SOLID[blocks[x & MASK, z & MASK, y]])


@kernel
def liquid(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether a cell is water."""
    return 0 <= y < HEIGHT and bool(LIQUID[blocks[x & MASK, z & MASK, y]])
