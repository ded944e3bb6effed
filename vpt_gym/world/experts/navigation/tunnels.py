"""Finds the fastest way to a block inside the ground, or out of the ground, by walking and digging.

Places and the window of columns are defined in ``walking``. A step with digging goes straight ahead, level or one block
up or down, like digging stairs. It never digs the floor under the feet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, MASK
from vpt_gym.world.core.geometry import liquid, solid
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN, STEPS_X, STEPS_Z, barred, landing
from vpt_gym.world.kernels.compiled import kernel

LONGEST = 4000
"""Longest path that is searched, ticks."""
PATH = 400
"""Most places of a path."""
POOL = 400_000
"""Most entries of the queue."""
STEP_TICKS, DIAGONAL_TICKS, JUMP_TICKS = 5, 7, 4
NOT_TO_DIG = 1_000_000
"""Ticks that stand for a block that cannot be dug."""
AHEAD = ((0, 1, 1), (1, 1, 0), (1, 1, 1))
UP = ((2, 2, 1), (1, 0, 9), (1, 0, -1))
"""The cells that must be free for a step, in the order in which they are dug, for a rise of 1, 0 and -1: whether they
are in the next column, and their height above the place. 9 = no cell."""


@kernel
def find_tunnel(blocks: Any, tops: Any, wanted: Any, ticks: Any, outside: bool, origin: Any, path: Any) -> int:
    """Finds the fastest path to a wanted block, or into the open air.

    Args:
        blocks: The world.
        tops: (SIDE, SIDE) uint8, the height from which each column is empty.
        wanted: (256,) bool, by block id.
        ticks: (256,) int64, ticks to dig each kind of block; ``NOT_TO_DIG`` = never.
        outside: End at any place under the open sky instead of at a wanted block.
        origin: (3,) int64, the player's place.
        path: (PATH, 3) int64, receives the places. The step to the last one digs the wanted block.

    Returns:
        The number of places, 0 if there is no path.
    """
    cost = np.full(SPAN * SPAN * HEIGHT, LONGEST, np.int32)
    came = np.full(SPAN * SPAN * HEIGHT, -1, np.int32)
    heads = np.full(LONGEST, -1, np.int32)
    node_of = np.empty(POOL, np.int32)
    next_of = np.empty(POOL, np.int32)
    start = (RADIUS * SPAN + RADIUS) * HEIGHT + int(origin[1])
    cost[start] = 0
    node_of[0] = start
    next_of[0] = -1
    heads[0] = 0
    used = 1
    best = LONGEST
    last = -1
    end_x = 0
    end_y = 0
    end_z = 0
    for spent in range(LONGEST):
        if spent >= best:
            break
        entry = heads[spent]
        while entry >= 0:
            node = int(node_of[entry])
            entry = next_of[entry]
            if cost[node] != spent:
                continue
            y = node % HEIGHT
            j = node // HEIGHT % SPAN
            i = node // HEIGHT // SPAN
            x = origin[0] + i - RADIUS
            z = origin[2] + j - RADIUS
            if outside and y >= tops[x & MASK, z & MASK] and spent > 0:
                if spent < best:
                    best = spent
                    last = int(came[node])
                    end_x = x
                    end_y = y
                    end_z = z
                continue
            swims = liquid(blocks, x, y, z)
            for k in range(8):
                ni = i + STEPS_X[k]
                nj = j + STEPS_Z[k]
                if ni < 0 or nj < 0 or ni >= SPAN or nj >= SPAN:
                    continue
                nx = x + STEPS_X[k]
                nz = z + STEPS_Z[k]
                for way in range(4 if k < 4 and not swims else 1):
                    if way == 0:
                        ny = landing(blocks, x, y, z, STEPS_X[k], STEPS_Z[k])
                        if ny < 0:
                            continue
                        more = STEP_TICKS if k < 4 else DIAGONAL_TICKS
                    else:
                        ny = y + 2 - way
                        more = STEP_TICKS
                        possible = 1 <= ny < HEIGHT - 3
                        for c in range(3):
                            up = UP[way - 1][c]
                            if up == 9 or not possible:
                                continue
                            cx = nx if AHEAD[way - 1][c] else x
                            cz = nz if AHEAD[way - 1][c] else z
                            if not barred(blocks, cx, y + up, cz):
                                continue
                            block = blocks[cx & MASK, cz & MASK, y + up]
                            more += ticks[block]
                            if more >= LONGEST:
                                possible = False
                            elif wanted[block] and not outside:
                                if spent + more < best:
                                    best = spent + more
                                    last = node
                                    end_x = nx
                                    end_y = ny
                                    end_z = nz
                                possible = False
                        if not possible or not solid(blocks, nx, ny - 1, nz):
                            continue
                    if ny > y:
                        more += JUMP_TICKS
                    total = spent + more
                    other = (ni * SPAN + nj) * HEIGHT + ny
                    if total < cost[other] and total < best and used < POOL:
                        cost[other] = total
                        came[other] = node
                        node_of[used] = other
                        next_of[used] = heads[total]
                        heads[total] = used
                        used += 1
    if last < 0:
        return 0
    length = 2
    node = last
    while came[node] >= 0:
        node = int(came[node])
        length += 1
    if length > path.shape[0]:
        return 0
    path[length - 1, 0] = end_x
    path[length - 1, 1] = end_y
    path[length - 1, 2] = end_z
    node = last
    for n in range(length - 2, -1, -1):
        path[n, 0] = origin[0] + node // HEIGHT // SPAN - RADIUS
        path[n, 1] = node % HEIGHT
        path[n, 2] = origin[2] + node // HEIGHT % SPAN - RADIUS
        node = int(came[node])
    return length
