"""The models of the creatures: the boxes of each, how the boxes move, and their skins.

Lengths are sixteenths of a block, as in Minecraft's models; x is to the creature's right, y up, z ahead. The skins are
generated from noise and small patterns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.catalog.creatures import CHICKEN, COW, KINDS, PIG, SHEEP, SPIDER, ZOMBIE
from vpt_gym.world.render.art.block_art import SIZE, Colour, picture, shades, speckled

Array = np.ndarray[Any, Any]

STILL, SWINGS, SWINGS_BACK, HEAD, ARM, ARM_BACK, WING, CRAWLS, CRAWLS_BACK = range(9)
"""How a part moves: not at all, as a leg, as a leg of the other pair, with the head, as a raised arm (two kinds), as a
wing, as a spider's leg (two kinds)."""
ALWAYS, WITH_COAT, WITHOUT_COAT = range(3)
"""When a part is drawn."""


@dataclass(frozen=True)
class Part:
    """One box of a creature.

    Attributes:
        skin: Name of its skin.
        pivot: The point that it rotates about, relative to the middle of the feet.
        middle: Its middle, relative to the pivot.
        size: Lengths of its sides.
        motion: How it moves, one of ``STILL`` to ``CRAWLS_BACK``.
        yaw: Rotation about y at rest, degrees.
        roll: Rotation about z at rest, degrees.
        when: When it is drawn, one of ``ALWAYS``, ``WITH_COAT`` and ``WITHOUT_COAT``.
    """

    skin: str
    pivot: tuple[float, float, float]
    middle: tuple[float, float, float]
    size: tuple[float, float, float]
    motion: int = STILL
    yaw: float = 0.0
    roll: float = 0.0
    when: int = ALWAYS


def _legs(skin: str, x: float, height: float, z: float, wide: float = 4.0) -> tuple[Part, ...]:
    return tuple(
        Part(
            skin,
            (sx * x, height, sz * z),
            (0, -height / 2, 0),
            (wide, height, wide),
            SWINGS if sx == sz else SWINGS_BACK,
        )
        for sx in (-1, 1)
        for sz in (-1, 1)
    )


def _spider_legs() -> tuple[Part, ...]:
    legs = []
    for side in (-1, 1):
        for k, yaw in enumerate((42.0, 14.0, -14.0, -42.0)):
            motion = CRAWLS if (k + (side > 0)) % 2 else CRAWLS_BACK
            legs.append(
                Part(
                    "spider leg",
                    (3.5 * side, 9, 2 - 1.4 * k),
                    (8 * side, 0, 0),
                    (16, 2, 2),
                    motion,
                    -side * yaw,
                    -side * 34,
                )
            )
    return tuple(legs)


