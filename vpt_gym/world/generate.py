"""Makes worlds: rolling ground of grass, dirt, stone and sand, with oaks and birches, all from one seed.

Everything is integer hashing and float64 in a fixed order, so a seed gives the same world on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.blocks import (
    AIR,
    BEDROCK,
    BIRCH_LEAVES,
    BIRCH_LOG,
    COAL_ORE,
    DIRT,
    GRASS,
    IS_LOG,
    MASK,
    OAK_LEAVES,
    OAK_LOG,
    SAND,
    SIDE,
    STONE,
)
from vpt_gym.world.compiled import kernel
from vpt_gym.world.physics import EYE_HEIGHT, look_at, pick

GROUND = 10
"""Lowest possible ground, blocks above the bottom of the world."""
TREE_CELL = 6
"""Trees stand at most one to a square cell of this side, so that they never grow into each other's trunks."""


@dataclass(frozen=True)
class Level:
    """What kind of worlds to make, and where an episode starts in them.

    Attributes:
        relief: Height of the hills, blocks.
        tree_rate: Mean share of tree cells that hold a tree.
        shortest: Logs of the shortest tree.
        tallest: Logs of the tallest tree.
        birch_rate: Share of trees that are birches.
        start_distance: (nearest, farthest) trunk at the start, blocks, or None to start anywhere in the open.
        start_angle: The start looks within this angle of that trunk, degrees.
    """

    relief: float
    tree_rate: float
    shortest: int
    tallest: int
    birch_rate: float
    start_distance: tuple[float, float] | None = None
    start_angle: float = 180.0


LEVELS: dict[str, Level] = {
    "default": Level(relief=16.0, tree_rate=0.5, shortest=4, tallest=6, birch_rate=0.25),
    "easy": Level(
        relief=6.0,
        tree_rate=0.5,
        shortest=5,
        tallest=6,
        birch_rate=0.0,
        start_distance=(4.0, 8.0),
        start_angle=40.0,
    ),
}


@kernel
def hash32(seed: int, a: int, b: int, c: int) -> int:
    """Returns 32 well mixed bits of four integers (the finaliser of MurmurHash3, public domain, after each)."""
    h = (int(seed) + 0x9E3779B9) & 0xFFFFFFFF
    for k in (a, b, c):
        h = ((h ^ (int(k) & 0xFFFFFFFF)) * 0x9E3779B1) & 0xFFFFFFFF
        h ^= h >> 16
        h = (h * 0x85EBCA6B) & 0xFFFFFFFF
        h ^= h >> 13
        h = (h * 0xC2B2AE35) & 0xFFFFFFFF
        h ^= h >> 16
    return h


@kernel
def uniform(seed: int, a: int, b: int, c: int) -> float:
    """Returns a number in [0, 1) that depends on the four integers only."""
    return hash32(seed, a, b, c) / 4294967296.0


@kernel
def noise(seed: int, layer: int, x: int, z: int, cells: int) -> float:
    """Returns smooth noise in [0, 1) with ``cells`` lattice cells around the torus."""
    fx = x * cells / SIDE
    fz = z * cells / SIDE
    x0 = math.floor(fx)
    z0 = math.floor(fz)
    u = fx - x0
    v = fz - z0
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    x1 = (x0 + 1) % cells
    z1 = (z0 + 1) % cells
    near = uniform(seed, x0, z0, layer) * (1.0 - u) + uniform(seed, x1, z0, layer) * u
    far = uniform(seed, x0, z1, layer) * (1.0 - u) + uniform(seed, x1, z1, layer) * u
    return near * (1.0 - v) + far * v


@kernel
def grow_ground(seed: int, relief: float, blocks: Any, ground: Any) -> None:
    """Fills ``blocks`` (SIDE, SIDE, HEIGHT) uint8 [x, z, y] with ground; ``ground[x, z]`` is its topmost block."""
    blocks[:] = AIR
    for x in range(SIDE):
        for z in range(SIDE):
            hills = noise(seed, 1, x, z, 4) * 0.60 + noise(seed, 2, x, z, 9) * 0.28 + noise(seed, 3, x, z, 21) * 0.12
            surface = int(GROUND + relief * hills)
            ground[x, z] = surface
            # sand lies in the hollows
            sandy = noise(seed, 4, x, z, 6) * 0.7 + 0.3 * hills < 0.22
            blocks[x, z, 0] = BEDROCK
            for y in range(1, surface - 3):
                blocks[x, z, y] = COAL_ORE if uniform(seed, x * SIDE + z, y, 5) < 0.02 else STONE
            for y in range(surface - 3, surface):
                blocks[x, z, y] = SAND if sandy else DIRT
            blocks[x, z, surface] = SAND if sandy else GRASS


