"""Draws blocks and sky: one ray to a pixel, through distance fields, a tile of rays in lockstep."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.compiled import LANES, pixel_kernel
from vpt_gym.world.rays import (
    BLOCK,
    BLUE,
    CELL,
    GREEN,
    HIT,
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
from vpt_gym.world.translucent import SEE_THROUGH, look_through, place_sprites, tint_wet


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
        depth: Flat (height, width) float32, way of each ray; written.
        surface: Flat (height, width) float32: way of each ray to the surface of water; written where there is any.
        S: Float scratch, (FLOAT_ROWS * LANES,) float32.
        Q: Int scratch, (INT_ROWS * LANES,) int32.
    """
    plane = height * width
    per_pixel = 2.0 * np.sqrt(camera[2, 0] ** 2 + camera[2, 1] ** 2 + camera[2, 2] ** 2) / height
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
            through = 0
            if hits > 0:
                place_hits(S, Q, per_pixel)
                for k in range(LANES):
                    block = i32(blocks[u32(Q[CELL + k])])
                    Q[BLOCK + k] = block
                    through += SEE_THROUGH[block]
                if through > 0:
                    look_through(S, Q, squares, blocks, atlas)
                    place_hits(S, Q, per_pixel)
                    place_sprites(Q)
                    hits = i32(0)
                    for k in range(LANES):
                        hits += Q[HIT + k]
                        Q[BLOCK + k] = i32(blocks[u32(Q[CELL + k])])
                shade_blocks(S, Q, light, atlas, heavens)
                if target >= 0:
                    mark_target(S, Q, target, cracks, stage, per_pixel)
            if hits < LANES:
                shade_sky(S, Q, eye, heavens)
            if through > 0:
                tint_wet(S, Q, eye, light, atlas, time, heavens)
                for k in range(LANES):
                    Q[SPRITE + k] = i32(-1)
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
                if through > 0:
                    for k in range(TILE_WIDTH):
                        way = S[SURFACE + lane + k]
                        surface[at + k] = way if way >= f32(0.0) else FAR
