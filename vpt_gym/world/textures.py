"""Draws the world's art from formulas: 16 × 16 block faces, cracks, sky, fog, clouds, icons and digits.

All of it is made here, from seeded noise; nothing is copied from any game.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.blocks import (
    BEDROCK,
    BIRCH_LEAVES,
    BIRCH_LOG,
    BLOCKS,
    COAL_ORE,
    DIRT,
    GRASS,
    OAK_LEAVES,
    OAK_LOG,
    SAND,
    STONE,
)

Array = np.ndarray[Any, Any]

SIZE = 16
"""Texels along the edge of a block face."""
FACE_SHADE = (0.62, 0.62, 0.5, 1.0, 0.8, 0.8)
"""Brightness of the faces -x, +x, -y (bottom), +y (top), -z, +z: edges stay visible without any light."""
HORIZON = (192, 216, 255)
"""Colour of the sky at the horizon, into which the fog fades."""
FOG_START, FOG_END = 36.0, 62.0
"""Blocks; the end stays below half the torus, so that nothing is seen twice."""
CRACK_STAGES = 10
CLOUD_CELLS = 64
FOG_STEPS = 4
"""Entries of the fog table to a block."""


@dataclass(frozen=True)
class Art:
    """Everything the renderer looks up.

    Attributes:
        atlas: (blocks * 6 * 256,) uint32, 0x00BBGGRR, [block, face, v * 16 + u], face shade included.
        cracks: (CRACK_STAGES * 256,) uint8, 1 where a texel is cracked.
        sky: (256,) uint32, colour by the height of the view above the horizon, -1 to 1.
        fog: (512,) int32, share of fog of 256, by distance in quarter blocks.
        clouds: (CLOUD_CELLS ** 2,) uint8, 1 where there is cloud.
        icons: (blocks, 16, 16, 4) uint8, RGB and a mask, for the hotbar.
        digits: (10, 5, 3) uint8, a tiny font.
    """

    atlas: Array
    cracks: Array
    sky: Array
    fog: Array
    clouds: Array
    icons: Array
    digits: Array


def _grain(rng: np.random.Generator, coarse: float) -> Array:
    """Returns (16, 16) noise in [0, 1): single texels mixed with 2 × 2 patches."""
    fine = rng.random((SIZE, SIZE))
    patches = np.kron(rng.random((SIZE // 2, SIZE // 2)), np.ones((2, 2)))
    return np.asarray((1.0 - coarse) * fine + coarse * patches)


def _mottled(rng: np.random.Generator, colour: tuple[int, int, int], contrast: float, coarse: float = 0.4) -> Array:
    """Returns (16, 16, 3) of one colour, varied in brightness by +-``contrast``."""
    return np.asarray(np.array(colour) * (1.0 + contrast * (2.0 * _grain(rng, coarse) - 1.0))[..., None])


def _bark(rng: np.random.Generator) -> Array:
    """Vertical ridges with short dark furrows."""
    ridges = 0.70 + 0.42 * rng.random(SIZE)
    texture = np.array((110, 86, 52)) * (ridges[None, :] + 0.2 * (rng.random((SIZE, SIZE)) - 0.5))[..., None]
    for u in range(0, SIZE, 2):
        start, length = int(rng.integers(0, SIZE)), int(rng.integers(3, 7))
        texture[np.arange(start, start + length) % SIZE, u] *= 0.62
    return texture


def _birch_bark(rng: np.random.Generator) -> Array:
    """Pale, with dark dashes across."""
    texture = _mottled(rng, (216, 215, 206), 0.06, 0.3)
    for _ in range(10):
        v, u, length = int(rng.integers(0, SIZE)), int(rng.integers(0, SIZE)), int(rng.integers(2, 6))
        texture[v, np.arange(u, u + length) % SIZE] = (54, 52, 48)
    return texture


def _rings(rng: np.random.Generator, rim: tuple[int, int, int]) -> Array:
    """A sawn trunk: year rings inside a rim of bark."""
    away = np.abs(np.arange(SIZE) - 7.5)
    radius = np.maximum(away[:, None], away[None, :])
    wood = np.array((182, 148, 92)) * (0.80 + 0.20 * (radius.astype(int) % 2))[..., None]
    bark = np.broadcast_to(np.array(rim), wood.shape)
    return np.asarray(np.where((radius > 7)[..., None], bark, wood) * (0.92 + 0.16 * rng.random((SIZE, SIZE, 1))))


def _foliage(rng: np.random.Generator, colour: tuple[int, int, int]) -> Array:
    """Bright flecks over dark gaps."""
    grain = _grain(rng, 0.4)[..., None]
    return np.asarray(np.where(grain < 0.3, np.array(colour) * 0.34, np.array(colour) * (0.62 + 0.75 * grain)))


def _turf_side(rng: np.random.Generator, turf: Array, dirt: Array) -> Array:
    """Dirt with a fringe of grass hanging over it."""
    texture = dirt.copy()
    for u in range(SIZE):
        fringe = 2 + int(rng.integers(0, 3))
        texture[:fringe, u] = turf[:fringe, u]
    return texture


def _ore(rng: np.random.Generator, stone: Array) -> Array:
    texture = stone.copy()
    for v, u in rng.integers(1, SIZE - 3, (7, 2)):
        texture[v : v + 2, u : u + 2] = (44, 44, 46)
    return texture


def _block_faces(seed: int = 7) -> dict[int, tuple[Array, Array, Array]]:
    """Returns (side, bottom, top) textures, (16, 16, 3) float64 each, by block id."""
    rng = np.random.default_rng(seed)

    def cube(texture: Array) -> tuple[Array, Array, Array]:
        return texture, texture, texture

    dirt = _mottled(rng, (134, 96, 67), 0.22)
    turf = _mottled(rng, (106, 162, 64), 0.20)
    stone = _mottled(rng, (126, 126, 126), 0.12, 0.6)
    oak_rings, birch_rings = _rings(rng, (100, 78, 48)), _rings(rng, (206, 204, 196))
    return {
        GRASS: (_turf_side(rng, turf, dirt), dirt, turf),
        DIRT: cube(dirt),
        STONE: cube(stone),
        SAND: cube(_mottled(rng, (220, 208, 164), 0.07, 0.3)),
        BEDROCK: cube(_mottled(rng, (90, 90, 90), 0.5, 0.5)),
        COAL_ORE: cube(_ore(rng, stone)),
        OAK_LOG: (_bark(rng), oak_rings, oak_rings),
        BIRCH_LOG: (_birch_bark(rng), birch_rings, birch_rings),
        OAK_LEAVES: cube(_foliage(rng, (62, 122, 34))),
        BIRCH_LEAVES: cube(_foliage(rng, (98, 142, 62))),
    }


def _packed(colours: Array) -> Array:
    """Packs (..., 3) colours, 0 to 255, into uint32 0x00BBGGRR."""
    c = np.clip(colours, 0, 255).astype(np.uint32)
    return np.asarray(c[..., 0] | (c[..., 1] << 8) | (c[..., 2] << 16))


def _atlas(faces: dict[int, tuple[Array, Array, Array]]) -> Array:
    atlas = np.zeros((len(BLOCKS), 6, SIZE * SIZE), np.uint32)
    for block, (side, bottom, top) in faces.items():
        for face, shade in enumerate(FACE_SHADE):
            texture = bottom if face == 2 else top if face == 3 else side
            atlas[block, face] = _packed(texture * shade).reshape(-1)
    return atlas.reshape(-1)


def _cracks(rng: np.random.Generator) -> Array:
    """Seven cracks grow from the middle of the face, a tenth of their length at each stage."""
    texels: list[tuple[int, int, int]] = []
    for k in range(7):
        angle = 2.0 * np.pi * k / 7.0 + 0.2 * rng.normal()
        u = v = 7.5
        for step in range(11):
            angle += 0.45 * rng.normal()
            u, v = u + np.cos(angle), v + np.sin(angle)
            if 0 <= u < SIZE and 0 <= v < SIZE:
                texels.append((step, int(v), int(u)))
    texels.sort()
    stages = np.zeros((CRACK_STAGES, SIZE, SIZE), np.uint8)
    for stage in range(CRACK_STAGES):
        for _, v, u in texels[: len(texels) * (stage + 1) // CRACK_STAGES]:
            stages[stage, v, u] = 1
    return stages.reshape(-1)


def _sky() -> Array:
    up = np.linspace(-1.0, 1.0, 256)[:, None]
    horizon, zenith, below = (np.array(c, np.float64) for c in (HORIZON, (120, 167, 255), (150, 170, 200)))
    above = horizon + (zenith - horizon) * np.clip(1.8 * up, 0.0, 1.0)
    under = horizon + (below - horizon) * np.clip(-2.0 * up, 0.0, 1.0)
    return _packed(np.where(up >= 0.0, above, under))


def _clouds(rng: np.random.Generator) -> Array:
    blobs = np.kron(rng.random((16, 16)), np.ones((4, 4)))
    edges = np.kron(rng.random((32, 32)), np.ones((2, 2)))
    return (0.7 * blobs + 0.3 * edges > 0.66).astype(np.uint8).reshape(-1)


def _icon(faces: tuple[Array, Array, Array]) -> Array:
    """A little cube seen from a corner: (16, 16, 4), RGB and a mask."""
    side, _, top = faces
    icon = np.zeros((SIZE, SIZE, 4), np.uint8)
    for x in range(SIZE):
        slope = 0.5 * abs(x - 7.5)
        top_edge, front_edge = 4.0 - slope, 8.0 - slope
        for y in range(SIZE):
            down = y + 0.5 - front_edge
            if y + 0.5 < top_edge or down > 7.5:
                continue
            if down < 0.0:
                colour = top[int(2.0 * (y - top_edge)) % SIZE, x]
            else:
                shade = 0.8 if x < SIZE // 2 else 0.6
                colour = shade * side[min(SIZE - 1, int(2.0 * down)), 2 * x % SIZE]
            icon[y, x, :3] = np.clip(colour, 0, 255)
            icon[y, x, 3] = 1
    return icon


_DIGIT_ROWS = (
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001010010010",
    "111101111101111",
    "111101111001111",
)


@functools.cache
def art() -> Art:
    """Returns the art, drawn on the first call (some 20 ms) and shared; its arrays are read-only."""
    faces = _block_faces()
    rng = np.random.default_rng(99)
    distance = np.arange(512) / FOG_STEPS
    icons = np.zeros((len(BLOCKS), SIZE, SIZE, 4), np.uint8)
    for block, textures in faces.items():
        icons[block] = _icon(textures)
    parts = Art(
        atlas=_atlas(faces),
        cracks=_cracks(rng),
        sky=_sky(),
        fog=np.clip((distance - FOG_START) / (FOG_END - FOG_START) * 256.0, 0, 256).astype(np.int32),
        clouds=_clouds(rng),
        icons=icons,
        digits=np.array([[int(c) for c in rows] for rows in _DIGIT_ROWS], np.uint8).reshape(10, 5, 3),
    )
    for array in vars(parts).values():
        array.flags.writeable = False
    return parts
