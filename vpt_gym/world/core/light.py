"""Light, as in Minecraft 1.11: it comes from the sky and from torches, and loses one level per block.

``light[x, z, y]`` is 16 * light of the sky + light of blocks, each 0 to 15. A cell under the open sky has 15; from
there light spreads to the six neighbours and loses 1, or 3 where it enters water; it loses 1 in leaves too, but what
is below them is no longer under the open sky. Other opaque blocks stop it. The light of the sky is stored as at noon;
``sky_dimming`` returns the levels that the time of day and rain take away.

The light of a cell is the largest of its own light and what arrives from its neighbours. This has exactly one solution,
so an update after a change gives the same numbers as a new computation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import BLOCKS, HEIGHT, IS_LEAVES, LIGHT, LIQUID, MASK, OPAQUE, SIDE
from vpt_gym.world.core.clock import TICKS_PER_DAY
from vpt_gym.world.core.geometry import sin_cos
from vpt_gym.world.kernels.compiled import kernel

FULL = 15
SKY, GLOW = 4, 0
"""Position of the light of the sky and of blocks in a byte, bits."""
BLOCKED = 16
OPACITY = np.array(
    [1 if IS_LEAVES[k] else 3 if LIQUID[k] else BLOCKED if OPAQUE[k] else 0 for k in range(len(BLOCKS))], np.int64
)
"""Light lost in a block, by block id. Every step costs at least 1, except straight down from the open sky."""
STEP_X = (1, -1, 0, 0, 0, 0)
STEP_Z = (0, 0, 1, -1, 0, 0)
STEP_Y = (0, 0, 0, 0, 1, -1)


@kernel
def sky_height(blocks: Any, x: int, z: int) -> int:
    """Returns the height above which all blocks of a column let light pass without loss."""
    y = HEIGHT
    while y > 0 and OPACITY[blocks[x, z, y - 1]] == 0:
        y -= 1
    return y


@kernel
def _spread(blocks: Any, light: Any, shift: int, queue: Any, head: int, tail: int) -> None:
    """Spreads light from the cells of ``queue``, a ring buffer of flat indices, until no cell gets brighter."""
    room = len(queue) - 1
    while head != tail:
        cell = int(queue[head & room])
        head += 1
        y = cell % HEIGHT
        z = cell // HEIGHT & MASK
        x = cell // (HEIGHT * SIDE)
        here = int(light[x, z, y]) >> shift & 15
        for k in range(6):
            ny = y + STEP_Y[k]
            if ny < 0 or ny >= HEIGHT:
                continue
            nx = x + STEP_X[k] & MASK
            nz = z + STEP_Z[k] & MASK
            packed = int(light[nx, nz, ny])
            arrives = here - max(1, OPACITY[blocks[nx, nz, ny]])
            before = packed >> shift & 15
            if arrives > before:
                light[nx, nz, ny] = packed + (arrives - before << shift)
                queue[tail & room] = (nx * SIDE + nz) * HEIGHT + ny
                tail += 1


@kernel
def fill_light(blocks: Any, tops: Any, light: Any) -> None:
    """Writes ``light`` from scratch: first the open sky, then light that spreads from its border, then torches."""
    heights = np.empty((SIDE, SIDE), np.int64)
    for x in range(SIDE):
        for z in range(SIDE):
            y = int(tops[x, z])
            while y > 0 and OPACITY[blocks[x, z, y - 1]] == 0:
                y -= 1
            heights[x, z] = y
            for cell in range(HEIGHT):
                light[x, z, cell] = FULL << SKY if cell >= y else 0
    queue = np.empty(1 << 20, np.int32)
    for shift in (SKY, GLOW):
        tail = 0
        for x in range(SIDE):
            for z in range(SIDE):
                low = 0
                high = int(tops[x, z])
                if shift == SKY:  # cells of open sky next to shade
                    low = heights[x, z]
                    high = low + 1
                    for k in range(4):
                        high = max(high, heights[x + STEP_X[k] & MASK, z + STEP_Z[k] & MASK])
                for y in range(low, min(high, HEIGHT)):
                    glow = int(LIGHT[blocks[x, z, y]])
                    if shift == GLOW:
                        if glow == 0:
                            continue
                        light[x, z, y] = int(light[x, z, y]) | glow
                    queue[tail] = (x * SIDE + z) * HEIGHT + y
                    tail += 1
        _spread(blocks, light, shift, queue, 0, tail)


@kernel
def _update(blocks: Any, light: Any, shift: int, x: int, z: int, low: int, high: int) -> None:
    """Updates one of the lights after the cells of a column from ``low`` to ``high`` (exclusive) have changed.

    It removes all light that may have passed through these cells, then lets light spread in again from around them.
    """
    dark = np.empty((1 << 16, 2), np.int32)
    again = np.empty(1 << 18, np.int32)
    head = 0
    tail = 0
    sources = 0
    for y in range(low, high):
        packed = int(light[x, z, y])
        dark[tail, 0] = (x * SIDE + z) * HEIGHT + y
        dark[tail, 1] = packed >> shift & 15
        light[x, z, y] = packed & ~(15 << shift)
        tail += 1
    open_sky = sky_height(blocks, x, z)
    while head < tail:
        cell = int(dark[head, 0])
        had = int(dark[head, 1])
        head += 1
        cy = cell % HEIGHT
        cz = cell // HEIGHT & MASK
        cx = cell // (HEIGHT * SIDE)
        own = int(LIGHT[blocks[cx, cz, cy]]) if shift == GLOW else 0
        if shift == SKY and cx == x and cz == z and cy >= open_sky:
            own = FULL
        if own > 0:
            light[cx, cz, cy] = int(light[cx, cz, cy]) & ~(15 << shift) | own << shift
            again[sources] = cell
            sources += 1
        for k in range(6):
            ny = cy + STEP_Y[k]
            if ny < 0 or ny >= HEIGHT:
                continue
            nx = cx + STEP_X[k] & MASK
            nz = cz + STEP_Z[k] & MASK
            packed = int(light[nx, nz, ny])
            value = packed >> shift & 15
            if value == 0:
                continue
            flat = (nx * SIDE + nz) * HEIGHT + ny
            if value < had:
                light[nx, nz, ny] = packed & ~(15 << shift)
                dark[tail, 0] = flat
                dark[tail, 1] = value
                tail += 1
            else:
                again[sources] = flat
                sources += 1
    _spread(blocks, light, shift, again, 0, sources)


@kernel
def update_light(blocks: Any, light: Any, x: int, y: int, z: int, before: int) -> None:
    """Updates ``light`` after ``blocks[x, z, y]`` has changed from block ``before``."""
    block = int(blocks[x, z, y])
    if OPACITY[block] == OPACITY[before] and LIGHT[block] == LIGHT[before]:
        return
    low = y
    if (OPACITY[block] == 0) != (OPACITY[before] == 0) and sky_height(blocks, x, z) <= y + 1:
        # the block was, or is now, between the sky and the cells below
        while low > 0 and OPACITY[blocks[x, z, low - 1]] == 0:
            low -= 1
    glows = LIGHT[block] > 0 or LIGHT[before] > 0
    for k in range(6):
        ny = min(HEIGHT - 1, max(0, y + STEP_Y[k]))
        glows = glows or int(light[x + STEP_X[k] & MASK, z + STEP_Z[k] & MASK, ny]) & 15 != 0
    for shift in (SKY, GLOW):
        if shift == SKY or glows:
            _update(blocks, light, shift, x, z, low if shift == SKY else y, y + 1)


@kernel
def sky_light_at(w: Any, x: int, y: int, z: int) -> int:
    """Returns the light of the sky in a cell as at noon, 0 to 15; 15 above the world, 0 below it."""
    if y >= HEIGHT:
        return FULL
    return int(w.light[x & MASK, z & MASK, y]) >> SKY if y >= 0 else 0


@kernel
def celestial_angle(time: int) -> float:
    """Returns the angle of the sun, turns: 0 at noon, 0.5 at midnight; ``time`` in ticks, 0 = 6 in the morning."""
    turn = (time % TICKS_PER_DAY) / TICKS_PER_DAY - 0.25
    if turn < 0.0:
        turn += 1.0
    _, cosine = sin_cos(turn * 180.0)
    return turn + (0.5 - 0.5 * cosine - turn) / 3.0


@kernel
def sky_dimming(time: int, rain: float) -> int:
    """Returns the levels to subtract from the light of the sky, 0 at noon to 11 at night.

    Args:
        time: Ticks, 0 = 6 in the morning.
        rain: Strength of the rain, 0 to 1.
    """
    _, cosine = sin_cos(celestial_angle(time) * 360.0)
    bright = min(1.0, max(0.0, cosine * 2.0 + 0.5)) * (1.0 - rain * 5.0 / 16.0)
    return int((1.0 - bright) * 11.0)


@kernel
def light_at(w: Any, x: int, y: int, z: int) -> int:
    """Returns the present light in a cell, 0 to 15: the larger of the sky's and the blocks'."""
    clock = w.clock[0]
    sky = sky_light_at(w, x, y, z) - sky_dimming(clock.time, clock.rain)
    glow = int(w.light[x & MASK, z & MASK, y]) & 15 if 0 <= y < HEIGHT else 0
    return max(0, max(sky, glow))
