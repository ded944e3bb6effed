"""Arrays that follow from the blocks: empty boxes that rays can leap over, the height of each column, and light.

``leaps[q, x, z, y]`` describes an empty box with the cell at its near corner, for rays in quadrant ``q`` (bit 0:
towards -x, bit 1: towards -z). It holds the side of the largest empty square in the one-block layer ``y``, and the
number of layers, as a power of two, that a square of that side can rise or fall before it meets a block. It is 0 in a
cell that is not air (stone, water or a flower), which the renderer must examine. A ray in that quadrant crosses the
box without examining its blocks. Boxes that extend the squares of one layer are much cheaper to update after a block
has changed than the largest cubes, and suit nearly horizontal rays better. ``tops[x, z]`` is the height above which a
column contains only air. For light see ``light``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.core.light import fill_light, update_light
from vpt_gym.world.kernels.compiled import kernel

MAX_SQUARE = 40
"""Largest side of a square. It bounds the work of an update, and longer leaps hardly ever save time."""
SQUARE_BITS = 63
"""Mask of the bits of a leap that hold the side of its square."""
RISE_SHIFT = 6
FALL_SHIFT = 9
"""First bits of the logarithms (base 2) of a leap's layers upwards and downwards, three bits each."""
MAX_LAYERS = 16

HIGHEST_PLACE = HEIGHT - 4
"""Blocks can be placed only below this height, so that a player's eye stays inside the world."""


@kernel
def column_top(blocks: Any, x: int, z: int) -> int:
    """Returns the height above which a column contains only air (0 = everywhere)."""
    for y in range(HEIGHT - 1, -1, -1):
        if blocks[x, z, y] != 0:
            return y + 1
    return 0


@kernel
def fill_tops(blocks: Any, tops: Any) -> None:
    """Writes ``tops[x, z]``, uint8: the height of each column."""
    for x in range(SIDE):
        for z in range(SIDE):
            tops[x, z] = column_top(blocks, x, z)


def _grow_column(by_x: Any, by_z: Any, by_both: Any, blocks: Any, column: Any) -> None:
    """Computes a column of squares from its three neighbours further along the quadrant, (HEIGHT,) each.

    The constant length and the unsigned indices let the loop become vector instructions: ten times faster.
    """
    for k in range(HEIGHT):
        y = np.uint32(k)
        side = min(min(by_x[y], by_z[y]), min(by_both[y], np.uint16(MAX_SQUARE - 1)))
        column[y] = np.uint16(0) if blocks[y] else np.uint16(side + np.uint16(1))


def _grow_interpreted(by_x: Any, by_z: Any, by_both: Any, blocks: Any, column: Any) -> None:
    """Does the same as ``_grow_column`` with whole arrays: interpreted loops would take ten seconds for a world."""
    np.minimum(np.minimum(by_x, by_z), np.minimum(by_both, MAX_SQUARE - 1), out=column)
    column += 1
    column *= blocks == 0


def _stack_columns(columns: Any, low: Any) -> None:
    """Adds to the squares of columns, (n, HEIGHT) uint16, the number of layers that each extends up and down.

    Args:
        columns: Sides of squares, without layers; changed.
        low: (5, HEIGHT + 2 * MAX_LAYERS) uint8 scratch: ``low[e, MAX_LAYERS + y]`` becomes the smallest of the 2^e
            squares from layer y upwards. Below the world no ray passes, above it nothing blocks one.
    """
    for n in range(columns.shape[0]):
        column = columns[n]
        for k in range(HEIGHT):
            low[0, np.uint32(k + MAX_LAYERS)] = np.uint8(column[np.uint32(k)] & np.uint16(SQUARE_BITS))
        for k in range(HEIGHT + MAX_LAYERS):
            low[1, np.uint32(k)] = min(low[0, np.uint32(k)], low[0, np.uint32(k + 1)])
        for k in range(HEIGHT + MAX_LAYERS):
            low[2, np.uint32(k)] = min(low[1, np.uint32(k)], low[1, np.uint32(k + 2)])
        for k in range(HEIGHT + MAX_LAYERS):
            low[3, np.uint32(k)] = min(low[2, np.uint32(k)], low[2, np.uint32(k + 4)])
        for k in range(HEIGHT + MAX_LAYERS):
            low[4, np.uint32(k)] = min(low[3, np.uint32(k)], low[3, np.uint32(k + 8)])
        for k in range(HEIGHT):
            at = k + MAX_LAYERS
            side = low[0, np.uint32(at)]
            rise = np.uint16(low[1, np.uint32(at)] >= side) + np.uint16(low[2, np.uint32(at)] >= side)
            rise += np.uint16(low[3, np.uint32(at)] >= side) + np.uint16(low[4, np.uint32(at)] >= side)
            fall = np.uint16(low[1, np.uint32(at - 1)] >= side) + np.uint16(low[2, np.uint32(at - 3)] >= side)
            fall += np.uint16(low[3, np.uint32(at - 7)] >= side) + np.uint16(low[4, np.uint32(at - 15)] >= side)
            leap = side | np.uint16(rise << np.uint16(RISE_SHIFT)) | np.uint16(fall << np.uint16(FALL_SHIFT))
            column[np.uint32(k)] = np.uint16(leap) if side else np.uint16(0)


