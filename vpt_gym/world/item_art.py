"""Draws the icons of the items, 16 x 16 texels: little cubes for blocks, small patterns for the rest. All made here."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world import items as it
from vpt_gym.world.block_art import SIZE, Colour, Faces, picture
from vpt_gym.world.blocks import PLANT

Array = np.ndarray[Any, Any]

# Letters: capital letters are the item's main colour, light and dark; small ones are wood, leather and the like.
_PICKAXE = (
    "................",
    "................",
    "....LLLLMM......",
    "...LMMMMMMDD....",
    "...DDDDDMMMDs...",
    ".........DsMM...",
    "........shsDM...",
    ".......sht.DMD..",
    "......sht..DMD..",
    ".....sht....MD..",
    "....sht.....MD..",
    "...sht......D...",
    "..sht...........",
    ".sht............",
    ".tt.............",
    "................",
)
_AXE = (
    "................",
    "................",
    ".......LM.......",
    "......LMMM.s....",
    ".....LMMMMsh....",
    ".....LMMMsht....",
    ".....DMMsht.....",
    "......DshtM.....",
    "......shtMD.....",
    ".....sht.D......",
    "....sht.........",
    "...sht..........",
    "..sht...........",
    ".sht............",
    ".tt.............",
    "................",
)
_SHOVEL = (
    "................",
    "...........LLL..",
    "..........LMMMD.",
    ".........LMMMMD.",
    ".........LMMMD..",
    ".........sMMD...",
    "........sht.....",
    ".......sht......",
    "......sht.......",
    ".....sht........",
    "....sht.........",
    "...sht..........",
    "..sht...........",
    ".sht............",
    ".tt.............",
    "................",
)
_SWORD = (
    ".............LL.",
    "............LMD.",
    "...........LMD..",
    "..........LMD...",
    ".........LMD....",
    "........LMD.....",
    ".......LMD......",
    "..D...LMD.......",
    "..MD.LMD........",
    "...MDMD.........",
    "...DMD..........",
    "..shDMD.........",
    ".sht.DMD........",
    ".ht...D.........",
    "................",
    "................",
)
_STICK = (
    "................",
    "................",
    "............ss..",
    "...........sht..",
    "..........sht...",
    ".........sht....",
    "........sht.....",
    ".......sht......",
    "......sht.......",
    ".....sht........",
    "....sht.........",
    "...sht..........",
    "...tt...........",
    "................",
    "................",
    "................",
)
_LUMP = (
    "................",
    "................",
    "................",
    "......DDDD......",
    "....DDMMLMD.....",
    "...DMMLLMMMD....",
    "..DMMLMMMMMDD...",
    "..DMMMMDDMMMMD..",
    "..DDMMDMMLMMMD..",
    "...DMMMMLLMMD...",
    "...DDMMMMMMDD...",
    ".....DDMMDD.....",
    ".......DD.......",
    "................",
    "................",
    "................",
)
_INGOT = (
    "................",
    "................",
    "................",
    "................",
    "........LLLL....",
    "......LLLLLLM...",
    "....LLLLLLMMMD..",
    "...LLLLLMMMMDD..",
    "..LLLMMMMMMDDD..",
    "..MLMMMMMDDDD...",
    "..MMMMMDDDD.....",
    "..MMDDDDD.......",
    "...DDD..........",
    "................",
    "................",
    "................",
)
_BUCKET = (
    "................",
    "................",
    "................",
    "...DDDDDDDDDD...",
    "..DLWWWWWWWWMD..",
    "..DLLWWWWWWMMD..",
    "..DLLLLLLLMMMD..",
    "...DLMMMMMMMD...",
    "...DLLMMMMMMD...",
    "...DLLMMMMMMD...",
    "....DLMMMMMD....",
    "....DLLMMMMD....",
    "....DLMMMMMD....",
    ".....DDDDDD.....",
    "................",
    "................",
)
_APPLE = (
    "................",
    "................",
    ".........s......",
    "........sgg.....",
    ".......sggg.....",
    "....MMMsMMM.....",
    "...MLLMMMMMM....",
    "..MLLLMMMMMMD...",
    "..MLLMMMMMMMD...",
    "..MMMMMMMMMMD...",
    "..MMMMMMMMMDD...",
    "...MMMMMMMMD....",
    "...DMMMMMMDD....",
    "....DDMMDDD.....",
    "................",
    "................",
)
_MEAT = (
    "................",
    "................",
    "................",
    ".....LLLLL......",
    "...LLWWWMLLL....",
    "..LWWMMMMMMLL...",
    "..LWMMMLMMMMLL..",
    ".LWMMMLLLMMMDL..",
    ".LWMMMMLMMMMDL..",
    ".LWMMMMMMMMDDL..",
    "..LMMMMMMMDDL...",
    "..LLDMMMDDDLL...",
    "....LLDDDLLL....",
    "......LLLL......",
    "................",
    "................",
)
_DRUMSTICK = (
    "................",
    "................",
    "........LLLL....",
    "......LLLMMMD...",
    ".....LLMMMMMMD..",
    ".....LMMMMMMMD..",
    "....LMMMMMMMMD..",
    "....LMMMMMMMDD..",
    "....LMMMMMMDD...",
    ".....MMMMDDD....",
    "....bDDDDD......",
    "...bb...........",
    ".bbb............",
    ".bbbb...........",
    "...b............",
    "................",
)
_LEATHER = (
    "................",
    "................",
    "..MM........MM..",
    "..LMMM.MM.MMMD..",
    "...LMMMMMMMMD...",
    "...LMMLMMMMMD...",
    "..LMMMMMMLMMMD..",
    "..LMLMMMMMMMMD..",
    "...LMMMMLMMMD...",
    "..LMMMMMMMMMMD..",
    "..LMMLMMMMLMMD..",
    ".LMMMMMMMMMMMMD.",
    ".LMMD.DMMD.DMMD.",
    "..DD...DD...DD..",
    "................",
    "................",
)
_FEATHER = (
    "................",
    "............LL..",
    "..........LLLM..",
    ".........LLLMM..",
    "........LLDMM...",
    ".......LLDMMM...",
    "......LLDMMM....",
    "......LDMMM.....",
    ".....LDMMM......",
    ".....DMMM.......",
    "....DMMM........",
    "....DM..........",
    "...D............",
    "..D.............",
    "................",
    "................",
)
_STRING = (
    "................",
    "..........MM....",
    ".........M..M...",
    "........M...M...",
    "....MM..M..M....",
    "...M..M..MM.....",
    "..M....M.M......",
    "..M.....M.......",
    "...M...M.M......",
    "....MMM...M.....",
    "...........M....",
    ".....MM....M....",
    "....M..M..M.....",
    "....M...MM......",
    ".....M..........",
    "................",
)
_SAPLING = (
    "................",
    "......LLL.......",
    "....LLMMMLL.....",
    "...LMMDMMMML....",
    "...MMLLMMDMM....",
    "..LMMMMMLLMMM...",
    "..MMDMMLMMMDM...",
    "..MMMMMsMMMMM...",
    "...DMDMsDMMD....",
    ".....D.sD.D.....",
    ".......s........",
    ".......s........",
    "......ss........",
    "......st........",
    "......t.........",
    "................",
)
_SEEDS = (
    "................",
    "................",
    "................",
    "....LM..........",
    "....MD....LM....",
    "..........MD....",
    ".......LM.......",
    "..LM...MD...LM..",
    "..MD........MD..",
    "......LM........",
    "......MD..LM....",
    "...LM.....MD....",
    "...MD...........",
    "........LM......",
    "........MD......",
    "................",
)
_FLINT = (
    "................",
    "................",
    "................",
    ".........DD.....",
    ".......DDMMD....",
    "......DMMLMD....",
    ".....DMLLMMD....",
    "....DMLLMMMD....",
    "....DMLMMMD.....",
    "...DMMMMMD......",
    "...DMMMMD.......",
    "...DMMDD........",
    "....DD..........",
    "................",
    "................",
    "................",
)
_SHEARS = (
    "................",
    "................",
    ".........LLM....",
    "........LMD.....",
    ".......LMD......",
    "......LMD....L..",
    ".....LMD....LMD.",
    ".....MMMMMLLMD..",
    "....sMDMMMMMD...",
    "..ssssD.DDDD....",
    ".ss..sss........",
    ".s.....ss.......",
    ".ss....ss.......",
    "..sss.ss........",
    "....sss.........",
    "................",
)
_WOOD = {"s": (142, 106, 60), "h": (112, 82, 44), "t": (78, 56, 30)}


def _toned(colour: Colour, light: float = 1.25, dark: float = 0.68, **more: Colour) -> dict[str, Colour]:
    def tone(factor: float) -> Colour:
        r, g, b = (min(255, round(c * factor)) for c in colour)
        return r, g, b

    return {**_WOOD, "M": colour, "L": tone(light), "D": tone(dark), "W": tone(light), **more}


_STEEL = (186, 186, 190)
_TIERS: tuple[Colour, ...] = ((150, 114, 66), (138, 138, 138), (216, 216, 220))
_SHAPES: dict[int, tuple[tuple[str, ...], dict[str, Colour]]] = {
    it.STICK: (_STICK, _WOOD),
    it.COAL: (_LUMP, _toned((48, 48, 52), 1.7, 0.5)),
    it.IRON_INGOT: (_INGOT, _toned((206, 206, 206), 1.2, 0.62)),
    it.BUCKET: (_BUCKET, _toned(_STEEL, W=(96, 96, 100))),
    it.WATER_BUCKET: (_BUCKET, _toned(_STEEL, W=(58, 104, 226))),
    it.MILK_BUCKET: (_BUCKET, _toned(_STEEL, W=(250, 250, 250))),
    it.APPLE: (_APPLE, _toned((206, 34, 34), 1.22, 0.6, g=(84, 156, 46), s=(96, 66, 34))),
    it.PORKCHOP: (_MEAT, _toned((240, 142, 142), 1.07, 0.8, L=(250, 206, 200))),
    it.COOKED_PORKCHOP: (_MEAT, _toned((186, 134, 84), 1.2, 0.75, L=(226, 190, 140))),
    it.BEEF: (_MEAT, _toned((196, 44, 40), 1.3, 0.72, L=(224, 180, 168))),
    it.COOKED_BEEF: (_MEAT, _toned((126, 72, 44), 1.3, 0.72, L=(84, 48, 30))),
    it.MUTTON: (_MEAT, _toned((214, 82, 72), 1.2, 0.75, L=(240, 214, 196))),
    it.COOKED_MUTTON: (_MEAT, _toned((156, 96, 60), 1.2, 0.72, L=(112, 66, 42))),
    it.CHICKEN_MEAT: (_DRUMSTICK, _toned((238, 188, 166), 1.06, 0.82, b=(240, 236, 222))),
    it.COOKED_CHICKEN: (_DRUMSTICK, _toned((196, 130, 62), 1.22, 0.72, b=(240, 236, 222))),
    it.LEATHER: (_LEATHER, _toned((184, 96, 50), 1.18, 0.7)),
    it.FEATHER: (_FEATHER, _toned((226, 226, 226), 1.1, 0.66)),
    it.ROTTEN_FLESH: (_MEAT, _toned((158, 84, 48), 1.15, 0.7, L=(116, 120, 60))),
    it.STRING: (_STRING, _toned((232, 232, 232))),
    it.SAPLING: (_SAPLING, _toned((76, 144, 46), 1.3, 0.62)),
    it.WHEAT_SEEDS: (_SEEDS, _toned((88, 148, 52), 1.4, 0.62)),
    it.FLINT: (_FLINT, _toned((86, 86, 90), 1.5, 0.5)),
    it.SHEARS_ITEM: (_SHEARS, _toned((204, 204, 208), 1.2, 0.66, s=(122, 74, 44))),
    **{
        first + tier: (shape, _toned(colour, 1.22, 0.66))
        for first, shape in (
            (it.WOODEN_PICKAXE, _PICKAXE),
            (it.WOODEN_AXE, _AXE),
            (it.WOODEN_SHOVEL, _SHOVEL),
            (it.WOODEN_SWORD, _SWORD),
        )
        for tier, colour in enumerate(_TIERS)
    },
}


def _cube(faces: Faces) -> Array:
    """A little cube seen from a corner: (16, 16, 4), RGB and a mask."""
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
                # the upper face is a rhombus: its axes run along its edges
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
