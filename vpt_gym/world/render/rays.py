"""Aims one tile of rays and marches them through the world in lockstep.

The kernels keep the state of the ``LANES`` rays of a tile in two scratch arrays, one float32 and one int32, with one
row per variable. For speed, every loop over the lanes either only computes (and compiles to vector instructions) or
only reads tables. Every integer is wrapped in ``i32``, because numba would widen it, and sums of it, to 64 bits and
halve the speed. Conditions are joined with ``&``: ``and`` is a branch and prevents vectorisation. So does a table
look-up in one arm of an ``if``; the arms therefore choose between values that were read before.

The axes are mirrored so that every ray goes towards +x, +y and +z. Table look-ups undo the mirroring (for x and z: an
exclusive or with ``MASK``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.core.fields import FALL_SHIFT, RISE_SHIFT, SQUARE_BITS
from vpt_gym.world.kernels.compiled import LANES, pixel_kernel

VIEW = 64.0
"""How far a ray goes, blocks."""
TILE_SHIFT = 3
TILE_WIDTH = 1 << TILE_SHIFT
TILE_HEIGHT = LANES // TILE_WIDTH
"""A tile is square, because its rays then travel similar distances and few of them wait for the others."""

f32 = np.float32
i32 = np.int32
u32 = np.uint32
F0 = f32(0.0)
F1 = f32(1.0)
CELLS = SIDE * SIDE * HEIGHT
EDGE = SIDE.bit_length() - 1

# Rows of the float scratch: direction; in mirrored axes: origin, absolute direction and its inverse; distance travelled
# and its limit; for rays through water: distance to its surface (-1 = none), distance in it, and limit in the open
DX, DY, DZ, OX, OY, OZ, AX, AY, AZ, RX, RY, RZ, WAY, END, SURFACE, WET, LIMIT = (k * LANES for k in range(17))
# for rays in plants: distances to both sprites, and to the end of the cell
NEAR, FURTHER, AWAY = (k * LANES for k in range(17, 20))
# Rows of the int scratch: mirrors of x, z and y (all ones for a downward ray); start of the quadrant's field, and of
# its layers; cell; flat index of the cell in the fields, and in the blocks; leap there; whether the ray hit something;
# texel; flat index of the cell that lights the hit; block hit; light; packed colour; general look-up; fog; colour;
# texel of a sprite or -1; what a ray does next; the next cell
(MX, MZ, FLIP, FIELD, BASE, CX, CY, CZ, INDEX, CELL, LEAP, HIT, TEXEL, LIT, BLOCK, SHINE, PACKED, LOOK) = (
    k * LANES for k in range(18)
)
FOG, RED, GREEN, BLUE, SPRITE, NEXT, NEXT_X, NEXT_Y, NEXT_Z = (k * LANES for k in range(18, 27))
FLOAT_ROWS, INT_ROWS = 20, 27


@pixel_kernel
def lanes_of(Q: Any) -> int:
    """Returns ``LANES`` in a way that the compiler cannot see through.

    It would unroll a loop of known length instead of compiling it to vector instructions.
    """
    return len(Q) // INT_ROWS


@pixel_kernel
def place_in_tiles(row: int, column: int, height: int, width: int) -> int:
    """Returns the index of a pixel's depth. Depths are stored tile by tile, in the order of the lanes."""
    tile_row = row // TILE_HEIGHT
    tile_column = column // TILE_WIDTH
    across = (width + TILE_WIDTH - 1) // TILE_WIDTH
    line = row - min(tile_row * TILE_HEIGHT, height - TILE_HEIGHT)
    return (
        (tile_row * across + tile_column) * LANES
        + line * TILE_WIDTH
        + column
        - min(tile_column * TILE_WIDTH, width - TILE_WIDTH)
    )