def _stack_interpreted(columns: Any, low: Any) -> None:
    """Does the same as ``_stack_columns`` with whole arrays."""
    columns &= SQUARE_BITS
    least = np.zeros((len(columns), HEIGHT + 2 * MAX_LAYERS), np.uint8)
    least[:, MAX_LAYERS:-MAX_LAYERS] = columns
    least[:, -MAX_LAYERS:] = 255
    sides = least[:, MAX_LAYERS:-MAX_LAYERS].copy()
    rise, fall = np.zeros_like(columns), np.zeros_like(columns)
    for e in range(1, 5):
        half = 1 << (e - 1)
        least[:, :-half] = np.minimum(least[:, :-half], least[:, half:])
        rise += least[:, MAX_LAYERS : MAX_LAYERS + HEIGHT] >= sides
        first = MAX_LAYERS + 1 - (1 << e)
        fall += least[:, first : first + HEIGHT] >= sides
    columns |= (rise << RISE_SHIFT | fall << FALL_SHIFT) * (sides > 0)


_interpreted = numba.config.DISABLE_JIT  # type: ignore[attr-defined]
grow_column = _grow_interpreted if _interpreted else kernel(_grow_column)
stack_columns = _stack_interpreted if _interpreted else kernel(_stack_columns)


@kernel
def layer_scratch() -> Any:
    """Returns the scratch array of ``stack_columns``."""
    low = np.zeros((5, HEIGHT + 2 * MAX_LAYERS), np.uint8)
    low[:, HEIGHT + MAX_LAYERS :] = np.uint8(255)
    return low


@kernel
def fill_leaps(blocks: Any, leaps: Any) -> None:
    """Writes ``leaps`` (4, SIDE, SIDE, HEIGHT) uint16 from scratch.

    Each quadrant is one sweep against its direction. A torus has no natural start: the sweep begins with squares of
    side 1 at the seam x = 0, z = 0, which are safe, and continues over the seam until they are exact.
    """
    low = layer_scratch()
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        square = leaps[q]
        for k in range(SIDE):
            for y in range(HEIGHT):
                square[0, k, y] = 0 if blocks[0, k, y] else 1
                square[k, 0, y] = 0 if blocks[k, 0, y] else 1
        for i in range(1, SIDE + MAX_SQUARE):
            x = (-dx * i) & MASK
            xn = (x + dx) & MASK
            for j in range(1, SIDE + MAX_SQUARE):
                z = (-dz * j) & MASK
                zn = (z + dz) & MASK
                grow_column(square[xn, z], square[x, zn], square[xn, zn], blocks[x, z], square[x, z])
        for x in range(SIDE):
            stack_columns(square[x], low)


@kernel
def update_leaps(blocks: Any, leaps: Any, x: int, y: int, z: int) -> None:
    """Updates ``leaps`` after ``blocks[x, z, y]`` has changed: only squares of the same layer can contain it."""
    low = layer_scratch()
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        leap = leaps[q]
        for i in range(MAX_SQUARE + 1):
            cx = (x - dx * i) & MASK
            xn = (cx + dx) & MASK
            for j in range(MAX_SQUARE + 1):
                cz = (z - dz * j) & MASK
                zn = (cz + dz) & MASK
                by_x = int(leap[xn, cz, y]) & SQUARE_BITS
                by_z = int(leap[cx, zn, y]) & SQUARE_BITS
                by_both = int(leap[xn, zn, y]) & SQUARE_BITS
                side = 0 if blocks[cx, cz, y] else min(by_x, by_z, by_both, MAX_SQUARE - 1) + 1
                if side != int(leap[cx, cz, y]) & SQUARE_BITS:
                    leap[cx, cz, y] = side
                    stack_columns(leap[cx, cz : cz + 1], low)


@kernel
def fill_all(w: Any) -> None:
    """Writes ``tops``, ``leaps`` and ``light`` of a ``World`` from its blocks."""
    fill_tops(w.blocks, w.tops)
    fill_leaps(w.blocks, w.leaps)
    fill_light(w.blocks, w.tops, w.light)


@kernel
def set_block(w: Any, x: int, y: int, z: int, block: int) -> None:
    """Writes a block and updates the derived arrays; every change during play uses this function.

    Args:
        w: The ``World``; changed.
        x: Of the cell; any integer, as the world is a torus.
        y: Of the cell, in [0, HEIGHT).
        z: See ``x``.
        block: The block id, ``AIR`` to remove a block.
    """
    x = x & MASK
    z = z & MASK
    before = int(w.blocks[x, z, y])
    if before == block:
        return
    w.blocks[x, z, y] = block
    w.tops[x, z] = column_top(w.blocks, x, z)
    if (before == 0) != (block == 0):
        update_leaps(w.blocks, w.leaps, x, y, z)
    update_light(w.blocks, w.light, x, y, z, before)
