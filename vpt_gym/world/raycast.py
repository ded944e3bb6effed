"""Draws blocks and sky: one ray to a pixel, through distance fields, a tile of rays in lockstep."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import WATER
from vpt_gym.world.compiled import LANES, pixel_kernel
from vpt_gym.world.rays import (
    BLOCK,
    BLUE,
    FIELD,
    GREEN,
    HIT,
    INDEX,
    RED,
    SPRITE,
    SURFACE,
    TILE_HEIGHT,
    TILE_WIDTH,
    WAY,
    aim_rays,
    f32,
    i32,
    march,
    u32,
)
from vpt_gym.world.shading import FAR, mark_target, place_hits, shade_blocks, shade_sky
from vpt_gym.world.translucent import FIRST_PLANT, look_through, place_sprites, tint_wet


@pixel_kernel
def write_tile(Q: Any, row: int, column: int, height: int, width: int, frame: Any) -> None:
    """Copies the colours of a tile into the frame; four bytes at a time where the rows are whole words."""
    plane = height * width
    if width % 4 != 0:
        for k in range(LANES):
            at = (row + k // TILE_WIDTH) * width + column + k % TILE_WIDTH
            frame[at] = np.uint8(Q[RED + k])
            frame[plane + at] = np.uint8(Q[GREEN + k])
            frame[2 * plane + at] = np.uint8(Q[BLUE + k])
        return
    words = frame.view(np.uint32)
    for k in range(0, LANES, 4):
        at = ((row + k // TILE_WIDTH) * width + column) >> 2
        words[at] = pack(Q, RED + k)
        words[at + (plane >> 2)] = pack(Q, GREEN + k)
        words[at + (plane >> 1)] = pack(Q, BLUE + k)


@pixel_kernel
def pack(Q: Any, at: int) -> Any:
    """Returns four colours, 0 to 255, as one word, the first one in the low byte."""
    low = u32(u32(Q[at]) | u32(u32(Q[at + 1]) << u32(8)))
    return u32(low | u32(u32(u32(Q[at + 2]) << u32(16)) | u32(u32(Q[at + 3]) << u32(24))))


@pixel_kernel
def draw_world(
    height: int,
    width: int,
    camera: Any,
    eye: Any,
    ceiling: float,
    blocks: Any,
    squares: Any,
    light: Any,
    atlas: Any,
    heavens: Any,
    cracks: Any,
    target: int,
    stage: int,
    time: int,
    frame: Any,
    depth: Any,
    surface: Any,
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
        blocks: Flat block ids.
        squares: Flat, see ``fields``.
        light: Flat, see ``light``.
        atlas: See ``Art``.
        heavens: The sky, ``Heavens``.
        cracks: See ``Art``.
        target: Flat index of the aimed block, or -1.
        stage: How far it is cracked, 0 to 9, or -1.
        time: Ticks, which move the water's surface.
        frame: Flat (3, height, width) uint8; written.
        depth: (depth_size(height, width),) float32, way of each ray, tile by tile; written.
        surface: Likewise, way of each ray to the surface of water; written where there is any.
        S: Float scratch, (FLOAT_ROWS * LANES,) float32.
        Q: Int scratch, (INT_ROWS * LANES,) int32.
    """
    per_pixel = 2.0 * np.sqrt(camera[2, 0] ** 2 + camera[2, 1] ** 2 + camera[2, 2] ** 2) / height
    place = 0
    for k in range(LANES):
        Q[SPRITE + k] = i32(-1)
    for tile_row in range(0, height, TILE_HEIGHT):
        row = min(tile_row, height - TILE_HEIGHT)  # the last tiles may overlap those before
        for tile_column in range(0, width, TILE_WIDTH):
            column = min(tile_column, width - TILE_WIDTH)
            aim_rays(S, Q, camera, eye, row, column, height, width, ceiling)
            march(S, Q, squares, blocks, 0)
            hits = i32(0)
            for k in range(LANES):
                hits += Q[HIT + k]
            through = i32(0)
            if hits > 0:
                for k in range(LANES):
                    block = i32(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
                    Q[BLOCK + k] = block
                for k in range(LANES):
                    through += i32(1) if (Q[BLOCK + k] == i32(WATER)) | (Q[BLOCK + k] >= i32(FIRST_PLANT)) else i32(0)
                if through > 0:
                    look_through(S, Q, squares, blocks, atlas, ceiling)
                    hits = i32(0)
                    for k in range(LANES):
                        hits += Q[HIT + k]
                        Q[BLOCK + k] = i32(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
                place_hits(S, Q, per_pixel)
                if through > 0:
                    place_sprites(Q)
                shade_blocks(S, Q, light, atlas, heavens)
                if target >= 0:
                    mark_target(S, Q, target, cracks, stage, per_pixel)
            if hits < LANES:
                shade_sky(S, Q, eye, heavens)
            if through > 0:
                tint_wet(S, Q, eye, light, atlas, time, heavens)
                for k in range(LANES):
                    Q[SPRITE + k] = i32(-1)
            for k in range(LANES):
                depth[place + k] = S[WAY + k]
            if through > 0:
                for k in range(LANES):
                    surface[place + k] = S[SURFACE + k] if S[SURFACE + k] >= f32(0.0) else FAR
            place += LANES
            write_tile(Q, row, column, height, width, frame)