MODELS: dict[int, tuple[Part, ...]] = {
    PIG: (
        Part("pig", (0, 10, 0), (0, 0, 0), (10, 8, 16)),
        Part("pig head", (0, 12, 7), (0, 0, 4), (8, 8, 8), HEAD),
        Part("snout", (0, 12, 7), (0, -1.5, 8.5), (4, 3, 1), HEAD),
        *_legs("pig leg", 3, 6, 6),
    ),
    COW: (
        Part("cow", (0, 17, 0), (0, 0, 0), (12, 10, 18)),
        Part("cow head", (0, 20, 8), (0, 0, 3), (8, 8, 6), HEAD),
        Part("horn", (0, 20, 8), (-4.5, 4, 3.5), (1, 3, 1), HEAD),
        Part("horn", (0, 20, 8), (4.5, 4, 3.5), (1, 3, 1), HEAD),
        Part("udder", (0, 11.5, -5), (0, 0, 0), (4, 1, 6)),
        *_legs("cow leg", 4, 12, 6),
    ),
    SHEEP: (
        Part("shorn", (0, 15, 0), (0, 0, 0), (8, 6, 16), when=WITHOUT_COAT),
        Part("wool", (0, 15, 0), (0, 0, 0), (11.5, 9.5, 18), when=WITH_COAT),
        Part("sheep head", (0, 18, 8), (0, 1, 2), (6, 6, 8), HEAD),
        Part("wool", (0, 18, 8), (0, 1.4, 0.6), (7.2, 7.2, 7.2), HEAD, when=WITH_COAT),
        *_legs("sheep leg", 3, 12, 6),
    ),
    CHICKEN: (
        Part("chicken", (0, 8, 0), (0, 0, 0), (6, 6, 8)),
        Part("chicken head", (0, 11, 4), (0, 1.5, 0), (4, 6, 3), HEAD),
        Part("beak", (0, 11, 4), (0, 1.5, 2.5), (4, 2, 2), HEAD),
        Part("comb", (0, 11, 4), (0, -0.5, 1.8), (2, 2, 1), HEAD),
        Part("wing", (-3, 11, 0), (-0.5, -2, 0), (1, 4, 6), WING),
        Part("wing", (3, 11, 0), (0.5, -2, 0), (1, 4, 6), WING),
        Part("chicken leg", (-1.5, 5, 0), (0, -2.5, 0.5), (1, 5, 1), SWINGS),
        Part("chicken leg", (1.5, 5, 0), (0, -2.5, 0.5), (1, 5, 1), SWINGS_BACK),
        Part("chicken leg", (-1.5, 5, 0), (0, -4.8, 1), (3, 0.4, 3), SWINGS),
        Part("chicken leg", (1.5, 5, 0), (0, -4.8, 1), (3, 0.4, 3), SWINGS_BACK),
    ),
    ZOMBIE: (
        Part("shirt", (0, 18, 0), (0, 0, 0), (8, 12, 4)),
        Part("zombie head", (0, 24, 0), (0, 4, 0), (8, 8, 8), HEAD),
        Part("zombie arm", (-6, 22, 0), (0, -4, 0), (4, 12, 4), ARM),
        Part("zombie arm", (6, 22, 0), (0, -4, 0), (4, 12, 4), ARM_BACK),
        Part("trousers", (-2, 12, 0), (0, -6, 0), (4, 12, 4), SWINGS),
        Part("trousers", (2, 12, 0), (0, -6, 0), (4, 12, 4), SWINGS_BACK),
    ),
    SPIDER: (
        Part("spider back", (0, 9, -9), (0, 0, 0), (10, 8, 12)),
        Part("spider", (0, 9, 0), (0, 0, 0), (6, 6, 6)),
        Part("spider head", (0, 9, 3), (0, 0, 4), (8, 8, 8), HEAD),
        *_spider_legs(),
    ),
}
"""The parts by kind. The measures are those of Minecraft 1.11's models, slightly simplified."""

_FACES: dict[str, tuple[tuple[str, ...], dict[str, Colour]]] = {
    "pig head": (
        ("........", "........", "........", "wk....kw", "........", "........", "........", "........"),
        {"w": (250, 250, 250), "k": (24, 18, 20)},
    ),
    "snout": (
        ("........", "........", "........", ".dd..dd.", ".dd..dd.", "........", "........", "........"),
        {"d": (128, 56, 58)},
    ),
    "cow head": (
        ("..wwww..", "..wwww..", "kw.ww.wk", "...ww...", "........", ".pppppp.", ".pdppdp.", ".pppppp."),
        {"w": (212, 208, 204), "k": (16, 14, 14), "p": (206, 178, 168), "d": (104, 72, 66)},
    ),
    "sheep head": (
        ("wwwwwwww", "wwwwwwww", "w......w", "wk....kw", "........", "..pppp..", "..dppd..", "........"),
        {"w": (232, 232, 230), "k": (22, 18, 18), "p": (226, 170, 164), "d": (150, 96, 92)},
    ),
    "chicken head": (
        ("........", "........", "k......k", "k......k", "........", "........", "........", "........"),
        {"k": (20, 16, 16)},
    ),
    "zombie head": (
        ("........", "........", "........", "........", ".kk..kk.", "........", "...dd...", "..dddd.."),
        {"k": (20, 26, 20), "d": (48, 76, 40)},
    ),
    "spider head": (
        ("........", ".r....r.", "........", "rr.rr.rr", "rr.rr.rr", "........", "..d..d..", "..d..d.."),
        {"r": (196, 20, 24), "d": (96, 84, 78)},
    ),
}
"""Patterns on the front of some skins, 8 x 8."""
_COAT: dict[str, tuple[Colour, float]] = {
    "pig": ((238, 158, 158), 0.05),
    "pig head": ((240, 162, 162), 0.05),
    "snout": ((224, 130, 132), 0.04),
    "pig leg": ((228, 146, 146), 0.06),
    "cow": ((70, 54, 42), 0.10),
    "cow head": ((74, 56, 44), 0.10),
    "horn": ((198, 192, 178), 0.05),
    "udder": ((226, 160, 160), 0.04),
    "cow leg": ((66, 50, 40), 0.10),
    "wool": ((234, 234, 232), 0.06),
    "shorn": ((214, 186, 170), 0.05),
    "sheep head": ((206, 176, 158), 0.05),
    "sheep leg": ((208, 180, 164), 0.05),
    "chicken": ((240, 240, 238), 0.05),
    "chicken head": ((244, 244, 242), 0.04),
    "beak": ((232, 176, 52), 0.06),
    "comb": ((206, 36, 32), 0.06),
    "wing": ((224, 224, 222), 0.06),
    "chicken leg": ((222, 170, 56), 0.06),
    "shirt": ((34, 146, 148), 0.10),
    "zombie head": ((90, 134, 72), 0.09),
    "zombie arm": ((90, 134, 72), 0.09),
    "trousers": ((62, 56, 146), 0.09),
    "spider": ((54, 46, 42), 0.14),
    "spider back": ((50, 43, 40), 0.18),
    "spider head": ((52, 44, 40), 0.14),
    "spider leg": ((50, 42, 38), 0.16),
    "arm": ((224, 172, 136), 0.03),
}
"""Colour of each skin, and the contrast of its speckles."""
SKINS = tuple(_COAT)
"""Names of the skins, in the order of the renderer's table."""


