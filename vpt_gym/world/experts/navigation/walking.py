"""Finds where a player can walk, and how to get there.

A *place* is a cell in which a player can stand: free for feet and head, solid below; plants do not matter. Cells at the
surface of water are also places, but no step leads from land into water; a player who has fallen in can get out.
Searches cover the columns within ``RADIUS`` of an origin column. Their result, a step field, is int32
``(SPAN, SPAN, HEIGHT)``, indexed by the column's offset from the origin plus ``RADIUS``, and by height; -1 means
unreachable. Cell coordinates are unwrapped ints; each look-up wraps them around the torus.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT
from vpt_gym.world.core.geometry import BODY_HEIGHT, HALF_WIDTH, liquid, solid, wrapped
from vpt_gym.world.core.motion import overlaps
from vpt_gym.world.kernels.compiled import kernel

RADIUS = 22
SPAN = 2 * RADIUS + 1
DEEPEST_DROP = 3
"""Greatest drop without damage in Minecraft, blocks."""
STEPS_X = (1, -1, 0, 0, 1, 1, -1, -1)
STEPS_Z = (0, 0, 1, -1, 1, -1, 1, -1)
LOOK_AHEAD = 7


@kernel
def barred(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether a walking player avoids a cell: it is solid or water."""
    return solid(blocks, x, y, z) or liquid(blocks, x, y, z)


