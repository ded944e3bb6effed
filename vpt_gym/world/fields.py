"""Fields that follow from the blocks: how far a ray may jump, how high each column reaches, and light.

``squares[q, x, z, y]`` is the side of the largest empty square in the one-block layer ``y`` that has the cell at its
near corner and grows along quadrant ``q`` (bit 0: towards -x, bit 1: towards -z); 0 in a cell that is not air, be it
stone, water or a flower: the renderer must look at it. A ray in that quadrant can cross ``squares`` cells in x and z,
or one in y, without looking at a block. One layer is much cheaper to mend after a block has changed than a cube, and
nearly as good: most rays are flat. ``tops[x, z]`` is the height above which a column holds nothing but air. For light
see ``light``.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from vpt_gym.world.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.compiled import kernel
from vpt_gym.world.light import fill_light, mend_light

MAX_SQUARE = 40
"""Squares are not followed beyond this side: it bounds the mending, and a longer jump hardly ever pays."""

HIGHEST_PLACE = HEIGHT - 4
"""Blocks can be placed below this only, so that a player's eye never leaves the world."""


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


def _grow_column(by_x: Any, by_z: Any, by_both: Any, blocks: Any, column: Any) -> None:
    """One column of one field from its three neighbours further along the quadrant, (HEIGHT,) each.

    The loop has a constant length and unsigned indices, so that it becomes vector instructions: ten times faster.
    """
    for k in range(HEIGHT):
        y = np.uint32(k)
        side = min(min(by_x[y], by_z[y]), min(by_both[y], np.uint8(MAX_SQUARE - 1)))
        column[y] = np.uint8(0) if blocks[y] else np.uint8(side + np.uint8(1))


def _grow_interpreted(by_x: Any, by_z: Any, by_both: Any, blocks: Any, column: Any) -> None:
    """The same for the interpreter, which would take ten seconds for a world."""
    np.minimum(np.minimum(by_x, by_z), np.minimum(by_both, MAX_SQUARE - 1), out=column)
    column += 1
    column *= blocks == 0


grow_column = _grow_interpreted if numba.config.DISABLE_JIT else kernel(_grow_column)  # type: ignore[attr-defined]


@kernel
def fill_squares(blocks: Any, squares: Any) -> None:
    """Writes ``squares`` (4, SIDE, SIDE, HEIGHT) uint8 from scratch.

    Each quadrant is one sweep against its direction. On a torus the sweep has no natural start: it starts from
    squares of side 1 at the seam x = 0, z = 0, which are safe, and goes on over the seam to make them exact.
    """
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        square = squares[q]
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


@kernel
def mend_squares(blocks: Any, squares: Any, x: int, y: int, z: int) -> None:
    """Mends ``squares`` after ``blocks[x, z, y]`` has changed: only squares of its own layer can reach it."""
    for q in range(4):
        dx = -1 if q & 1 else 1
        dz = -1 if q & 2 else 1
        square = squares[q]
        for i in range(MAX_SQUARE + 1):
            cx = (x - dx * i) & MASK
            xn = (cx + dx) & MASK
            for j in range(MAX_SQUARE + 1):
                cz = (z - dz * j) & MASK
                zn = (cz + dz) & MASK
                side = min(int(square[xn, cz, y]), int(square[cx, zn, y]), int(square[xn, zn, y]), MAX_SQUARE - 1) + 1
                square[cx, cz, y] = 0 if blocks[cx, cz, y] else side


@kernel
def fill_all(w: Any) -> None:
    """Writes ``tops``, ``squares`` and ``light`` of a ``World`` from its blocks."""
    fill_tops(w.blocks, w.tops)
    fill_squares(w.blocks, w.squares)
    fill_light(w.blocks, w.tops, w.light)


@kernel
def set_block(w: Any, x: int, y: int, z: int, block: int) -> None:
    """Writes a block and mends what follows from it; all changes during play come through here.

    Args:
        w: The ``World``.
        x: Of the cell; any number, the world is a torus.
        y: In [0, HEIGHT).
        z: Like x.
        block: The block id, ``AIR`` to remove what is there.
    """
    x = x & MASK
    z = z & MASK
    before = int(w.blocks[x, z, y])
    if before == block:
        return
    w.blocks[x, z, y] = block
    w.tops[x, z] = column_top(w.blocks, x, z)
    if (before == 0) != (block == 0):
        mend_squares(w.blocks, w.squares, x, y, z)
    mend_light(w.blocks, w.light, x, y, z, before)
