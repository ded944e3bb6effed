"""Picking: the first block on a ray."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import DANDELION, HEIGHT, LIQUID, MASK, PLANT, POPPY, TORCH
from vpt_gym.world.kernels.compiled import kernel


@kernel
def crossings(start: float, direction: float) -> tuple[int, int, float, float]:
    """Returns how a ray crosses the cells on one axis.

    Returns:
        The cell in which it starts, its step to the next cell (1 or -1), the distance along the ray to the first cell
        boundary, and the distance between boundaries.
    """
    cell = math.floor(start)
    step = 1 if direction > 0.0 else -1
    if abs(direction) < 1e-12:
        return cell, step, math.inf, math.inf
    ahead = cell + 1.0 - start if direction > 0.0 else start - cell
    return cell, step, ahead / abs(direction), 1.0 / abs(direction)


@kernel
def plant_ahead(
    block: int, cx: int, cy: int, cz: int, x: float, y: float, z: float, dx: float, dy: float, dz: float, hit: Any
) -> float:
    """Returns the distance along a ray to the box of the plant in a cell, or -1; ``hit[3]`` receives the side."""
    aside = 0.2 if block in (DANDELION, POPPY) else (0.1 if block == TORCH else 0.4)
    tall = 0.8 if aside == 0.4 else 0.6
    near = 0.0
    far = math.inf
    face = 3
    for axis in range(3):
        start = x - cx - 0.5 if axis == 0 else (y - cy if axis == 1 else z - cz - 0.5)
        direction = dx if axis == 0 else (dy if axis == 1 else dz)
        low = 0.0 if axis == 1 else -aside
        high = tall if axis == 1 else aside
        if abs(direction) < 1e-12:
            if start < low or start > high:
                return -1.0
            continue
        enters = ((low if direction > 0.0 else high) - start) / direction
        leaves = ((high if direction > 0.0 else low) - start) / direction
        if enters > near:
            near = enters
            face = 2 * axis + (0 if direction > 0.0 else 1)
        far = min(far, leaves)
    if near > far:
        return -1.0
    hit[3] = face
    return near


@kernel
def pick(blocks: Any, x: float, y: float, z: float, dx: float, dy: float, dz: float, reach: float, hit: Any) -> float:
    """Finds the first block on a ray that is neither air nor water; plants have Minecraft's smaller boxes.

    The ray starts at (x, y, z), goes in the unit direction (dx, dy, dz) and ends after ``reach`` blocks. ``hit`` (4,)
    int64 receives the block (x, y, z) and the side that the ray meets (see ``PLAYER``).

    Returns:
        The distance in blocks, or -1 if there is none within reach.
    """
    cx, sx, next_x, per_x = crossings(x, dx)
    cy, sy, next_y, per_y = crossings(y, dy)
    cz, sz, next_z, per_z = crossings(z, dz)
    distance = 0.0
    face = 3
    while distance <= reach:
        block = int(blocks[cx & MASK, cz & MASK, cy]) if 0 <= cy < HEIGHT else 0
        if block != 0 and not LIQUID[block]:
            hit[3] = face
            seen = plant_ahead(block, cx, cy, cz, x, y, z, dx, dy, dz, hit) if PLANT[block] else distance
            if 0.0 <= seen <= reach:
                hit[0] = cx & MASK
                hit[1] = cy
                hit[2] = cz & MASK
                return seen
        if next_x < next_y and next_x < next_z:
            distance = next_x
            next_x += per_x
            cx += sx
            face = 0 if sx > 0 else 1
        elif next_y < next_z:
            distance = next_y
            next_y += per_y
            cy += sy
            face = 2 if sy > 0 else 3
        else:
            distance = next_z
            next_z += per_z
            cz += sz
            face = 4 if sz > 0 else 5
    return -1.0
