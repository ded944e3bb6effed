"""Puts veins of ore into the stone and digs caves, some of which open on a hillside. Used by ``generate``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, COAL_ORE, DIRT, GRASS, IRON_ORE, LIQUID, MASK, SEA_LEVEL, SIDE, STONE
from vpt_gym.world.core.geometry import sin_cos
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import hash32, uniform

IRON_TOP = 12
ORES = ((COAL_ORE, 750, 9, 34), (IRON_ORE, 350, 6, IRON_TOP))
"""Id of each ore, number of veins, most blocks of a vein, and the height below which veins start."""
COVER = 3
"""Blocks left above a cave that has no opening."""
LOWEST = 3
ENTRANCE_TRIES = 60
ENTRANCE_PITCH = 22.0
"""Slope at which a cave enters a hillside, degrees: flat enough to walk out."""


@kernel
def grow_veins(seed: int, ore: int, veins: int, size: int, top: int, blocks: Any) -> None:
    """Puts veins of an ore into the stone."""
    for k in range(veins):
        bits = hash32(seed, k, ore, 30)
        x = bits & MASK
        z = bits >> 8 & MASK
        y = 1 + (bits >> 16) % (top - 1)
        for n in range(size):
            if 0 < y < top and blocks[x, z, y] == STONE:
                blocks[x, z, y] = ore
            way = hash32(seed, k, ore * 16 + n, 31) % 6
            x = x + (1 if way == 0 else -1 if way == 1 else 0) & MASK
            z = z + (1 if way == 2 else -1 if way == 3 else 0) & MASK
            y += 1 if way == 4 else -1 if way == 5 else 0


@kernel
def _near_water(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether water would run into a cell."""
    return bool(
        LIQUID[blocks[x, z, y]]
        or LIQUID[blocks[x, z, y + 1]]
        or LIQUID[blocks[x, z, y + 2]]
        or LIQUID[blocks[x + 1 & MASK, z, y]]
        or LIQUID[blocks[x - 1 & MASK, z, y]]
        or LIQUID[blocks[x, z + 1 & MASK, y]]
        or LIQUID[blocks[x, z - 1 & MASK, y]]
    )


@kernel
def _hollow(blocks: Any, ground: Any, x: float, y: float, z: float, radius: float, opens: bool) -> None:
    """Digs a flattened sphere out of the ground, but not next to water."""
    flat = 0.8 * radius
    for ix in range(math.floor(x - radius), math.floor(x + radius) + 1):
        for iz in range(math.floor(z - radius), math.floor(z + radius) + 1):
            ax = (ix + 0.5 - x) / radius
            az = (iz + 0.5 - z) / radius
            aside = ax * ax + az * az
            if aside >= 1.0:
                continue
            cx = ix & MASK
            cz = iz & MASK
            highest = int(ground[cx, cz]) - (0 if opens else COVER)
            for iy in range(max(LOWEST, math.floor(y - flat)), min(highest, math.floor(y + flat)) + 1):
                ay = (iy + 0.5 - y) / flat
                if aside + ay * ay < 1.0 and not _near_water(blocks, cx, iy, cz):
                    blocks[cx, cz, iy] = AIR


@kernel
def dig_caves(seed: int, caves: int, entrances: int, blocks: Any, ground: Any) -> None:
    """Digs winding caves, and updates ``ground`` where one opens to the sky.

    Args:
        seed: The world's seed.
        caves: Number of caves.
        entrances: Number of them that start at a hillside.
        blocks: (SIDE, SIDE, HEIGHT) uint8; changed.
        ground: (SIDE, SIDE) int64; changed.
    """
    chance = np.empty(8)
    fork_x = 0.0
    fork_y = 0.0
    fork_z = 0.0
    for k in range(caves):
        opens = k < entrances
        for n in range(8):
            chance[n] = uniform(seed, k, n, 40)
        x = chance[0] * SIDE
        z = chance[1] * SIDE
        yaw = chance[2] * 360.0
        y = 5.0 + chance[3] * 8.0
        pitch = (chance[4] - 0.5) * 30.0
        if opens:
            steepest = 0
            for n in range(ENTRANCE_TRIES):  # choose the steepest of some slopes, and dig straight into it
                bits = hash32(seed, k, n, 41)
                cx = bits & MASK
                cz = bits >> 8 & MASK
                quarter = bits >> 16 & 3
                dx = 4 if quarter == 3 else -4 if quarter == 1 else 0
                dz = 4 if quarter == 0 else -4 if quarter == 2 else 0
                rise = int(ground[cx + dx & MASK, cz + dz & MASK] - ground[cx, cz])
                if rise > steepest and ground[cx, cz] > SEA_LEVEL + 1:
                    steepest = rise
                    x = cx + 0.5
                    z = cz + 0.5
                    y = ground[cx, cz] + 1.8
                    yaw = 90.0 * quarter
            if steepest < 2:
                continue
            pitch = ENTRANCE_PITCH
        elif k % 3 != 0 and k > 0:
            x = fork_x
            y = fork_y
            z = fork_z
        length = 30 + int(chance[5] * 40.0)
        widest = 1.7 + chance[6] * 1.1
        fork = 12 + int(chance[7] * (length - 16))
        turn = 0.0
        tilt = 0.0
        for n in range(length):
            for m in range(4):
                chance[m] = uniform(seed, k, n, 42 + m)
            radius = widest * min(1.0, 0.4 + (length - n) / 8.0) * (0.85 + 0.3 * chance[0])
            if n > 12 and chance[3] < 0.02:
                radius *= 1.7  # widen to a chamber
            # the cave may break the surface only where it starts
            _hollow(blocks, ground, x, y, z, radius, opens and n < 10)
            if n == fork:
                fork_x = x
                fork_y = y
                fork_z = z
            sine, cosine = sin_cos(yaw)
            down, level = sin_cos(pitch)
            x -= sine * level
            y -= down
            z += cosine * level
            turn = turn * 0.75 + (chance[1] - 0.5) * 24.0
            tilt = tilt * 0.8 + (chance[2] - 0.5) * 12.0
            yaw += turn
            pitch = (pitch + tilt) * 0.93
            if y < 4.5:
                y = 4.5
                pitch = -8.0
            if y > 24.0:
                pitch = ENTRANCE_PITCH
    for x in range(SIDE):
        for z in range(SIDE):
            y = int(ground[x, z])
            while blocks[x, z, y] == AIR and y > 0:
                y -= 1
            ground[x, z] = y
            if blocks[x, z, y] == DIRT and not LIQUID[blocks[x, z, y + 1]]:
                blocks[x, z, y] = GRASS