def depth_size(height: int, width: int) -> int:
    """Returns the number of depths of a frame, rounded up to complete tiles."""
    return -(-height // TILE_HEIGHT) * -(-width // TILE_WIDTH) * LANES


@pixel_kernel
def flat_index(x: Any, y: Any, z: Any, mx: Any, mz: Any, flip: Any, base: Any) -> Any:
    """Returns the index of a cell in the distance fields. All values are int32; the cell is in mirrored axes."""
    x = i32(i32(i32(x ^ mx) & i32(MASK)) << i32(EDGE))
    z = i32(i32(z ^ mz) & i32(MASK))
    y = i32(min(y, i32(HEIGHT - 1)) ^ flip)
    return i32(i32(i32(i32(x | z) * i32(HEIGHT)) + y) + base)


@pixel_kernel
def aim_rays(
    S: Any,
    Q: Any,
    camera: Any,
    eye: Any,
    row: int,
    column: int,
    height: int,
    width: int,
    rows: Any,
    columns: Any,
    ceiling: float,
) -> None:
    """Sets up the rays of the tile whose upper left pixel is drawn pixel (row, column); see ``Raster``."""
    per_u = f32(2.0 / width)
    per_v = f32(2.0 / height)
    fx = camera[0, 0]
    fy = camera[0, 1]
    fz = camera[0, 2]
    ux = camera[2, 0]
    uy = camera[2, 1]
    uz = camera[2, 2]
    rx = camera[1, 0]
    ry = camera[1, 1]
    rz = camera[1, 2]
    ex = eye[0]
    ey = eye[1]
    ez = eye[2]
    mirrored_x = f32(SIDE) - ex
    mirrored_y = f32(HEIGHT) - ey
    mirrored_z = f32(SIDE) - ez
    view = f32(VIEW)
    top = f32(ceiling)
    for k in range(LANES):
        Q[CX + k] = columns[column + (k & (TILE_WIDTH - 1))]
        Q[CY + k] = rows[row + (k >> TILE_SHIFT)]
    for k in range(LANES):
        u = per_u * (f32(Q[CX + k]) + f32(0.5)) - F1
        v = F1 - per_v * (f32(Q[CY + k]) + f32(0.5))
        dx = fx + v * ux + u * rx
        dy = fy + v * uy + u * ry
        dz = fz + v * uz + u * rz
        S[DX + k] = dx
        S[DY + k] = dy
        S[DZ + k] = dz
        ox = mirrored_x if dx < F0 else ex
        oy = mirrored_y if dy < F0 else ey
        oz = mirrored_z if dz < F0 else ez
        S[OX + k] = ox
        S[OY + k] = oy
        S[OZ + k] = oz
        ax = max(abs(dx), f32(1e-6))
        ay = max(abs(dy), f32(1e-6))
        az = max(abs(dz), f32(1e-6))
        S[AX + k] = ax
        S[AY + k] = ay
        S[AZ + k] = az
        per_y = F1 / ay
        S[RX + k] = F1 / ax
        S[RY + k] = per_y
        S[RZ + k] = F1 / az
        # an upward ray leaves the world above its highest block
        end = view if dy < F0 else (top - oy) * per_y
        S[END + k] = min(end, view)
        S[WAY + k] = F0
    for k in range(LANES):
        west = S[DX + k] < F0
        north = S[DZ + k] < F0
        sinks = S[DY + k] < F0
        mx = i32(MASK) if west else i32(0)
        mz = i32(MASK) if north else i32(0)
        flip = i32(-1) if sinks else i32(0)
        field = i32(i32(i32(1) if west else i32(0)) + i32(i32(2) if north else i32(0))) * i32(CELLS)
        cx = i32(S[OX + k])
        cy = i32(S[OY + k])
        cz = i32(S[OZ + k])
        Q[MX + k] = mx
        Q[MZ + k] = mz
        base = i32(field + i32(flip & i32(HEIGHT)))
        Q[FLIP + k] = flip
        Q[FIELD + k] = field
        Q[BASE + k] = base
        Q[CX + k] = cx
        Q[CY + k] = cy
        Q[CZ + k] = cz
        Q[INDEX + k] = flat_index(cx, cy, cz, mx, mz, flip, base)


@pixel_kernel
def march(S: Any, Q: Any, leaps: Any, blocks: Any, medium: int) -> None:
    """Moves the rays until each has left its medium or reached its limit (``END``).

    In air (``medium`` 0) a ray leaps over the empty box around it; in another medium (a block id) it moves cell by
    cell. A ray at its limit does not move. Sets ``HIT`` to 1 for the rays that left the medium before their limit.
    """
    while True:
        if medium == 0:
            for k in range(LANES):
                Q[LEAP + k] = i32(leaps[u32(Q[INDEX + k])])
        else:
            for k in range(LANES):
                Q[LEAP + k] = i32(1) if blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))] == medium else i32(0)
        active = i32(0)
        for k in range(LANES):
            leap = Q[LEAP + k]
            side = i32(leap & i32(SQUARE_BITS))
            rise = i32(i32(leap >> i32(RISE_SHIFT)) & i32(7))
            fall = i32(i32(leap >> i32(FALL_SHIFT)) & i32(7))
            layers = i32(i32(1) << (fall if Q[FLIP + k] != 0 else rise))
            cx = Q[CX + k]
            cy = Q[CY + k]
            cz = Q[CZ + k]
            before = S[WAY + k]
            goes = (before < S[END + k]) & (leap != 0)
            nx = i32(cx + side)
            ny = i32(cy + layers)
            nz = i32(cz + side)
            tx = (f32(nx) - S[OX + k]) * S[RX + k]
            ty = (f32(ny) - S[OY + k]) * S[RY + k]
            tz = (f32(nz) - S[OZ + k]) * S[RZ + k]
            way = min(tx, min(ty, tz))
            # rounding must not carry the other two coordinates out of the box
            x = i32(S[OX + k] + way * S[AX + k])
            x = max(cx, min(x, i32(nx - i32(1))))
            x = nx if tx <= way else x
            y = i32(S[OY + k] + way * S[AY + k])
            y = max(cy, min(y, i32(ny - i32(1))))
            y = y if (tx <= way) | (ty > way) else ny
            z = i32(S[OZ + k] + way * S[AZ + k])
            z = max(cz, min(z, i32(nz - i32(1))))
            z = z if min(tx, ty) <= way else nz
            x = x if goes else cx
            y = y if goes else cy
            z = z if goes else cz
            way = way if goes else before
            Q[CX + k] = x
            Q[CY + k] = y
            Q[CZ + k] = z
            S[WAY + k] = way
            Q[INDEX + k] = flat_index(x, y, z, Q[MX + k], Q[MZ + k], Q[FLIP + k], Q[BASE + k])
            # a ray that stopped before its limit has hit something
            before_end = i32(1) if way < S[END + k] else i32(0)
            Q[HIT + k] = before_end
            active = i32(active | (before_end if goes else i32(0)))
        if active == 0:
            break
