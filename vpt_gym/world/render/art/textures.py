"""``art``: collects all textures in the tables that the renderer reads: block faces, cracks, sky, icons and skins."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import BLOCKS, PLANT
from vpt_gym.world.render import sky
from vpt_gym.world.render.art.block_art import SIZE, Faces, block_faces
from vpt_gym.world.render.art.creature_models import skins
from vpt_gym.world.render.art.item_art import item_icons

Array = np.ndarray[Any, Any]

FACE_SHADE = (0.64, 0.64, 0.5, 1.0, 0.82, 0.82)
"""Brightness of the faces -x, +x, -y (bottom), +y (top), -z, +z: they differ so that edges are visible in any light."""
CRACK_STAGES = 10
DETAILS = 4
"""Levels of detail of the atlas: single texels, means of 2 x 2, means of 4 x 4, and the mean of the face."""
ATLAS_LEVEL = len(BLOCKS) * 6 * SIZE * SIZE
"""Entries of one level of the atlas."""


@dataclass(frozen=True)
class Art:
    """The textures in the form that the renderer reads.

    Attributes:
        atlas: (DETAILS * blocks * 6 * 256,) uint32, 0xAABBGGRR, indexed [level of detail, block, face, v * 16 + u],
            with ``FACE_SHADE`` applied; alpha is 0 in the holes of plants.
        cracks: (CRACK_STAGES * 256,) uint8, 1 where a texel is cracked.
        clouds: See ``sky.clouds``.
        stars: See ``sky.stars``.
        icons: (items, 16, 16, 4) uint8, RGB and a mask, by item id.
        skins: Flat uint32 colours as in the atlas: 6 faces of each block, 1 sprite of each item, 6 faces of each
            creature skin.
    """

    atlas: Array
    cracks: Array
    clouds: Array
    stars: Array
    icons: Array
    skins: Array


def _coarse(texture: Array, side: int) -> Array:
    """Returns a texture in which each square of ``side`` x ``side`` texels has its mean colour."""
    parts = texture.reshape(SIZE // side, side, SIZE // side, side, 4).mean((1, 3))
    return np.kron(parts, np.ones((side, side, 1)))


def _atlas(faces: dict[int, Faces]) -> Array:
    atlas = np.zeros((DETAILS, len(BLOCKS), 6, SIZE * SIZE), np.uint32)
    for block, (side_x, side_z, bottom, top) in faces.items():
        for face, texture in enumerate((side_x, side_x, bottom, top, side_z, side_z)):
            shade = 1.0 if PLANT[block] else FACE_SHADE[face]
            for level, side in enumerate((1, 2, 4, 16)):
                coarse = texture if PLANT[block] else _coarse(texture, side)
                alpha = coarse[..., 3].astype(np.uint32) << 24
                atlas[level, block, face] = (sky.packed(coarse[..., :3] * shade) | alpha).reshape(-1)
    return atlas.reshape(-1)


def _cracks(rng: np.random.Generator) -> Array:
    """Returns the crack stages: seven cracks that grow from the middle of the face by a tenth at each stage."""
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


def _sprites(icons: Array) -> Array:
    alpha = np.where(icons[..., 3] > 0, 255, 0).astype(np.uint32) << 24
    return np.asarray((sky.packed(icons[..., :3]) | alpha).reshape(-1))


def _skins() -> Array:
    shade = np.array(FACE_SHADE)[None, :, None, None, None]
    return np.asarray(sky.packed(skins() * shade) | np.uint32(255 << 24)).reshape(-1)


@functools.cache
def art() -> Art:
    """Returns the textures. They are drawn on the first call (about 50 ms), shared and read-only."""
    faces = block_faces()
    atlas = _atlas(faces)
    icons = item_icons(faces)
    parts = Art(
        atlas=atlas,
        cracks=_cracks(np.random.default_rng(99)),
        clouds=sky.clouds(),
        stars=sky.stars(),
        icons=icons,
        skins=np.concatenate((atlas[:ATLAS_LEVEL], _sprites(icons), _skins())),
    )
    for array in vars(parts).values():
        array.flags.writeable = False
    return parts
