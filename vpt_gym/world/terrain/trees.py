"""Grows trees: small and large oaks, birches and spruces. Used by ``generate``."""

from __future__ import annotations

from typing import Any

from vpt_gym.world.catalog.biomes import BIRCHES, LARGE, SPRUCES, TREES
from vpt_gym.world.catalog.blocks import (
    AIR,
    BIRCH_LEAVES,
    BIRCH_LOG,
    DIRT,
    GRASS,
    HEIGHT,
    IS_LOG,
    MASK,
    OAK_LEAVES,
    OAK_LOG,
    SIDE,
    SNOW,
    SPRUCE_LEAVES,
    SPRUCE_LOG,
)
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import hash32, uniform

TREE_CELL = 4
"""Side of the square cells that hold at most one tree each, blocks."""
TALLEST = 12
"""Greatest height of a tree above the ground, blocks."""


@kernel
def put_leaf(blocks: Any, x: int, y: int, z: int, leaves: int) -> None:
    """Puts leaves into a cell if it is air."""
    if 0 < y < HEIGHT and blocks[x & MASK, z & MASK, y] == AIR:
        blocks[x & MASK, z & MASK, y] = leaves


@kernel
def grow_round(seed: int, x: int, z: int, base: int, logs: int, log: int, leaves: int, blocks: Any) -> None:
    """Grows a small oak or a birch on the ground ``base``: a trunk, two wide leaf layers and two narrow ones."""
    top = base + logs
    for dy in range(-2, 2):
        radius = 2 if dy < 0 else 1
        for dx in range(-radius, radius + 1):
            for dz in range(-radius, radius + 1):
                corner = abs(dx) == radius and abs(dz) == radius
                if corner and (dy == 1 or uniform(seed, (x + dx) * SIDE + z + dz, top + dy, 6) < 0.5):
                    continue
                put_leaf(blocks, x + dx, top + dy, z + dz, leaves)
    for y in range(base + 1, top + 1):
        blocks[x, z, y] = log


@kernel
def grow_spruce(seed: int, x: int, z: int, base: int, blocks: Any) -> None:
    """Grows a spruce: a bare lower trunk under a cone of leaf tiers."""
    bits = hash32(seed, x, z, 20)
    logs = 7 + bits % 4
    foot = 1 + (bits >> 4) % 2
    widest = 2 + (bits >> 8) % 2
    top = base + logs
    put_leaf(blocks, x, top + 1, z, SPRUCE_LEAVES)
    radius = 0
    skirt = 1
    for y in range(top, base + foot, -1):
        for dx in range(-radius, radius + 1):
            for dz in range(-radius, radius + 1):
                if radius > 0 and abs(dx) == radius and abs(dz) == radius:
                    continue
                put_leaf(blocks, x + dx, y, z + dz, SPRUCE_LEAVES)
        # a tier widens downwards, then a wider tier begins below it
        if radius < skirt:
            radius += 1
        else:
            radius = 1 if skirt > 1 else 0
            skirt = min(widest, skirt + 1)
    for y in range(base + 1, top):
        blocks[x, z, y] = SPRUCE_LOG


@kernel
def grow_large_oak(seed: int, x: int, z: int, base: int, blocks: Any) -> None:
    """Grows a large oak: a tall trunk with branches that end in spheres of leaves."""
    logs = 7 + hash32(seed, x, z, 21) % 3
    top = base + logs
    for k in range(6):
        bits = hash32(seed, x * SIDE + z, k, 22)
        if k == 0:
            dx = 0
            dz = 0
            y = top
        else:
            side = k & 3
            reach = 2 + bits % 2
            aside = (bits >> 4) % 3 - 1
            dx = reach if side == 0 else (-reach if side == 1 else aside)
            dz = reach if side == 2 else (-reach if side == 3 else aside)
            y = top - (bits >> 8) % 3
        for ly in range(-1, 3):
            radius = 2 if ly in (0, 1) else 1
            for lx in range(-radius, radius + 1):
                for lz in range(-radius, radius + 1):
                    if radius == 2 and abs(lx) == 2 and abs(lz) == 2:
                        continue
                    put_leaf(blocks, x + dx + lx, y + ly, z + dz + lz, OAK_LEAVES)
        long = max(abs(dx), abs(dz))
        for step in range(1, long + 1):
            bx = x + dx * step // long & MASK
            bz = z + dz * step // long & MASK
            by = y - (long - step) // 2
            blocks[bx, bz, by] = OAK_LOG
    for y in range(base + 1, top + 1):
        blocks[x, z, y] = OAK_LOG


@kernel
def has_trunk_beside(blocks: Any, x: int, z: int, base: int) -> bool:
    """Returns whether there is another trunk directly beside a column."""
    for dx in range(-2, 3):
        for dz in range(-2, 3):
            for y in range(max(1, base - 1), base + 4):
                if IS_LOG[blocks[x + dx & MASK, z + dz & MASK, y]]:
                    return True
    return False


@kernel
def grow_trees(
    seed: int,
    tree_rate: float,
    shortest: int,
    tallest: int,
    birch_rate: float,
    large_rate: float,
    density: Any,
    blocks: Any,
    ground: Any,
    biomes: Any,
) -> None:
    """Grows trees on grass, with woods and clearings.

    Args:
        seed: The world's seed.
        tree_rate: Multiplies the share of tree cells that hold a tree.
        shortest: Logs of the shortest small oak.
        tallest: Logs of the tallest small oak.
        birch_rate: Share of trees that are birches; negative = the biome's.
        large_rate: Share of oaks that are large; negative = the biome's.
        density: (SIDE, SIDE) float64, also multiplies the share of cells.
        blocks: (SIDE, SIDE, HEIGHT) uint8; changed.
        ground: (SIDE, SIDE) int64.
        biomes: (SIDE, SIDE) uint8.
    """
    for gx in range(SIDE // TREE_CELL):
        for gz in range(SIDE // TREE_CELL):
            bits = hash32(seed, gx, gz, 23)
            x = gx * TREE_CELL + bits % TREE_CELL
            z = gz * TREE_CELL + (bits >> 4) % TREE_CELL
            biome = int(biomes[x, z])
            if uniform(seed, gx, gz, 24) >= tree_rate * TREES[biome] * density[x, z]:
                continue
            base = int(ground[x, z])
            soil = blocks[x, z, base]
            if (soil != GRASS and soil != SNOW) or blocks[x, z, base + 1] != AIR or base + TALLEST >= HEIGHT:
                continue
            if has_trunk_beside(blocks, x, z, base):
                continue
            birch = BIRCHES[biome] if birch_rate < 0.0 else birch_rate
            large = LARGE[biome] if large_rate < 0.0 else large_rate
            blocks[x, z, base] = DIRT
            chance = uniform(seed, gx, gz, 25)
            if chance < SPRUCES[biome]:
                grow_spruce(seed, x, z, base, blocks)
            elif chance < SPRUCES[biome] + birch:
                grow_round(seed, x, z, base, 5 + (bits >> 8) % 3, BIRCH_LOG, BIRCH_LEAVES, blocks)
            elif uniform(seed, gx, gz, 26) < large:
                grow_large_oak(seed, x, z, base, blocks)
            else:
                logs = shortest + (bits >> 8) % (tallest - shortest + 1)
                grow_round(seed, x, z, base, logs, OAK_LOG, OAK_LEAVES, blocks)
