"""The biomes: Minecraft's ids, what the ground is made of, and what grows there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import DIRT, GRASS, SAND, SANDSTONE

PLAINS, DESERT, FOREST, TAIGA, BIRCH_FOREST = 1, 2, 4, 5, 27


@dataclass(frozen=True)
class Biome:
    """The ground of a biome and its plants.

    Attributes:
        name: Minecraft 1.11's id.
        surface: Block at the top.
        below: Block of the layers under it.
        trees: Mean share of tree cells (see ``trees``) that hold a tree.
        birches: Share of trees that are birches.
        spruces: Share of trees that are spruces.
        large: Share of oaks that are large.
        grass: Share of the surface that has tall grass on it, in patches.
        ferns: Share of the surface with ferns, in patches.
        flowers: Share with flowers.
        dead_bushes: Share with dead bushes.
        cacti: Share with cacti.
        snow: Whether there is snow on high ground.
    """

    name: str
    surface: int = GRASS
    below: int = DIRT
    trees: float = 0.0
    birches: float = 0.0
    spruces: float = 0.0
    large: float = 0.0
    grass: float = 0.0
    ferns: float = 0.0
    flowers: float = 0.0
    dead_bushes: float = 0.0
    cacti: float = 0.0
    snow: bool = False


BIOMES: dict[int, Biome] = {
    PLAINS: Biome("plains", trees=0.03, large=0.3, grass=0.16, flowers=0.012),
    DESERT: Biome("desert", SAND, SANDSTONE, dead_bushes=0.006, cacti=0.006),
    FOREST: Biome("forest", trees=0.42, birches=0.2, large=0.1, grass=0.05, flowers=0.008),
    TAIGA: Biome("taiga", trees=0.38, spruces=1.0, grass=0.02, ferns=0.07, flowers=0.002, snow=True),
    BIRCH_FOREST: Biome("birch_forest", trees=0.42, birches=1.0, grass=0.05, flowers=0.008),
}
"""By biome id. Ids and names are Minecraft 1.11's; the densities are chosen for a small world."""


def _table(attribute: str) -> np.ndarray[Any, Any]:
    values = np.zeros(max(BIOMES) + 1)
    for biome, kind in BIOMES.items():
        values[biome] = getattr(kind, attribute)
    return values


SURFACE = _table("surface").astype(np.int64)
BELOW = _table("below").astype(np.int64)
TREES = _table("trees")
BIRCHES = _table("birches")
SPRUCES = _table("spruces")
LARGE = _table("large")
GROWTHS = np.stack([_table(name) for name in ("grass", "ferns", "flowers", "dead_bushes", "cacti")])
"""(5, biome id): shares of the surface with tall grass, ferns, flowers, dead bushes and cacti."""
SNOW_FALLS = _table("snow") > 0
