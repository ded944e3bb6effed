"""Draws rotated boxes, and sprites with a thickness, into a frame with a depth test.

Creatures, dropped items and the hand are made of them. One ray is cast for each pixel within the bounds of a box.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.kernels.compiled import pixel_kernel
from vpt_gym.world.render.raster import first_not_below
from vpt_gym.world.render.rays import place_in_tiles

MIDDLE, AXES, HALF, SKIN, SHINE, HURT, SPRITE = 0, 3, 12, 15, 16, 19, 20
"""Columns of a box: its middle relative to the eye (3), its x, y, z axes as unit vectors (9), half its sides (3), the
first texel of its skin, the light on it (3, 0 to 255), its red tint (0 to 1), and whether it is a sprite."""
BOX_COLUMNS = 21
NEAREST = 0.05
"""Boxes nearer to the eye than this are not drawn, blocks."""
WATER_SHARE = 0.55
"""Share of the water's colour in what is seen under water."""


@pixel_kernel
def texel_of(at: float, half: float) -> int:
    """Returns the texel, 0 to 15, at a coordinate between -half and half."""
    return min(15, max(0, int((at / half + 1.0) * 8.0)))


@pixel_kernel
def cross_sprite(skins: Any, skin: int, px: float, py: float, dx: float, dy: float, dz: float, thick: float) -> int:
    """Traces a ray through the 16 x 16 cells of a sprite's slab; returns the texel that it meets, or -1.

    Args:
        skins: Texels.
        skin: Index of the sprite's first texel.
        px: Where the ray enters, cells across.
        py: Where the ray enters, cells upwards.
        dx: Direction across, cells.
        dy: Direction upwards, cells.
        dz: Direction through the slab, in units of its thickness.
        thick: Remaining thickness of the slab ahead of the ray, 0 to 1.
    """
    u = min(15, max(0, int(px)))
    v = min(15, max(0, int(py)))
    left = thick / max(abs(dz), 1e-9)
    per_u = 1.0 / max(abs(dx), 1e-9)
    per_v = 1.0 / max(abs(dy), 1e-9)
    next_u = ((u + 1 - px) if dx > 0.0 else (px - u)) * per_u
    next_v = ((v + 1 - py) if dy > 0.0 else (py - v)) * per_v
    for _ in range(32):
        texel = skin + (15 - v) * 16 + u
        if skins[texel] >> np.uint32(24) != 0:
            return texel
        if min(next_u, next_v) > left:
            return -1
        if next_u < next_v:
            u += 1 if dx > 0.0 else -1
            next_u += per_u
        else:
            v += 1 if dy > 0.0 else -1
            next_v += per_v
        if u < 0 or u > 15 or v < 0 or v > 15:
            return -1
    return -1


@pixel_kernel
def out_of_view(x: float, y: float, z: float, radius: float, camera: Any) -> bool:
    """Returns whether a sphere, given relative to the eye, is entirely outside the frame or behind the eye."""
    away = x * camera[0, 0] + y * camera[0, 1] + z * camera[0, 2]
    if away < -radius:
        return True
    for axis in range(1, 3):
        span2 = camera[axis, 0] ** 2 + camera[axis, 1] ** 2 + camera[axis, 2] ** 2
        aside = abs(x * camera[axis, 0] + y * camera[axis, 1] + z * camera[axis, 2])
        # how far the middle is beyond the plane through the eye and an edge of the frame
        if aside - away * span2 > radius * np.sqrt(span2 * (1.0 + span2)):
            return True
    return False


