"""The kinds of blocks: their names in Minecraft, how long a bare hand digs them, and what they drop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 128
"""Blocks along x and along z. The world is a torus: column ``i`` and column ``i + SIDE`` are the same."""
MASK = SIDE - 1
HEIGHT = 48
"""Blocks along y."""

AIR, GRASS, DIRT, STONE, SAND, BEDROCK, COAL_ORE, OAK_LOG, BIRCH_LOG, OAK_LEAVES, BIRCH_LEAVES = range(11)


@dataclass(frozen=True)
class Block:
    """One kind of block.

    Attributes:
        name: Minecraft 1.11's id, which MineDojo reports in ``voxels`` (and, with spaces, in ``inventory``).
        variant: Minecraft's metadata, which tells oak from birch.
        dig_ticks: Ticks of holding attack on it with a bare hand, standing; 0 = it can not be dug.
        drop: The block whose item it drops, or ``AIR`` for nothing.
        needs_tool: It drops nothing when dug by hand.
        burns: Minecraft's material can burn.
    """

    name: str
    variant: int = 0
    dig_ticks: int = 0
    drop: int = AIR
    needs_tool: bool = False
    burns: bool = False


BLOCKS: tuple[Block, ...] = (
    Block("air"),
    Block("grass", dig_ticks=18, drop=DIRT),
    Block("dirt", dig_ticks=15, drop=DIRT),
    Block("stone", dig_ticks=150, needs_tool=True),
    Block("sand", dig_ticks=15, drop=SAND),
    Block("bedrock", needs_tool=True),
    Block("coal_ore", dig_ticks=300, needs_tool=True),
    Block("log", 0, dig_ticks=60, drop=OAK_LOG, burns=True),
    Block("log", 2, dig_ticks=60, drop=BIRCH_LOG, burns=True),
    Block("leaves", 0, dig_ticks=6, burns=True),
    Block("leaves", 2, dig_ticks=6, burns=True),
)
"""Indexed by block id. Dig times follow from Minecraft's hardness h: 30 h ticks where a hand can harvest, else 100 h
(log h = 2, leaves 0.2, dirt and sand 0.5, grass 0.6, stone 1.5, coal ore 3). Leaves drop nothing here: Minecraft's
saplings and apples do not exist in this world."""

DIG_TICKS = np.array([block.dig_ticks for block in BLOCKS], np.float64)
DROPS = np.array([block.drop for block in BLOCKS], np.int64)
IS_LOG = np.array([block.name == "log" for block in BLOCKS])
IS_LEAVES = np.array([block.name == "leaves" for block in BLOCKS])
