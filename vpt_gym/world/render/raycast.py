"""Draws blocks and sky by ray casting: one ray per pixel through distance fields, a tile of rays in lockstep.

``rays`` marches a tile, ``translucent`` follows it through plants and water, and ``shading`` colours it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import WATER
from vpt_gym.world.kernels.compiled import LANES, pixel_kernel
from vpt_gym.world.render.rays import (
    BLOCK,
    FIELD,
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
    lanes_of,
    march,
    u32,
)
from vpt_gym.world.render.shading import FAR, find_texels, mark_target, shade_blocks, shade_sky
from vpt_gym.world.render.translucent import FIRST_PLANT, apply_sprites, tint_by_water, trace_translucent


@pixel_kernel
def write_tile(
    Q: Any, colours: Any, words: Any, row: int, column: int, height: int, width: int, frame: Any, pixels: Any
) -> None:
    """Copies the colours of a tile into the frame, four bytes at a time where the rows of the frame are aligned.

    Args:
        Q: Int scratch.
        colours: (3 * LANES,) uint8 scratch.
        words: The same memory as uint32.
        row: Row of the tile's upper left pixel.
        column: Column of that pixel.
        height: Height of the frame, pixels.
        width: Width of the frame, pixels.
        frame: Flat (3, height, width) uint8; written.
        pixels: The same memory as uint32 if ``width`` is a multiple of four, otherwise not used.
    """
    plane = u32(height * width)
    for k in range(3 * LANES):  # RED, GREEN and BLUE are consecutive
        colours[k] = np.uint8(Q[RED + k])
    if width % 4 != 0:
        for k in range(LANES):
            at = u32((row + k // TILE_WIDTH) * width + column + k % TILE_WIDTH)
            frame[at] = colours[k]
            frame[u32(plane + at)] = colours[LANES + k]
            frame[u32(u32(plane + plane) + at)] = colours[2 * LANES + k]
        return
    plane = u32(plane >> u32(2))
    for word in range(LANES // 4):
        line = 4 * word // TILE_WIDTH
        at = u32(((row + line) * width + column + 4 * word % TILE_WIDTH) >> 2)
        pixels[at] = words[word]
        pixels[u32(plane + at)] = words[LANES // 4 + word]
        pixels[u32(u32(plane + plane) + at)] = words[LANES // 2 + word]


@pixel_kernel
def draw_world(
    height: int,
    width: int,
    rows: Any,
    columns: Any,
    camera: Any,
    eye: Any,
    ceiling: float,
    blocks: Any,
    leaps: Any,
    light: Any,
    atlas: Any,
    sky_state: Any,
    cracks: Any,
    target: int,
    stage: int,
    time: int,
    frame: Any,
    depth: Any,
    surface: Any,
    S: Any,
    Q: Any,
    colours: Any,
) -> None:
    """Draws the blocks and the sky.

    Args:
        height: Height of the complete picture, pixels.
        width: Width of the complete picture, pixels.
        rows: (h,) int32, the rows of the picture that are drawn, at least ``TILE_HEIGHT``.
        columns: (w,) int32, its columns that are drawn, at least ``TILE_WIDTH``.
        camera: (3, 3) float32, see ``camera_axes``.
        eye: (3,) float32, blocks.
        ceiling: Height above which the world is empty (at least the eye's).
        blocks: Flat block ids.
        leaps: Flat distance fields, see ``fields``.
        light: Flat light bytes, see ``light``.
        atlas: See ``Art``.
        sky_state: The sky and the light, a ``SkyState``.
        cracks: See ``Art``.
        target: Flat index of the block in the crosshair, or -1.
        stage: Stage of its cracks, 0 to 9, or -1.
        time: Ticks; they animate the water's surface.
        frame: Flat (3, h, w) uint8; written.
        depth: (depth_size(h, w),) float32, distance of each ray's hit, tile by tile; written.
        surface: Distance of each ray to the surface of water, in the same order; written where there is any.
        S: Float scratch, (FLOAT_ROWS * LANES,) float32.
        Q: Int scratch, (INT_ROWS * LANES,) int32.
        colours: Byte scratch, (3 * LANES,) uint8.
    """
    # unpacked once: each access counts references, for which threads that draw would wait for each other
    sky, lightmap, clouds, stars, haze, numbers = sky_state
    words = colours.view(np.uint32)
    down = rows.shape[0]
    across = columns.shape[0]
    pixels = (frame if across % 4 == 0 else colours).view(np.uint32)
    per_pixel = 2.0 * np.sqrt(camera[2, 0] ** 2 + camera[2, 1] ** 2 + camera[2, 2] ** 2) / height
    place = 0
    lanes = lanes_of(Q)
    for k in range(LANES):
        Q[SPRITE + k] = i32(-1)
    for tile_row in range(0, down, TILE_HEIGHT):
        row = min(tile_row, down - TILE_HEIGHT)  # the last tiles may overlap those before
        for tile_column in range(0, across, TILE_WIDTH):
            column = min(tile_column, across - TILE_WIDTH)
            aim_rays(S, Q, camera, eye, row, column, height, width, rows, columns, ceiling)
            march(S, Q, leaps, blocks, 0)
            hits = i32(0)
            for k in range(lanes):
                hits = i32(hits + Q[HIT + k])
            through = i32(0)
            wet = False
            if hits > 0:
                for k in range(LANES):
                    Q[BLOCK + k] = i32(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
                for k in range(lanes):
                    block = Q[BLOCK + k]
                    found = (block == i32(WATER)) | (block >= i32(FIRST_PLANT))
                    through = i32(through + (i32(1) if found else i32(0)))
                if through > 0:
                    wet = trace_translucent(S, Q, leaps, blocks, atlas, ceiling)
                    hits = i32(0)
                    for k in range(lanes):
                        hits = i32(hits + Q[HIT + k])
                find_texels(S, Q, per_pixel)
                if through > 0:
                    apply_sprites(Q)
                shade_blocks(S, Q, light, atlas, lightmap, haze, numbers)
                if target >= 0:
                    mark_target(S, Q, target, cracks, stage, per_pixel)
            if hits < LANES:
                shade_sky(S, Q, eye, sky, clouds, stars, numbers)
            if through > 0:
                for k in range(LANES):
                    Q[SPRITE + k] = i32(-1)
            if wet:
                tint_by_water(S, Q, light, atlas, time, lightmap, numbers)
            for k in range(LANES):
                depth[place + k] = S[WAY + k]
            if wet:
                for k in range(LANES):
                    level = S[SURFACE + k]
                    surface[place + k] = level if level >= f32(0.0) else FAR
            place += LANES
            write_tile(Q, colours, words, row, column, down, across, frame, pixels)