@kernel
def standable(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether a cell is a place on land."""
    if y < 1 or y >= HEIGHT - 2:
        return False
    return solid(blocks, x, y - 1, z) and not barred(blocks, x, y, z) and not barred(blocks, x, y + 1, z)


@kernel
def floatable(blocks: Any, x: int, y: int, z: int) -> bool:
    """Returns whether a cell is a place at the surface of water."""
    if y < 1 or y >= HEIGHT - 2:
        return False
    return liquid(blocks, x, y, z) and not barred(blocks, x, y + 1, z)


@kernel
def landing(blocks: Any, x: int, y: int, z: int, dx: int, dz: int) -> int:
    """Returns the height of the place to which a step by (dx, dz) leads, or -1 if it is not possible.

    Straight steps go up at most one block and down at most ``DEEPEST_DROP``. Diagonal steps are level and do not cut
    corners.
    """
    nx = x + dx
    nz = z + dz
    swims = liquid(blocks, x, y, z)
    if dx != 0 and dz != 0:
        free = not (
            solid(blocks, nx, y, z)
            or barred(blocks, nx, y + 1, z)
            or solid(blocks, x, y, nz)
            or barred(blocks, x, y + 1, nz)
        )
        if not swims:
            free = free and not liquid(blocks, nx, y, z) and not liquid(blocks, x, y, nz)
        ends = standable(blocks, nx, y, nz) or (swims and floatable(blocks, nx, y, nz))
        return y if free and ends else -1
    if standable(blocks, nx, y, nz) or (swims and floatable(blocks, nx, y, nz)):
        return y
    if solid(blocks, nx, y, nz):
        return y + 1 if standable(blocks, nx, y + 1, nz) and not barred(blocks, x, y + 2, z) else -1
    if barred(blocks, nx, y + 1, nz):
        return -1
    for down in range(1, DEEPEST_DROP + 1):
        if standable(blocks, nx, y - down, nz):
            return y - down
        if barred(blocks, nx, y - down, nz):
            return -1
    return -1


@kernel
def footing(blocks: Any, x: float, y: float, z: float, place: Any) -> bool:
    """Writes to ``place`` (3,) int64 the place on or above which a player is; returns whether there is one.

    A player can stand on the edge of a block while its middle is over the next column. In water the place is the
    surface above the player.
    """
    best = 9.0
    wet_x = math.floor(x)
    wet_z = math.floor(z)
    wet_y = math.floor(y + 0.4)
    if liquid(blocks, wet_x, wet_y, wet_z):
        while liquid(blocks, wet_x, wet_y + 1, wet_z):
            wet_y += 1
        if floatable(blocks, wet_x, wet_y, wet_z):
            place[0] = wet_x
            place[1] = wet_y
            place[2] = wet_z
            return True
    for dx in range(-1, 2):
        for dz in range(-1, 2):
            cx = math.floor(x) + dx
            cz = math.floor(z) + dz
            beside = max(abs(cx + 0.5 - x), abs(cz + 0.5 - z))
            if beside >= 0.5 + HALF_WIDTH or beside >= best:
                continue
            cy = math.floor(y + 0.01)
            for down in range(DEEPEST_DROP + 1):
                if standable(blocks, cx, cy - down, cz):
                    if beside + down < best:
                        best = beside + down
                        place[0] = cx
                        place[1] = cy - down
                        place[2] = cz
                    break
                if barred(blocks, cx, cy - down, cz):
                    break
    return best < 9.0


@kernel
def steps_from(blocks: Any, origin: Any, field: Any) -> None:
    """Writes to ``field`` the number of steps from the place ``origin`` (3,) to each place."""
    field[:] = -1
    queue = np.empty((SPAN * SPAN * 4, 3), np.int32)
    field[RADIUS, RADIUS, origin[1]] = 0
    queue[0, 0] = RADIUS
    queue[0, 1] = origin[1]
    queue[0, 2] = RADIUS
    head = 0
    tail = 1
    while head < tail:
        i = int(queue[head, 0])
        y = int(queue[head, 1])
        j = int(queue[head, 2])
        head += 1
        for k in range(8):
            ni = i + STEPS_X[k]
            nj = j + STEPS_Z[k]
            if ni < 0 or nj < 0 or ni >= SPAN or nj >= SPAN:
                continue
            ny = landing(blocks, origin[0] + i - RADIUS, y, origin[2] + j - RADIUS, STEPS_X[k], STEPS_Z[k])
            if ny >= 0 and field[ni, nj, ny] < 0 and tail < queue.shape[0]:
                field[ni, nj, ny] = field[i, j, y] + 1
                queue[tail, 0] = ni
                queue[tail, 1] = ny
                queue[tail, 2] = nj
                tail += 1


@kernel
def steps_to(blocks: Any, origin: Any, field: Any) -> None:
    """Writes to ``field`` the number of steps from each place to the place ``origin`` (3,)."""
    field[:] = -1
    queue = np.empty((SPAN * SPAN * 4, 3), np.int32)
    field[RADIUS, RADIUS, origin[1]] = 0
    queue[0, 0] = RADIUS
    queue[0, 1] = origin[1]
    queue[0, 2] = RADIUS
    head = 0
    tail = 1
    while head < tail:
        i = int(queue[head, 0])
        y = int(queue[head, 1])
        j = int(queue[head, 2])
        head += 1
        for k in range(8):
            ni = i - STEPS_X[k]
            nj = j - STEPS_Z[k]
            if ni < 0 or nj < 0 or ni >= SPAN or nj >= SPAN:
                continue
            nx = origin[0] + ni - RADIUS
            nz = origin[2] + nj - RADIUS
            for ny in range(max(1, y - 1), min(HEIGHT - 2, y + DEEPEST_DROP + 1)):
                if field[ni, nj, ny] >= 0 or tail >= queue.shape[0]:
                    continue
                if not standable(blocks, nx, ny, nz) and not floatable(blocks, nx, ny, nz):
                    continue
                if landing(blocks, nx, ny, nz, STEPS_X[k], STEPS_Z[k]) == y:
                    field[ni, nj, ny] = field[i, j, y] + 1
                    queue[tail, 0] = ni
                    queue[tail, 1] = ny
                    queue[tail, 2] = nj
                    tail += 1


@kernel
def clear_walk(blocks: Any, x: float, y: int, z: float, dx: float, dz: float) -> bool:
    """Returns whether a player can walk from (x, y, z) by (dx, dz), straight and level on dry land."""
    low = np.empty(3)
    high = np.empty(3)
    samples = int(4.0 * math.sqrt(dx * dx + dz * dz)) + 1
    for n in range(1, samples + 1):
        cx = x + dx * n / samples
        cz = z + dz * n / samples
        low[0] = cx - HALF_WIDTH - 0.02
        low[1] = y + 0.01
        low[2] = cz - HALF_WIDTH - 0.02
        high[0] = cx + HALF_WIDTH + 0.02
        high[1] = y + BODY_HEIGHT
        high[2] = cz + HALF_WIDTH + 0.02
        if overlaps(blocks, low, high) or not solid(blocks, math.floor(cx), y - 1, math.floor(cz)):
            return False
        if liquid(blocks, math.floor(cx), y, math.floor(cz)):
            return False
    return True


@kernel
def next_waypoint(
    blocks: Any, goal: Any, field: Any, place: Any, x: float, z: float, shortcut: bool, waypoint: Any
) -> int:
    """Follows a field of ``steps_to`` and writes the farthest waypoint to which the player can walk straight.

    Args:
        blocks: The world's blocks.
        goal: (3,) int64, the origin of ``field``.
        field: From ``steps_to(blocks, goal)``.
        place: (3,) int64, the player's place.
        x: The player's x, blocks.
        z: The player's z, blocks.
        shortcut: Skip the first steps if the straight way is clear.
        waypoint: (3,) float64, receives the offset (dx, dz) from the player, and the rise of the first step, blocks.

    Returns:
        The number of steps left to the goal, or -1 if the goal cannot be reached from here.
    """
    i = int(wrapped(place[0] - goal[0])) + RADIUS
    j = int(wrapped(place[2] - goal[2])) + RADIUS
    if i < 0 or j < 0 or i >= SPAN or j >= SPAN or field[i, j, place[1]] < 0:
        return -1
    y = int(place[1])
    cx = int(place[0])
    cz = int(place[2])
    steps = int(field[i, j, y])
    waypoint[0] = wrapped(cx + 0.5 - x)
    waypoint[1] = wrapped(cz + 0.5 - z)
    waypoint[2] = 0.0
    if steps == 0:
        return 0
    for n in range(LOOK_AHEAD):
        left = int(field[i, j, y])
        best = -1
        nearest = 1e9
        to = 0
        for k in range(8):
            ni = i + STEPS_X[k]
            nj = j + STEPS_Z[k]
            if ni < 0 or nj < 0 or ni >= SPAN or nj >= SPAN:
                continue
            ny = landing(blocks, cx, y, cz, STEPS_X[k], STEPS_Z[k])
            if ny < 0 or field[ni, nj, ny] != left - 1:
                continue
            away = math.sqrt((ni - RADIUS) ** 2 + (nj - RADIUS) ** 2)
            if away < nearest:
                nearest = away
                best = k
                to = ny
        if best < 0:
            break
        if n > 0:
            dx = wrapped(cx + STEPS_X[best] + 0.5 - x)
            dz = wrapped(cz + STEPS_Z[best] + 0.5 - z)
            if not shortcut or to != y or not clear_walk(blocks, x, y, z, dx, dz):
                break
        i += STEPS_X[best]
        j += STEPS_Z[best]
        cx += STEPS_X[best]
        cz += STEPS_Z[best]
        waypoint[0] = wrapped(cx + 0.5 - x)
        waypoint[1] = wrapped(cz + 0.5 - z)
        if n == 0:
            waypoint[2] = to - y
            if to != y:
                break
        y = to
        if field[i, j, y] == 0:
            break
    return steps
