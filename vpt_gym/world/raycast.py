"""Draws blocks and sky: one ray to a pixel, through distance fields, a tile of rays in lockstep.

The kernels keep the state of the ``LANES`` rays of a tile in two scratch arrays, one float32 and one int32, with one
row to a variable. Every loop over the lanes either only computes (and becomes vector instructions) or only looks up
tables. All integers are wrapped in ``i32``: numba would widen them to 64 bits, and halve the speed.

The axes are mirrored so that every ray goes towards + x, y and z; the mirror is undone where a table is looked up
(for x and z: exclusive or with ``MASK``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.compiled import LANES, pixel_kernel
from vpt_gym.world.textures import CLOUD_CELLS, FOG_STEPS, HORIZON

VIEW = 64.0
"""How far a ray goes, blocks."""
FAR = np.float32(1e30)
CLOUD_HEIGHT = np.float32(72.0)

TILE_SHIFT = 2
TILE_WIDTH = 1 << TILE_SHIFT
TILE_HEIGHT = LANES // TILE_WIDTH
"""Rays of a tile have much the same way to go, so few of them wait for the others: 4 by 8 beats a row by a sixth."""

f32 = np.float32
i32 = np.int32
u32 = np.uint32
F0 = f32(0.0)
F1 = f32(1.0)
CELLS = SIDE * SIDE * HEIGHT
EDGE = SIDE.bit_length() - 1
HORIZON_R, HORIZON_G, HORIZON_B = (256 * c for c in HORIZON)
SHADOW = 160
"""Brightness of what has a block above it, of 256."""
OUTLINE = 110
"""Brightness of the edges of the aimed block, of 256."""
CRACK = 90
"""Brightness of cracks, of 256."""

# Rows of the float scratch: direction; origin, size and inverse of the direction in the mirrored axes; way and its end
DX, DY, DZ, OX, OY, OZ, AX, AY, AZ, RX, RY, RZ, WAY, END = (k * LANES for k in range(14))
# Rows of the int scratch: mirrors of x and z; ray sinks, first layer and its sign; start of the quadrant's field;
# cell; the ray hit; axis of the last step; still going; flat index of the cell; square there; texel; column and height
# of the cell in front of the face; packed colour; fog; generic look-up; colour
(MX, MZ, SINKS, LAYER, SIGN, FIELD, CX, CY, CZ, HIT, AXIS, GOES, CELL, SQUARE, TEXEL, COLUMN, LEVEL) = (
    k * LANES for k in range(17)
)
PACKED, FOG, LOOK, RED, GREEN, BLUE = (k * LANES for k in range(17, 23))
FLOAT_ROWS, INT_ROWS = 14, 23


@pixel_kernel
def aim_rays(
    S: Any, Q: Any, camera: Any, eye: Any, row: int, column: int, height: int, width: int, ceiling: float
) -> None:
    """Sets up the rays of the tile whose upper left pixel is (row, column)."""
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
        u = per_u * (f32(column + i32(i32(k) & i32(TILE_WIDTH - 1))) + f32(0.5)) - F1
        v = F1 - per_v * (f32(row + i32(i32(k) >> i32(TILE_SHIFT))) + f32(0.5))
        dx = fx + v * ux + u * rx
        dy = fy + v * uy + u * ry
        dz = fz + v * uz + u * rz
        S[DX + k] = dx
        S[DY + k] = dy
        S[DZ + k] = dz
        oy = mirrored_y if dy < F0 else ey
        S[OX + k] = mirrored_x if dx < F0 else ex
        S[OY + k] = oy
        S[OZ + k] = mirrored_z if dz < F0 else ez
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
        # a rising ray can leave the world at its highest block
        end = view if dy < F0 else (top - oy) * per_y
        S[END + k] = min(end, view)
        S[WAY + k] = F0
    for k in range(LANES):
        west = S[DX + k] < F0
        north = S[DZ + k] < F0
        sinks = S[DY + k] < F0
        Q[MX + k] = i32(MASK) if west else i32(0)
        Q[MZ + k] = i32(MASK) if north else i32(0)
        Q[SINKS + k] = i32(1) if sinks else i32(0)
        Q[FIELD + k] = i32(i32(i32(1) if west else i32(0)) + i32(i32(2) if north else i32(0))) * i32(CELLS)
        Q[LAYER + k] = i32(HEIGHT - 1) if sinks else i32(0)
        Q[SIGN + k] = i32(-1) if sinks else i32(1)
        Q[CX + k] = i32(S[OX + k])
        Q[CY + k] = i32(S[OY + k])
        Q[CZ + k] = i32(S[OZ + k])
        Q[HIT + k] = i32(0)
        Q[AXIS + k] = i32(1)
        Q[GOES + k] = i32(1) if S[END + k] > F0 else i32(0)


@pixel_kernel
def march(S: Any, Q: Any, squares: Any) -> None:
    """Moves the rays, each by the empty square it is in, until all have hit a block or come to their end."""
    for k in range(LANES):
        Q[CELL + k] = i32(0)
    while True:
        for k in range(LANES):
            x = i32(i32(i32(Q[CX + k] ^ Q[MX + k]) & i32(MASK)) << i32(EDGE))
            z = i32(i32(Q[CZ + k] ^ Q[MZ + k]) & i32(MASK))
            y = i32(Q[LAYER + k] + i32(Q[SIGN + k] * Q[CY + k]))
            cell = i32(i32(i32(x | z) * i32(HEIGHT)) + y)
            Q[CELL + k] = cell if Q[GOES + k] != 0 else Q[CELL + k]
        for k in range(LANES):
            Q[SQUARE + k] = i32(squares[u32(Q[FIELD + k] + Q[CELL + k])])
        active = i32(0)
        for k in range(LANES):
            side = Q[SQUARE + k]
            cx = Q[CX + k]
            cy = Q[CY + k]
            cz = Q[CZ + k]
            goes = Q[GOES + k] != 0 and side != 0
            nx = i32(cx + side)
            ny = i32(cy + i32(1))
            nz = i32(cz + side)
            tx = (f32(nx) - S[OX + k]) * S[RX + k]
            ty = (f32(ny) - S[OY + k]) * S[RY + k]
            tz = (f32(nz) - S[OZ + k]) * S[RZ + k]
            way = min(tx, min(ty, tz))
            by_x = tx <= way
            by_y = ty <= way and not by_x
            by_z = not by_x and not by_y
            # rounding must not carry the other two coordinates out of the square
            x = i32(S[OX + k] + way * S[AX + k])
            x = max(cx, min(x, i32(nx - i32(1))))
            x = nx if by_x else x
            y = i32(S[OY + k] + way * S[AY + k])
            y = max(cy, min(y, i32(ny - i32(1))))
            y = ny if by_y else y
            z = i32(S[OZ + k] + way * S[AZ + k])
            z = max(cz, min(z, i32(nz - i32(1))))
            z = nz if by_z else z
            axis = i32(0) if by_x else (i32(1) if by_y else i32(2))
            Q[CX + k] = x if goes else cx
            Q[CY + k] = y if goes else cy
            Q[CZ + k] = z if goes else cz
            S[WAY + k] = way if goes else S[WAY + k]
            Q[AXIS + k] = axis if goes else Q[AXIS + k]
            Q[HIT + k] = i32(1) if (Q[GOES + k] != 0 and side == 0) else Q[HIT + k]
            going = i32(1) if (goes and way < S[END + k]) else i32(0)
            Q[GOES + k] = going
            active |= going
        if active == 0:
            break


@pixel_kernel
def shade_blocks(S: Any, Q: Any, blocks: Any, tops: Any, atlas: Any, fog: Any) -> None:
    """Colours the rays that hit a block: texture, shadow of the sky, fog."""
    for k in range(LANES):
        way = S[WAY + k]
        # 16 texels to a block; a mirrored axis runs backwards
        px = i32((S[OX + k] + way * S[AX + k]) * f32(16.0))
        py = i32((S[OY + k] + way * S[AY + k]) * f32(16.0))
        pz = i32((S[OZ + k] + way * S[AZ + k]) * f32(16.0))
        px = i32(i32(px ^ Q[MX + k]) & i32(15))
        pz = i32(i32(pz ^ Q[MZ + k]) & i32(15))
        py = i32(i32(py ^ (i32(0) if Q[SINKS + k] != 0 else i32(15))) & i32(15))
        by_x = Q[AXIS + k] == 0
        by_y = Q[AXIS + k] == 1
        u = pz if by_x else px
        v = pz if by_y else py
        face_x = i32(Q[MX + k] & i32(1))
        face_y = i32(i32(2) + Q[SINKS + k])
        face_z = i32(i32(4) + i32(Q[MZ + k] & i32(1)))
        face = face_x if by_x else (face_y if by_y else face_z)
        Q[TEXEL + k] = i32(i32(face << i32(8)) | i32(i32(v << i32(4)) | u))
        # the cell in front of the face
        fx = i32(Q[CX + k] - (i32(1) if by_x else i32(0)))
        fy = i32(Q[CY + k] - (i32(1) if by_y else i32(0)))
        fz = i32(Q[CZ + k] - (i32(0) if (by_x or by_y) else i32(1)))
        fx = i32(i32(fx ^ Q[MX + k]) & i32(MASK))
        fz = i32(i32(fz ^ Q[MZ + k]) & i32(MASK))
        Q[COLUMN + k] = i32(i32(fx << i32(EDGE)) | fz)
        Q[LEVEL + k] = i32(Q[LAYER + k] + i32(Q[SIGN + k] * fy))
        Q[FOG + k] = i32(min(way * f32(FOG_STEPS), f32(511.0)))
    for k in range(LANES):
        block = i32(blocks[u32(Q[CELL + k])])
        Q[PACKED + k] = i32(atlas[u32(block * i32(1536) + Q[TEXEL + k])])
        Q[LOOK + k] = i32(tops[u32(Q[COLUMN + k])])
        Q[FOG + k] = fog[u32(Q[FOG + k])]
    for k in range(LANES):
        light = i32(SHADOW) if Q[LEVEL + k] < Q[LOOK + k] else i32(256)
        haze = Q[FOG + k]
        light = i32(light * i32(i32(256) - haze))
        c = Q[PACKED + k]
        r = i32(c & i32(255))
        g = i32(i32(c >> i32(8)) & i32(255))
        b = i32(i32(c >> i32(16)) & i32(255))
        Q[RED + k] = i32(i32(i32(r * light) + i32(i32(HORIZON_R) * haze)) >> i32(16))
        Q[GREEN + k] = i32(i32(i32(g * light) + i32(i32(HORIZON_G) * haze)) >> i32(16))
        Q[BLUE + k] = i32(i32(i32(b * light) + i32(i32(HORIZON_B) * haze)) >> i32(16))


@pixel_kernel
def mark_target(Q: Any, target: int, cracks: Any, stage: int) -> None:
    """Draws the outline and the cracks of the aimed block on the rays that hit it."""
    for k in range(LANES):
        if Q[CELL + k] == target and Q[HIT + k] != 0:
            texel = i32(Q[TEXEL + k] & i32(255))
            u = i32(texel & i32(15))
            v = i32(texel >> i32(4))
            dim = i32(256)
            if u == 0 or u == 15 or v == 0 or v == 15:
                dim = i32(OUTLINE)
            if stage >= 0 and cracks[i32(stage) * i32(256) + texel] != 0:
                dim = i32(i32(dim * i32(CRACK)) >> i32(8))
            Q[RED + k] = i32(i32(Q[RED + k] * dim) >> i32(8))
            Q[GREEN + k] = i32(i32(Q[GREEN + k] * dim) >> i32(8))
            Q[BLUE + k] = i32(i32(Q[BLUE + k] * dim) >> i32(8))


@pixel_kernel
def shade_sky(S: Any, Q: Any, eye: Any, drift: float, sky: Any, clouds: Any) -> None:
    """Colours the rays that hit nothing: sky and clouds."""
    ex = eye[0]
    ez = eye[2]
    up = CLOUD_HEIGHT - eye[1]
    wind = f32(drift)
    for k in range(LANES):
        dx = S[DX + k]
        dy = S[DY + k]
        dz = S[DZ + k]
        sine = dy / np.sqrt(dx * dx + dy * dy + dz * dz)
        way = min(up * S[RY + k], f32(2000.0))
        cx = i32(f32(4096.0) + (ex + dx * way + wind) * f32(0.125))
        cz = i32(f32(4096.0) + (ez + dz * way) * f32(0.125))
        Q[LOOK + k] = i32(i32(i32(cx & i32(CLOUD_CELLS - 1)) * i32(CLOUD_CELLS)) | i32(cz & i32(CLOUD_CELLS - 1)))
        Q[COLUMN + k] = i32((sine + F1) * f32(127.5))
        # clouds thin out towards the horizon
        Q[FOG + k] = i32(max(F0, min(f32(150.0), (sine - f32(0.06)) * f32(900.0))))
    for k in range(LANES):
        Q[PACKED + k] = i32(sky[u32(Q[COLUMN + k])])
        Q[LOOK + k] = i32(clouds[u32(Q[LOOK + k])])
    for k in range(LANES):
        c = Q[PACKED + k]
        white = i32(Q[FOG + k] * Q[LOOK + k])
        r = i32(c & i32(255))
        g = i32(i32(c >> i32(8)) & i32(255))
        b = i32(i32(c >> i32(16)) & i32(255))
        r = i32(r + i32(i32(i32(i32(255) - r) * white) >> i32(8)))
        g = i32(g + i32(i32(i32(i32(255) - g) * white) >> i32(8)))
        b = i32(b + i32(i32(i32(i32(255) - b) * white) >> i32(8)))
        hit = Q[HIT + k] != 0
        Q[RED + k] = Q[RED + k] if hit else r
        Q[GREEN + k] = Q[GREEN + k] if hit else g
        Q[BLUE + k] = Q[BLUE + k] if hit else b
        S[WAY + k] = S[WAY + k] if hit else FAR


@pixel_kernel
def draw_world(
    height: int,
    width: int,
    camera: Any,
    eye: Any,
    ceiling: float,
    drift: float,
    blocks: Any,
    squares: Any,
    tops: Any,
    atlas: Any,
    sky: Any,
    fog: Any,
    clouds: Any,
    cracks: Any,
    target: int,
    stage: int,
    frame: Any,
    depth: Any,
    S: Any,
    Q: Any,
) -> None:
    """Draws the blocks and the sky.

    Args:
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        camera: (3, 3) float32, see ``camera_axes``.
        eye: (3,) float32, blocks.
        ceiling: Height above which the world is empty (at least the eye's).
        drift: How far the clouds have moved, blocks.
        blocks: Flat block ids.
        squares: Flat, see ``fields``.
        tops: Flat, see ``fields``.
        atlas: See ``Art``.
        sky: See ``Art``.
        fog: See ``Art``.
        clouds: See ``Art``.
        cracks: See ``Art``.
        target: Flat index of the aimed block, or -1.
        stage: How far it is cracked, 0 to 9, or -1.
        frame: Flat (3, height, width) uint8; written.
        depth: Flat (height, width) float32, way of each ray; written.
        S: Float scratch, (FLOAT_ROWS * LANES,) float32.
        Q: Int scratch, (INT_ROWS * LANES,) int32.
    """
    plane = height * width
    for tile_row in range(0, height, TILE_HEIGHT):
        row = min(tile_row, height - TILE_HEIGHT)  # the last tiles may overlap those before
        for tile_column in range(0, width, TILE_WIDTH):
            column = min(tile_column, width - TILE_WIDTH)
            aim_rays(S, Q, camera, eye, row, column, height, width, ceiling)
            march(S, Q, squares)
            hits = i32(0)
            for k in range(LANES):
                hits += Q[HIT + k]
            if hits > 0:
                shade_blocks(S, Q, blocks, tops, atlas, fog)
                if target >= 0:
                    mark_target(Q, target, cracks, stage)
            if hits < LANES:
                shade_sky(S, Q, eye, drift, sky, clouds)
            for line in range(TILE_HEIGHT):
                at = (row + line) * width + column
                lane = line * TILE_WIDTH
                for k in range(TILE_WIDTH):
                    frame[at + k] = np.uint8(Q[RED + lane + k])
                for k in range(TILE_WIDTH):
                    frame[plane + at + k] = np.uint8(Q[GREEN + lane + k])
                for k in range(TILE_WIDTH):
                    frame[2 * plane + at + k] = np.uint8(Q[BLUE + lane + k])
                for k in range(TILE_WIDTH):
                    depth[at + k] = S[WAY + lane + k]