def _painted(name: str, rng: np.random.Generator) -> Array:
    """Returns a skin, (6, 16, 16, 3): the faces -x, +x, -y, +y, -z, +z."""
    colour, contrast = _COAT[name]
    tones = shades(colour, 1.0 - 2 * contrast, 1.0 - contrast, 1.0, 1.0 + contrast)
    faces = np.stack([speckled(rng, tones, 2, 2, 0.5) for _ in range(6)])
    if name == "cow":
        for face in faces:
            blotch = speckled(rng, np.array([[0.0], [0.0], [1.0]]), 5, 5, 0.1)
            face[:] = np.where(blotch > 0, np.array((206, 202, 198)), face)
    elif name in ("cow leg", "pig leg"):
        faces[[0, 1, 4, 5], 13:] *= 0.6
    elif name == "sheep leg":
        faces[[0, 1, 4, 5], :5] = (228, 228, 226)
    elif name == "zombie arm":
        faces[[0, 1, 4, 5], :5] = (34, 146, 148)
    elif name == "trousers":
        faces[[0, 1, 4, 5], 13:] = (70, 70, 76)
    elif name == "spider back":
        faces[3, 4:12:3, 4:12] *= 1.35
    elif name == "arm":
        faces[[0, 1, 4, 5], :5] = (168, 72, 52)  # a sleeve
    if name in _FACES:
        marks = picture(*_FACES[name]).repeat(2, 0).repeat(2, 1)
        faces[5] = np.where(marks[..., 3:] > 0, marks[..., :3], faces[5])
    return np.asarray(np.clip(faces, 0, 255))


def skins(seed: int = 23) -> Array:
    """Returns (skins, 6, 16, 16, 3) float64, 0 to 255, in the order of ``SKINS``."""
    rng = np.random.default_rng(seed)
    return np.stack([_painted(name, rng) for name in SKINS]).reshape(len(SKINS), 6, SIZE, SIZE, 3)


PARTS_OF = np.zeros(len(KINDS) + 1, np.int64)
"""Index of the first part of each kind in ``PARTS``."""
for _kind in range(len(KINDS)):
    PARTS_OF[_kind + 1] = PARTS_OF[_kind] + len(MODELS.get(_kind, ()))
PARTS = np.array(
    [
        (
            *part.pivot,
            *part.middle,
            *(side / 2 for side in part.size),
            SKINS.index(part.skin),
            part.motion,
            part.yaw,
            part.roll,
            part.when,
        )
        for kind in range(len(KINDS))
        for part in MODELS.get(kind, ())
    ],
    np.float64,
)
"""(parts, 14): pivot, middle, half sides, skin, motion, yaw, roll, when."""
