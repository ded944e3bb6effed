"""Distance fields of the block array: how far a ray may jump, and how high each column reaches.

``squares[q, x, z, y]`` is the side of the largest empty square in the one-block layer ``y`` that has the cell at its
near corner and grows along quadrant ``q`` (bit 0: towards -x, bit 1: towards -z); 0 in a solid cell. A ray in that
quadrant can cross ``squares`` cells in x and z, or one in y, without looking at a block. One layer is much cheaper to
mend after a block has changed than a cube, and nearly as good: most rays are flat.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.compiled import kernel

MAX_SQUARE = 40
"""Squares are not followed beyond this side: it bounds the mending, and a longer jump hardly ever pays."""


@kernel
def column_top(blocks: Any, x: int, z: int) -> int:
    """Returns the height above which the column is empty (0 = all empty)."""
    for y in range(HEIGHT - 1, -1, -1):
        if blocks[x, z, y] != 0:
            return y + 1
    return 0


@kernel
def fill_tops(blocks: Any, tops: Any) -> None:
    """Writes ``tops[x, z]``, uint8: where each column ends."""
    for x in range(SIDE):
        for z in range(SIDE):
            tops[x, z] = column_top(blocks, x, z)


@kernel
def _grow(square: Any, blocks: Any, x: int, z: int, xn: int, zn: int, low: int, high: int) -> None:
    """One column of one field from its three neighbours further along the quadrant."""
    for y in range(low, high):
        side = min(square[xn, z, y], min(square[x, zn, y], square[xn, zn, y]))
        side = min(side, np.uint8(MAX_SQUARE - 1)) + np.uint8(1)
        square[x, z, y] = np.uint8(0) if blocks[x, z, y] else np.uint8(side)


@kernel
def fill_squares(blocks: Any, tops: Any, squares: Any) -> None:
    """Writes ``squares`` (4, SIDE, SIDE, HEIGHT) uint8 from scratch.

    Each quadrant is one sweep against its direction. On a torus the sweep has no natural start: it starts from
    squares of side 1 at the seam x = 0, z = 0, which are safe, and goes on over the seam to make them exact.
    """
    high = 0
    low = HEIGHT
    for x in range(SIDE):
        for z in range(SIDE):
            high = max(high, int(tops[x, z]))
            y = 0
            while y < low and blocks[x, z, y] != 0:
                y += 1
            low = y
    squares[:, :, :, :low] = 0
    squares[:, :, :, high:] = MAX_SQUARE
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        square = squares[q]
        for k in range(SIDE):
            for y in range(low, high):
                square[0, k, y] = 0 if blocks[0, k, y] else 1
                square[k, 0, y] = 0 if blocks[k, 0, y] else 1
        for i in range(1, SIDE + MAX_SQUARE):
            x = (-dx * i) & MASK
            for j in range(1, SIDE + MAX_SQUARE):
                z = (-dz * j) & MASK
                _grow(square, blocks, x, z, (x + dx) & MASK, (z + dz) & MASK, low, high)


@kernel
def block_changed(blocks: Any, tops: Any, squares: Any, x: int, y: int, z: int) -> None:
    """Mends the fields after ``blocks[x, z, y]`` has changed: only squares of its own layer can reach it."""
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        square = squares[q]
        for i in range(MAX_SQUARE + 1):
            cx = (x - dx * i) & MASK
            xn = (cx + dx) & MASK
            for j in range(MAX_SQUARE + 1):
                cz = (z - dz * j) & MASK
                _grow(square, blocks, cx, cz, xn, (cz + dz) & MASK, y, y + 1)
    tops[x, z] = column_top(blocks, x, z)
