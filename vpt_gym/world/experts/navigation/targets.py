"""Chooses targets: a block and the place to dig it from, an item to pick up, or a place to explore.

Places and step fields are defined in ``walking``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, IS_LEAVES, MASK
from vpt_gym.world.core.geometry import EYE_HEIGHT, solid, wrapped
from vpt_gym.world.core.picking import crossings
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.loot import PICKUP_ABOVE, PICKUP_BELOW, PICKUP_SIDE

TURN_PER_STEP = 12.0
"""Turn that costs as much as one step, degrees. It makes the player prefer a tree in view."""
DIG_DISTANCE = 4.1
"""Greatest distance to the middle of a chosen block, blocks: the reach less a margin."""


EXPLORE_DISTANCE = 4.0
"""Least distance of a place to explore, blocks."""
NEW_PLACE_DISTANCE = 20.0
"""Distance from visited places beyond which a place counts as new, blocks."""


@kernel
def leaves_between(blocks: Any, x: float, y: float, z: float, target: Any, aim: Any) -> int:
    """Returns the number of leaf blocks between an eye and a point of a block, or -1 if another block is between.

    The eye is at (x, y, z); ``target`` (3,) int64 is the block and ``aim`` (3,) float64 a point in it.
    """
    dx = aim[0] - x
    dy = aim[1] - y
    dz = aim[2] - z
    cx, sx, next_x, per_x = crossings(x, dx)
    cy, sy, next_y, per_y = crossings(y, dy)
    cz, sz, next_z, per_z = crossings(z, dz)
    leaves = 0
    way = 0.0
    while way <= 1.0:
        if cx == target[0] and cy == target[1] and cz == target[2]:
            return leaves
        if solid(blocks, cx, cy, cz):
            if cy < 0 or not IS_LEAVES[blocks[cx & MASK, cz & MASK, cy]]:
                return -1
            leaves += 1
        if next_x < next_y and next_x < next_z:
            way = next_x
            next_x += per_x
            cx += sx
        elif next_y < next_z:
            way = next_y
            next_y += per_y
            cy += sy
        else:
            way = next_z
            next_z += per_z
            cz += sz
    return -1


@kernel
def aim_point(blocks: Any, x: float, y: float, z: float, target: Any, aim: Any) -> int:
    """Finds the point of a block that is most visible from an eye: its middle, or a point above or below it.

    Writes ``aim`` (3,) float64, and returns the number of leaf blocks in the way, or -1 if no point can be seen.
    """
    best = -1
    best_y = 0.5
    aim[0] = target[0] + 0.5
    aim[2] = target[2] + 0.5
    for height in (0.5, 0.2, 0.8):
        aim[1] = target[1] + height
        leaves = leaves_between(blocks, x, y, z, target, aim)
        if leaves >= 0 and (best < 0 or leaves < best):
            best = leaves
            best_y = height
    aim[1] = target[1] + best_y
    return best


@kernel
def choose_block(blocks: Any, wanted: Any, origin: Any, yaw: float, field: Any, refused: Any, found: Any) -> bool:
    """Chooses a block to work on, and the place to work from; returns whether there is one.

    The cost includes steps to the place, the turn towards the block (so that one in view is preferred), leaves in the
    way, distance beyond arm's length, and height above or below the eye. Columns are searched from near to far.

    Args:
        blocks: The world.
        wanted: (256,) bool, by block id.
        origin: (3,) int64, the player's place.
        yaw: The player's yaw, degrees.
        field: From ``steps_from(blocks, origin)``.
        refused: (n, 3) int64, blocks (wrapped coordinates) to ignore.
        found: (6,) int64, receives the block and the place.
    """
    target = np.empty(3, np.int64)
    aim = np.empty(3)
    cheapest = 1e9
    for ring in range(RADIUS + 1):
        if ring - 3 >= cheapest:
            break  # nothing farther can cost less, because each column is at least one step
        for n in range(max(1, 8 * ring)):
            side = n // max(1, 2 * ring)
            along = n % max(1, 2 * ring) - ring
            i = RADIUS + (along if side == 0 else ring if side == 1 else -along if side == 2 else -ring)
            j = RADIUS + (-ring if side == 0 else along if side == 1 else ring if side == 2 else -along)
            x = origin[0] + i - RADIUS
            z = origin[2] + j - RADIUS
            bearing = math.degrees(math.atan2(-(x - origin[0]), z - origin[2]))
            turn = abs((bearing - yaw + 180.0) % 360.0 - 180.0) if ring > 0 else 0.0
            if turn / TURN_PER_STEP >= cheapest:
                continue
            for y in range(1, HEIGHT - 2):
                if not wanted[blocks[x & MASK, z & MASK, y]]:
                    continue
                skip = False
                for k in range(refused.shape[0]):
                    if refused[k, 0] == x & MASK and refused[k, 1] == y and refused[k, 2] == z & MASK:
                        skip = True
                if skip:
                    continue
                target[0] = x
                target[1] = y
                target[2] = z
                for pi in range(max(0, i - 3), min(SPAN, i + 4)):
                    for pj in range(max(0, j - 3), min(SPAN, j + 4)):
                        aside = math.sqrt((pi - i) ** 2 + (pj - j) ** 2)
                        for py in range(max(1, y - 5), min(HEIGHT - 2, y + 3)):
                            steps = field[pi, pj, py]
                            if steps < 0 or (pi == i and pj == j and y < py):
                                continue  # the player does not dig the block that it stands on
                            eye = py + EYE_HEIGHT
                            above = abs(y + 0.5 - eye)
                            cost = steps + turn / TURN_PER_STEP + 0.5 * above + 1.6 * max(0.0, aside - 1.5)
                            if cost >= cheapest or aside * aside + above * above > DIG_DISTANCE * DIG_DISTANCE:
                                continue
                            px = origin[0] + pi - RADIUS
                            pz = origin[2] + pj - RADIUS
                            leaves = aim_point(blocks, px + 0.5, eye, pz + 0.5, target, aim)
                            cost += 1.4 * leaves
                            if leaves < 0 or cost >= cheapest:
                                continue
                            cheapest = cost
                            found[0] = x
                            found[1] = y
                            found[2] = z
                            found[3] = px
                            found[4] = py
                            found[5] = pz
    return cheapest < 1e9


@kernel
def within_pickup(dx: float, dy: float, dz: float, margin: float) -> bool:
    """Returns whether an item at an offset from the player's feet is inside the pickup range, less ``margin``."""
    side = PICKUP_SIDE - margin
    return abs(dx) < side and abs(dz) < side and margin - PICKUP_BELOW < dy < PICKUP_ABOVE - margin


