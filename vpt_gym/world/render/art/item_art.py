"""Draws the item icons, 16 x 16 texels: small cubes for blocks, patterns of ``item_patterns`` for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog import items as it
from vpt_gym.world.catalog.blocks import PLANT
from vpt_gym.world.render.art import item_patterns as shapes
from vpt_gym.world.render.art.block_art import SIZE, Colour, Faces, picture

Array = np.ndarray[Any, Any]

_WOOD = {"s": (142, 106, 60), "h": (112, 82, 44), "t": (78, 56, 30)}


def _toned(colour: Colour, light: float = 1.25, dark: float = 0.68, **more: Colour) -> dict[str, Colour]:
    def tone(factor: float) -> Colour:
        r, g, b = (min(255, round(c * factor)) for c in colour)
        return r, g, b

    return {**_WOOD, "M": colour, "L": tone(light), "D": tone(dark), "W": tone(light), **more}


_STEEL = (186, 186, 190)
_TIERS: tuple[Colour, ...] = ((150, 114, 66), (138, 138, 138), (216, 216, 220))
_SHAPES: dict[int, tuple[tuple[str, ...], dict[str, Colour]]] = {
    it.STICK: (shapes.STICK, _WOOD),
    it.COAL: (shapes.LUMP, _toned((48, 48, 52), 1.7, 0.5)),
    it.IRON_INGOT: (shapes.INGOT, _toned((206, 206, 206), 1.2, 0.62)),
    it.BUCKET: (shapes.BUCKET, _toned(_STEEL, W=(96, 96, 100))),
    it.WATER_BUCKET: (shapes.BUCKET, _toned(_STEEL, W=(58, 104, 226))),
    it.MILK_BUCKET: (shapes.BUCKET, _toned(_STEEL, W=(250, 250, 250))),
    it.APPLE: (shapes.APPLE, _toned((206, 34, 34), 1.22, 0.6, g=(84, 156, 46), s=(96, 66, 34))),
    it.PORKCHOP: (shapes.MEAT, _toned((240, 142, 142), 1.07, 0.8, L=(250, 206, 200))),
    it.COOKED_PORKCHOP: (shapes.MEAT, _toned((186, 134, 84), 1.2, 0.75, L=(226, 190, 140))),
    it.BEEF: (shapes.MEAT, _toned((196, 44, 40), 1.3, 0.72, L=(224, 180, 168))),
    it.COOKED_BEEF: (shapes.MEAT, _toned((126, 72, 44), 1.3, 0.72, L=(84, 48, 30))),
    it.MUTTON: (shapes.MEAT, _toned((214, 82, 72), 1.2, 0.75, L=(240, 214, 196))),
    it.COOKED_MUTTON: (shapes.MEAT, _toned((156, 96, 60), 1.2, 0.72, L=(112, 66, 42))),
    it.CHICKEN_MEAT: (shapes.DRUMSTICK, _toned((238, 188, 166), 1.06, 0.82, b=(240, 236, 222))),
    it.COOKED_CHICKEN: (shapes.DRUMSTICK, _toned((196, 130, 62), 1.22, 0.72, b=(240, 236, 222))),
    it.LEATHER: (shapes.LEATHER, _toned((184, 96, 50), 1.18, 0.7)),
    it.FEATHER: (shapes.FEATHER, _toned((226, 226, 226), 1.1, 0.66)),
    it.ROTTEN_FLESH: (shapes.MEAT, _toned((158, 84, 48), 1.15, 0.7, L=(116, 120, 60))),
    it.STRING: (shapes.STRING, _toned((232, 232, 232))),
    it.SAPLING: (shapes.SAPLING, _toned((76, 144, 46), 1.3, 0.62)),
    it.WHEAT_SEEDS: (shapes.SEEDS, _toned((88, 148, 52), 1.4, 0.62)),
    it.FLINT: (shapes.FLINT, _toned((86, 86, 90), 1.5, 0.5)),
    it.SHEARS_ITEM: (shapes.SHEARS, _toned((204, 204, 208), 1.2, 0.66, s=(122, 74, 44))),
    **{
        first + tier: (shape, _toned(colour, 1.22, 0.66))
        for first, shape in (
            (it.WOODEN_PICKAXE, shapes.PICKAXE),
            (it.WOODEN_AXE, shapes.AXE),
            (it.WOODEN_SHOVEL, shapes.SHOVEL),
            (it.WOODEN_SWORD, shapes.SWORD),
        )
        for tier, colour in enumerate(_TIERS)
    },
}


def _cube(faces: Faces) -> Array:
    """Returns a small cube seen from a corner: (16, 16, 4), RGB and a mask."""
    left_side, right_side, _, top = faces
    icon = np.zeros((SIZE, SIZE, 4), np.uint8)
    for x in range(SIZE):
        slope = 0.5 * abs(x - 7.5)
        top_edge, front_edge = 0.2 + slope, 7.7 - slope
        for y in range(SIZE):
            row = y + 0.5
            down = row - front_edge
            if row < top_edge or down > 8.2:
                continue
            if down < 0.0:
                # the upper face is a rhombus, with axes along its edges
                across, along = (x - 7.5) / 16.0, (row - 4.0) / 8.0
                u, v = int(SIZE * (0.5 + across + along / 2)), int(SIZE * (0.5 - across + along / 2))
                colour = top[min(15, max(0, v)), min(15, max(0, u)), :3]
            else:
                v = min(SIZE - 1, int(2.0 * down))
                colour = 0.8 * left_side[v, 2 * x] if x < 8 else 0.6 * right_side[v, 2 * x - SIZE]
            icon[y, x, :3] = np.clip(colour[:3], 0, 255)
            icon[y, x, 3] = 1
    return icon


def item_icons(faces: dict[int, Faces]) -> Array:
    """Returns (items, 16, 16, 4) uint8, RGB and a mask (0 or 1), by item id.

    Args:
        faces: Textures of the blocks, see ``block_art.block_faces``.
    """
    icons = np.zeros((it.ITEM_COUNT, SIZE, SIZE, 4), np.uint8)
    for block, textures in faces.items():
        if PLANT[block]:
            icons[block] = textures[0]
        else:
            icons[block] = _cube(textures)
    for item, (rows, palette) in _SHAPES.items():
        icons[item] = picture(rows, palette)
    icons[..., 3] = icons[..., 3] > 0
    return icons