@kernel
def grow_tree(seed: int, x: int, z: int, base: int, logs: int, log: int, leaves: int, blocks: Any) -> None:
    """Plants one tree on the ground block at height ``base``: two wide leaf layers, two narrow ones, and the trunk."""
    top = base + logs
    for dy in range(-2, 2):
        radius = 2 if dy < 0 else 1
        for dx in range(-radius, radius + 1):
            for dz in range(-radius, radius + 1):
                corner = abs(dx) == radius and abs(dz) == radius
                if corner and (dy == 1 or uniform(seed, (x + dx) * SIDE + z + dz, top + dy, 6) < 0.5):
                    continue
                cx = (x + dx) & MASK
                cz = (z + dz) & MASK
                if blocks[cx, cz, top + dy] == AIR:
                    blocks[cx, cz, top + dy] = leaves
    blocks[x, z, base] = DIRT
    for y in range(base + 1, top + 1):
        blocks[x, z, y] = log


@kernel
def grow_trees(
    seed: int, tree_rate: float, shortest: int, tallest: int, birch_rate: float, blocks: Any, ground: Any
) -> None:
    """Plants trees on grass, in woods and clearings."""
    for gx in range(SIDE // TREE_CELL):
        for gz in range(SIDE // TREE_CELL):
            density = 0.25 + 1.5 * noise(seed, 7, gx * TREE_CELL, gz * TREE_CELL, 7)
            if uniform(seed, gx, gz, 8) > tree_rate * density:
                continue
            x = gx * TREE_CELL + 1 + int(uniform(seed, gx, gz, 9) * (TREE_CELL - 2))
            z = gz * TREE_CELL + 1 + int(uniform(seed, gx, gz, 10) * (TREE_CELL - 2))
            if blocks[x, z, ground[x, z]] != GRASS:
                continue
            logs = shortest + int(uniform(seed, gx, gz, 11) * (tallest - shortest + 1))
            if uniform(seed, gx, gz, 12) < birch_rate:
                grow_tree(seed, x, z, ground[x, z], logs, BIRCH_LOG, BIRCH_LEAVES, blocks)
            else:
                grow_tree(seed, x, z, ground[x, z], logs, OAK_LOG, OAK_LEAVES, blocks)


@kernel
def trunk_in_sight(blocks: Any, ground: Any, x: int, z: int, nearest: float, farthest: float, best: Any) -> bool:
    """Finds the nearest trunk that is in plain view of someone who stands at column (x, z).

    ``best`` (2,) float64 receives its offset (dx, dz). A trunk counts when its block at eye height is seen.
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


def generate(world_seed: int, level: Level, blocks: np.ndarray[Any, Any], ground: np.ndarray[Any, Any]) -> None:
    """Makes the world of a seed.

    Args:
        world_seed: Any integer; its low 32 bits count.
        level: The kind of world.
        blocks: (SIDE, SIDE, HEIGHT) uint8, indexed [x, z, y]; overwritten with block ids.
        ground: (SIDE, SIDE) int64; overwritten with the height of the topmost ground block.
    """
    grow_ground(world_seed, level.relief, blocks, ground)
    grow_trees(world_seed, level.tree_rate, level.shortest, level.tallest, level.birch_rate, blocks, ground)


def choose_start(
    rng: np.random.Generator,
    level: Level,
    blocks: np.ndarray[Any, Any],
    ground: np.ndarray[Any, Any],
    tops: np.ndarray[Any, Any],
) -> tuple[float, float, float, float]:
    """Draws where an episode starts, under open sky.

    Returns:
        (x, y, z, yaw): feet, in blocks, and heading, in degrees (Minecraft's: 0 = +z, 90 = -x).
    """
    trunk = np.zeros(2)
    while True:
        x, z = (int(v) for v in rng.integers(0, SIDE, 2))
        yaw = float(rng.uniform(-180.0, 180.0))
        if tops[x, z] != ground[x, z] + 1:
            continue
        if level.start_distance is not None:
            nearest, farthest = level.start_distance
            if not trunk_in_sight(blocks, ground, x, z, nearest, farthest, trunk):
                continue
            heading, _ = look_at(float(trunk[0]), 0.0, float(trunk[1]))
            # rounded, because the last bits of an arc tangent differ between machines
            yaw = round(heading, 6) + float(rng.uniform(-level.start_angle, level.start_angle))
            yaw = (yaw + 180.0) % 360.0 - 180.0
        return x + 0.5, float(ground[x, z] + 1), z + 0.5, yaw