@kernel
def choose_pickup(origin: Any, field: Any, x: float, y: float, z: float, found: Any) -> bool:
    """Finds the nearest place from which an item at (x, y, z) is picked up, and writes it to ``found`` (3,) int64."""
    fewest = 1000000
    nearest = 9.0
    for i in range(SPAN):
        for j in range(SPAN):
            dx = wrapped(x - (origin[0] + i - RADIUS + 0.5))
            dz = wrapped(z - (origin[2] + j - RADIUS + 0.5))
            if abs(dx) > 2.0 or abs(dz) > 2.0:
                continue
            for py in range(HEIGHT):
                steps = field[i, j, py]
                away = math.sqrt(dx * dx + dz * dz)
                if steps < 0 or not within_pickup(dx, y - py, dz, 0.2):
                    continue
                if steps < fewest or (steps == fewest and away < nearest):
                    fewest = steps
                    nearest = away
                    found[0] = origin[0] + i - RADIUS
                    found[1] = py
                    found[2] = origin[2] + j - RADIUS
    return fewest < 1000000


@kernel
def choose_place_to_explore(origin: Any, yaw: float, field: Any, visited: Any, found: Any) -> bool:
    """Finds a place to explore, preferably ahead and away from visited places; returns whether there is one.

    Args:
        origin: (3,) int64, the player's place.
        yaw: The player's yaw, degrees.
        field: From ``steps_from(blocks, origin)``.
        visited: (n, 2) float64, x and z of visited places.
        found: (3,) int64, receives the place.
    """
    best = -1e9
    for i in range(SPAN):
        for j in range(SPAN):
            away = math.sqrt((i - RADIUS) ** 2 + (j - RADIUS) ** 2)
            if away < EXPLORE_DISTANCE:
                continue
            bearing = math.degrees(math.atan2(-(i - RADIUS), j - RADIUS))
            worth = away - abs((bearing - yaw + 180.0) % 360.0 - 180.0) / 15.0
            if worth <= best:
                continue
            reached = -1
            for y in range(HEIGHT):
                if field[i, j, y] >= 0:
                    reached = y
            if reached < 0:
                continue
            for k in range(visited.shape[0]):
                dx = wrapped(origin[0] + i - RADIUS - visited[k, 0])
                dz = wrapped(origin[2] + j - RADIUS - visited[k, 1])
                worth -= max(0.0, NEW_PLACE_DISTANCE - math.sqrt(dx * dx + dz * dz))
            if worth > best:
                best = worth
                found[0] = origin[0] + i - RADIUS
                found[1] = reached
                found[2] = origin[2] + j - RADIUS
    return best > -1e9
