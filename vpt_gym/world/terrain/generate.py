"""Generates worlds: hills, lakes and rivers, forests and deserts, ore and caves, all from one seed.

It uses only integer hashing and float64 operations in a fixed order, so a seed gives the same world on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.catalog.biomes import (
    BELOW,
    BIRCH_FOREST,
    DESERT,
    FOREST,
    GROWTHS,
    PLAINS,
    SNOW_FALLS,
    SURFACE,
    TAIGA,
)
from vpt_gym.world.catalog.blocks import (
    AIR,
    BEDROCK,
    CACTUS,
    DANDELION,
    DEAD_BUSH,
    DIRT,
    FERN,
    GRASS,
    GRAVEL,
    HEIGHT,
    IS_LOG,
    MASK,
    POPPY,
    SAND,
    SANDSTONE,
    SEA_LEVEL,
    SIDE,
    SNOW,
    SOLID,
    STONE,
    TALL_GRASS,
    WATER,
)
from vpt_gym.world.core.geometry import EYE_HEIGHT, look_at
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import World
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import hash32, uniform
from vpt_gym.world.terrain.caves import ORES, dig_caves, grow_veins
from vpt_gym.world.terrain.noise import add_noise, quantile
from vpt_gym.world.terrain.trees import grow_trees

HIGHEST_GROUND = 35
LAKE_DEPTH = 7.0
RIVER_DEPTH = 3.0
SOIL = 4
"""Layers of soil above the stone."""
SNOW_LINE = SEA_LEVEL + 9
"""Approximate height above which the taiga is covered with snow, blocks."""


@dataclass(frozen=True)
class Terrain:
    """Settings of a kind of world, and where an episode starts in it.

    Attributes:
        biomes: Biome ids, from cold to hot or dry. Each takes an equal share of the world and borders on
            its neighbours in the tuple.
        relief: Height of the highest hill above the lakes, blocks.
        lakes: Share of the world that is covered by lakes, 0 to 0.5.
        river: Width of the rivers, blocks; 0 = none.
        caves: Number of caves.
        entrances: Number of them that open on a hillside.
        plants: Multiplies the number of the biome's plants.
        trees: Multiplies the number of the biome's trees.
        shortest: Logs of the shortest small oak.
        tallest: Logs of the tallest small oak.
        birches: Share of trees that are birches; None = the biome's.
        large: Share of oaks that are large; None = the biome's.
        start_distance: (least, greatest) distance from the start to a visible trunk, blocks; None = start anywhere.
        start_angle: Greatest angle between the view at the start and that trunk, degrees.
    """

    biomes: tuple[int, ...] = (PLAINS,)
    relief: float = 14.0
    lakes: float = 0.1
    river: float = 0.0
    caves: int = 20
    entrances: int = 5
    plants: float = 1.0
    trees: float = 1.0
    shortest: int = 4
    tallest: int = 6
    birches: float | None = None
    large: float | None = None
    start_distance: tuple[float, float] | None = None
    start_angle: float = 180.0


LEVELS: dict[str, Terrain] = {
    "default": Terrain((FOREST,), relief=9.0, lakes=0.09, trees=0.7, birches=0.25, large=0.05, plants=0.7, entrances=3),
    "easy": Terrain(
        relief=4.5,
        lakes=0.0,
        caves=0,
        entrances=0,
        plants=0.0,
        trees=9.0,
        shortest=5,
        tallest=6,
        birches=0.0,
        large=0.0,
        start_distance=(4.0, 8.0),
        start_angle=40.0,
    ),
}
"""The levels of ``Harvest1Log-v0``."""

TERRAINS: dict[str, Terrain] = {
    **LEVELS,
    "plains": Terrain((PLAINS,), relief=8.0, lakes=0.08, river=5.0, entrances=3),
    "forest": Terrain((FOREST,), relief=13.0, lakes=0.08),
    "birch_forest": Terrain((BIRCH_FOREST,), relief=13.0, lakes=0.08),
    "desert_edge": Terrain((PLAINS, DESERT), relief=10.0, lakes=0.05, river=5.0),
    "taiga": Terrain((TAIGA,), relief=18.0, lakes=0.08),
    "mixed": Terrain((TAIGA, BIRCH_FOREST, FOREST, PLAINS, DESERT), relief=13.0, lakes=0.08, river=5.0),
}
"""All kinds of worlds, by name."""


@kernel
def shape_ground(seed: int, relief: float, lakes: float, river: float, ground: Any) -> None:
    """Writes ``ground[x, z]``, the height of the topmost block of soil."""
    hills = np.zeros((SIDE, SIDE))
    add_noise(seed, 1, 3, 1.0, hills)
    add_noise(seed, 2, 7, 0.5, hills)
    add_noise(seed, 3, 15, 0.18, hills)
    add_noise(seed, 4, 32, 0.05, hills)
    low = hills.min()
    water = quantile(hills, lakes) if lakes > 0.0 else low - 1e-9
    size = hills.max() - water
    for x in range(SIDE):
        for z in range(SIDE):
            up = (hills[x, z] - water) / size
            if up >= 0.0:
                # flat near the water, steeper higher up
                height = SEA_LEVEL + 0.6 + relief * up * (0.45 + 0.55 * up)
            else:
                deep = min(1.0, -2.2 * up)
                height = SEA_LEVEL + 0.6 - LAKE_DEPTH * deep * (2.0 - deep)
            hills[x, z] = height
    if river > 0.0:
        course = np.zeros((SIDE, SIDE))
        add_noise(seed, 5, 2, 1.0, course)
        add_noise(seed, 6, 5, 0.25, course)
        add_noise(seed, 7, 11, 0.08, course)
        for x in range(SIDE):
            for z in range(SIDE):
                slope_x = (course[x + 1 & MASK, z] - course[x - 1 & MASK, z]) * 0.5
                slope_z = (course[x, z + 1 & MASK] - course[x, z - 1 & MASK]) * 0.5
                steep = math.sqrt(slope_x * slope_x + slope_z * slope_z) + 0.002
                away = abs(course[x, z]) / steep / (0.5 * river)  # 1 at the banks
                bed = SEA_LEVEL + 0.6 - RIVER_DEPTH * (1.0 - away * away)
                if away < 1.0:
                    hills[x, z] = min(hills[x, z], bed)
                elif away < 4.0:
                    # the valley
                    part = (away - 1.0) / 3.0
                    part = part * part * (3.0 - 2.0 * part)
                    bank = SEA_LEVEL + 0.9
                    if hills[x, z] > bank:
                        hills[x, z] = bank + (hills[x, z] - bank) * part
    for x in range(SIDE):
        for z in range(SIDE):
            ground[x, z] = min(HIGHEST_GROUND, math.floor(hills[x, z] + 0.5))


@kernel
def choose_biomes(seed: int, kinds: Any, biomes: Any) -> None:
    """Writes ``biomes``: divides the world among ``kinds``, (n,) int64 biome ids from cold to hot."""
    biomes[:] = kinds[0]
    if len(kinds) == 1:
        return
    warmth = np.zeros((SIDE, SIDE))
    add_noise(seed, 8, 2, 1.0, warmth)
    add_noise(seed, 9, 6, 0.3, warmth)
    add_noise(seed, 10, 24, 0.06, warmth)
    for k in range(1, len(kinds)):
        least = quantile(warmth, k / len(kinds))
        for x in range(SIDE):
            for z in range(SIDE):
                if warmth[x, z] >= least:
                    biomes[x, z] = kinds[k]


@kernel
def lay_ground(seed: int, blocks: Any, ground: Any, biomes: Any) -> None:
    """Fills ``blocks`` with bedrock, stone and soil up to ``ground``, and with water up to the level of the lakes."""
    patches = np.zeros((SIDE, SIDE))
    add_noise(seed, 11, 9, 1.0, patches)
    add_noise(seed, 12, 23, 0.5, patches)
    for x in range(SIDE):
        for z in range(SIDE):
            top = int(ground[x, z])
            biome = int(biomes[x, z])
            patch = patches[x, z]
            surface = SURFACE[biome]
            below = BELOW[biome]
            lowest = min(
                min(int(ground[x + 1 & MASK, z]), int(ground[x - 1 & MASK, z])),
                min(int(ground[x, z + 1 & MASK]), int(ground[x, z - 1 & MASK])),
            )
            if top < SEA_LEVEL:
                # beds: sand near the shore, gravel and dirt in deep water
                surface = SAND if top >= SEA_LEVEL - 2 or patch > 0.12 else (GRAVEL if patch < -0.15 else DIRT)
                below = surface
            elif top <= SEA_LEVEL + 1 and patch > -0.05:
                if _by_water(ground, x, z):
                    surface = SAND
                    below = SAND
            elif top - lowest >= 4 and patch > 0.0:
                surface = STONE
                below = STONE
            elif SNOW_FALLS[biome] and top + 8.0 * patch > SNOW_LINE:
                surface = SNOW
            blocks[x, z, 0] = BEDROCK
            for y in range(1, top - SOIL + 1):
                blocks[x, z, y] = STONE
            for y in range(max(1, top - SOIL + 1), top):
                blocks[x, z, y] = below
            if below == SANDSTONE:
                for y in range(top - 2, top):
                    blocks[x, z, y] = SAND
            blocks[x, z, top] = surface
            for y in range(top + 1, HEIGHT):
                blocks[x, z, y] = WATER if y <= SEA_LEVEL else AIR


@kernel
def _by_water(ground: Any, x: int, z: int) -> bool:
    """Returns whether there is water within three columns."""
    for dx in range(-3, 4):
        for dz in range(-3, 4):
            if ground[x + dx & MASK, z + dz & MASK] < SEA_LEVEL:
                return True
    return False


@kernel
def grow_plants(seed: int, rate: float, blocks: Any, ground: Any, biomes: Any) -> None:
    """Puts patches of grass, ferns, flowers, dead bushes and cacti on the ground."""
    patches = np.zeros((SIDE, SIDE))
    add_noise(seed, 13, 16, 1.0, patches)
    for x in range(SIDE):
        for z in range(SIDE):
            top = int(ground[x, z])
            soil = blocks[x, z, top]
            if blocks[x, z, top + 1] != AIR or (soil != GRASS and soil != SAND) or top < SEA_LEVEL:
                continue
            biome = int(biomes[x, z])
            chance = uniform(seed, x, z, 50)
            thick = rate * max(0.0, min(3.0, 1.0 + 4.0 * patches[x, z]))
            for k in range(5):
                share = GROWTHS[k, biome] * thick
                if chance >= share:
                    chance -= share
                    continue
                if (k < 3) != (soil == GRASS):
                    break
                if k == 4:
                    grow_cactus(blocks, x, top, z, 1 + hash32(seed, x, z, 51) % 3)
                elif k == 2:
                    # flowers of one kind grow together
                    red = uniform(seed, x >> 3, z >> 3, 52) < 0.5
                    blocks[x, z, top + 1] = POPPY if red else DANDELION
                else:
                    blocks[x, z, top + 1] = TALL_GRASS if k == 0 else (FERN if k == 1 else DEAD_BUSH)
                break


@kernel
def grow_cactus(blocks: Any, x: int, base: int, z: int, tall: int) -> None:
    """Grows a cactus if the cells beside it are free."""
    for y in range(base + 1, base + 1 + tall):
        beside = (
            SOLID[blocks[x + 1 & MASK, z, y]]
            or SOLID[blocks[x - 1 & MASK, z, y]]
            or SOLID[blocks[x, z + 1 & MASK, y]]
            or SOLID[blocks[x, z - 1 & MASK, y]]
        )
        if beside:
            return
        blocks[x, z, y] = CACTUS


@kernel
def trunk_in_sight(blocks: Any, ground: Any, x: int, z: int, nearest: float, farthest: float, best: Any) -> bool:
    """Finds the nearest trunk that a player at column (x, z) can see; returns whether there is one.

    ``best`` (2,) float64 receives its offset (dx, dz). A trunk is visible if its block at eye height is.
    """
    eye = ground[x, z] + 1 + EYE_HEIGHT
    y = math.floor(eye)
    reach = math.ceil(farthest)
    hit = np.zeros(4, np.int64)
    closest = farthest
    found = False
    for dx in range(-reach, reach + 1):
        for dz in range(-reach, reach + 1):
            away = math.sqrt(dx * dx + dz * dz)
            if away < nearest or away > closest or not IS_LOG[blocks[(x + dx) & MASK, (z + dz) & MASK, y]]:
                continue
            distance = pick(blocks, x + 0.5, eye, z + 0.5, dx / away, (y + 0.5 - eye) / away, dz / away, away, hit)
            if distance >= 0.0 and hit[0] == (x + dx) & MASK and hit[1] == y and hit[2] == (z + dz) & MASK:
                closest = away
                best[0] = dx
                best[1] = dz
                found = True
    return found


def generate(seed: int, terrain: Terrain, w: World) -> None:
    """Generates the world of a seed.

    Args:
        seed: Any integer; its low 32 bits are used.
        terrain: The kind of world.
        w: Its ``blocks``, ``ground`` and ``biomes`` are overwritten; ``fields.fill_all`` derives the rest.
    """
    t = terrain
    choose_biomes(seed, np.array(t.biomes, np.int64), w.biomes)
    shape_ground(seed, t.relief, t.lakes, t.river, w.ground)
    lay_ground(seed, w.blocks, w.ground, w.biomes)
    for ore, veins, size, top in ORES:
        grow_veins(seed, ore, veins, size, top, w.blocks)
    if t.caves > 0:
        dig_caves(seed, t.caves, t.entrances, w.blocks, w.ground)
    birches = -1.0 if t.birches is None else t.birches
    large = -1.0 if t.large is None else t.large
    density = np.ones((SIDE, SIDE))
    add_noise(seed, 14, 7, 2.0, density)
    grow_trees(seed, t.trees, t.shortest, t.tallest, birches, large, density, w.blocks, w.ground, w.biomes)
    if t.plants > 0.0:
        grow_plants(seed, t.plants, w.blocks, w.ground, w.biomes)


@kernel
def can_start(blocks: Any, ground: Any, x: int, z: int) -> bool:
    """Returns whether an episode can start at a column: on grass, sand or snow, with only plants above it."""
    top = int(ground[x, z])
    soil = blocks[x, z, top]
    if soil != GRASS and soil != SAND and soil != SNOW:
        return False
    for y in range(top + 1, HEIGHT):
        block = blocks[x, z, y]
        if SOLID[block] or block == WATER:
            return False
    return True


def choose_start(rng: np.random.Generator, terrain: Terrain, w: World) -> tuple[float, float, float, float]:
    """Draws the start of an episode: on dry land under the open sky.

    Args:
        rng: Source of the place and the heading.
        terrain: The kind of world.
        w: A world that ``generate`` has filled.

    Returns:
        (x, y, z, yaw): the position of the feet, in blocks, and the heading, in degrees (as in Minecraft: 0 = +z,
        90 = -x).
    """
    trunk = np.zeros(2)
    while True:
        x, z = (int(v) for v in rng.integers(0, SIDE, 2))
        yaw = float(rng.uniform(-180.0, 180.0))
        if not can_start(w.blocks, w.ground, x, z):
            continue
        if terrain.start_distance is not None:
            nearest, farthest = terrain.start_distance
            if not trunk_in_sight(w.blocks, w.ground, x, z, nearest, farthest, trunk):
                continue
            heading, _ = look_at(float(trunk[0]), 0.0, float(trunk[1]))
            # rounded, because the last bits of an arctangent differ between machines
            yaw = round(heading, 6) + float(rng.uniform(-terrain.start_angle, terrain.start_angle))
            yaw = (yaw + 180.0) % 360.0 - 180.0
        return x + 0.5, float(w.ground[x, z] + 1), z + 0.5, yaw