@pixel_kernel
def draw_box(
    box: Any,
    height: int,
    width: int,
    rows: Any,
    columns: Any,
    camera: Any,
    skins: Any,
    sky_state: Any,
    frame: Any,
    depth: Any,
    surface: Any,
) -> None:
    """Draws one box.

    Args:
        box: (BOX_COLUMNS,) float64.
        height: Height of the complete picture, pixels.
        width: Width of the complete picture, pixels.
        rows: (h,) int32, the rows of the picture that are drawn.
        columns: (w,) int32, its columns that are drawn.
        camera: (3, 3), see ``camera_axes``.
        skins: Flat uint32 texels, 0xAABBGGRR: 6 faces of 256 for a box, 256 for a sprite.
        sky_state: A ``SkyState``, for the fog and the colour of water.
        frame: Flat (3, h, w) uint8; written.
        depth: Float32 depths, tile by tile, see ``rays.place_in_tiles``; read and written.
        surface: Float32 distances to the water's surface, in the same order; read.
    """
    x, y, z = box[0], box[1], box[2]
    away = x * camera[0, 0] + y * camera[0, 1] + z * camera[0, 2]
    radius = np.sqrt(box[HALF] ** 2 + box[HALF + 1] ** 2 + box[HALF + 2] ** 2)
    if out_of_view(x, y, z, radius, camera):
        return
    first_row, last_row, first_column, last_column = 0, height - 1, 0, width - 1
    if away > radius + NEAREST:
        right2 = camera[1, 0] ** 2 + camera[1, 1] ** 2 + camera[1, 2] ** 2
        up2 = camera[2, 0] ** 2 + camera[2, 1] ** 2 + camera[2, 2] ** 2
        # bounds of its corners in the frame
        low_u, high_u, low_v, high_v = 9.0, -9.0, 9.0, -9.0
        for corner in range(8):
            cx, cy, cz = x, y, z
            for axis in range(3):
                side = box[HALF + axis] if (corner >> axis) & 1 else -box[HALF + axis]
                cx += side * box[AXES + 3 * axis]
                cy += side * box[AXES + 3 * axis + 1]
                cz += side * box[AXES + 3 * axis + 2]
            per = 1.0 / max(NEAREST, cx * camera[0, 0] + cy * camera[0, 1] + cz * camera[0, 2])
            u = (cx * camera[1, 0] + cy * camera[1, 1] + cz * camera[1, 2]) * per / right2
            v = (cx * camera[2, 0] + cy * camera[2, 1] + cz * camera[2, 2]) * per / up2
            low_u, high_u = min(low_u, u), max(high_u, u)
            low_v, high_v = min(low_v, v), max(high_v, v)
        first_column = int(max(0.0, (low_u + 1.0) * 0.5 * width))
        last_column = int(min(width - 1.0, (high_u + 1.0) * 0.5 * width))
        first_row = int(max(0.0, (1.0 - high_v) * 0.5 * height))
        last_row = int(min(height - 1.0, (1.0 - low_v) * 0.5 * height))
    # the eye and the camera in the axes of the box
    ox = -(x * box[3] + y * box[4] + z * box[5])
    oy = -(x * box[6] + y * box[7] + z * box[8])
    oz = -(x * box[9] + y * box[10] + z * box[11])
    c = np.zeros(9)
    for row in range(3):
        for axis in range(3):
            c[3 * row + axis] = (
                camera[row, 0] * box[3 + 3 * axis]
                + camera[row, 1] * box[4 + 3 * axis]
                + camera[row, 2] * box[5 + 3 * axis]
            )
    hx, hy, hz = box[HALF], box[HALF + 1], box[HALF + 2]
    skin = int(box[SKIN])
    is_sprite = box[SPRITE] != 0.0
    red = box[HURT]
    start, per_fog = sky_state.numbers[6], sky_state.numbers[7]
    down, across = rows.shape[0], columns.shape[0]
    plane = down * across
    left, right = first_not_below(columns, first_column), first_not_below(columns, last_column + 1)
    for row in range(first_not_below(rows, first_row), first_not_below(rows, last_row + 1)):
        v = 1.0 - (2 * rows[row] + 1) / height
        for column in range(left, right):
            u = (2 * columns[column] + 1) / width - 1.0
            dx = c[0] + u * c[3] + v * c[6]
            dy = c[1] + u * c[4] + v * c[7]
            dz = c[2] + u * c[5] + v * c[8]
            rx = 1.0 / dx if abs(dx) > 1e-9 else 1e9
            ry = 1.0 / dy if abs(dy) > 1e-9 else 1e9
            rz = 1.0 / dz if abs(dz) > 1e-9 else 1e9
            enter_x = -ox * rx - hx * abs(rx)
            enter_y = -oy * ry - hy * abs(ry)
            enter_z = -oz * rz - hz * abs(rz)
            leave = min(-ox * rx + hx * abs(rx), min(-oy * ry + hy * abs(ry), -oz * rz + hz * abs(rz)))
            way = max(enter_x, max(enter_y, enter_z))
            pixel = row * across + column
            place = place_in_tiles(row, column, down, across)
            if way > leave or way <= NEAREST or way >= depth[place]:
                continue
            tx, ty, tz = ox + way * dx, oy + way * dy, oz + way * dz
            if is_sprite:
                ahead = 1.0 if way == enter_z else (0.5 - 0.5 * tz / hz if dz > 0.0 else 0.5 + 0.5 * tz / hz)
                texel = cross_sprite(
                    skins,
                    skin,
                    (tx / hx + 1.0) * 8.0,
                    (ty / hy + 1.0) * 8.0,
                    dx / hx * 8.0,
                    dy / hy * 8.0,
                    dz / hz * 0.5,
                    ahead,
                )
                if texel < 0:
                    continue
            elif way == enter_x:
                texel = skin + (256 if dx < 0.0 else 0) + (15 - texel_of(ty, hy)) * 16 + texel_of(tz, hz)
            elif way == enter_y:
                texel = skin + (768 if dy < 0.0 else 512) + texel_of(tz, hz) * 16 + texel_of(tx, hx)
            else:
                texel = skin + (1280 if dz < 0.0 else 1024) + (15 - texel_of(ty, hy)) * 16 + texel_of(tx, hx)
            packed = int(skins[texel])
            haze = max(0.0, min(1.0, (way - start) * per_fog))
            wet = WATER_SHARE if way > surface[place] else 0.0
            for channel in range(3):
                bright = ((packed >> (8 * channel)) & 255) * box[SHINE + channel] / 255.0
                if red > 0.0:
                    bright = bright * (1.0 - 0.55 * red) + (140.0 * red if channel == 0 else 0.0)
                if wet > 0.0:
                    bright = bright * (1.0 - wet) + (20.0, 52.0, 130.0)[channel] * box[SHINE + channel] / 255.0 * wet
                bright = bright * (1.0 - haze) + sky_state.haze[channel] * haze
                frame[channel * plane + pixel] = np.uint8(min(255.0, max(0.0, bright)))
            depth[place] = way
