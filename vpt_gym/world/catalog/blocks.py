"""The kinds of blocks: names in Minecraft, digging, light and collisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDE = 128
"""Blocks along x and along z. The world is a torus: column ``i`` and column ``i + SIDE`` are the same."""
MASK = SIDE - 1
HEIGHT = 48
"""Blocks along y."""
SEA_LEVEL = 14
"""Height of the highest layer of water, blocks."""

AIR, GRASS, DIRT, STONE, SAND, BEDROCK, COAL_ORE, OAK_LOG, BIRCH_LOG, OAK_LEAVES, BIRCH_LEAVES = range(11)
WATER, GRAVEL, COBBLESTONE, SANDSTONE, IRON_ORE, SPRUCE_LOG, SPRUCE_LEAVES, SNOW = range(11, 19)
OAK_PLANKS, BIRCH_PLANKS, SPRUCE_PLANKS, CRAFTING_TABLE, FURNACE, WOOL, CACTUS = range(19, 26)
TALL_GRASS, FERN, DANDELION, POPPY, DEAD_BUSH, TORCH = range(26, 32)

NO_TOOL, PICKAXE, AXE, SHOVEL, SWORD, SHEARS = range(6)
"""Kinds of tools."""
HAND, WOODEN, STONE_TIER, IRON_TIER = range(4)
"""Tiers of tools, worst first."""


@dataclass(frozen=True)
class Block:
    """One kind of block.

    Attributes:
        name: Minecraft 1.11's id, which MineDojo reports in ``voxels`` (and, with spaces, in ``inventory``).
        variant: Minecraft's metadata, for example the kind of wood of a log.
        hardness: Minecraft's; ``inf`` = it cannot be dug.
        tool: The kind of tool that digs it faster.
        tier: Lowest tier of that tool with which it drops anything; ``HAND`` = any item or none.
        solid: Whether bodies collide with it.
        opaque: Whether it stops the light of the sky and hides what is behind it.
        liquid: Whether it is water.
        plant: Whether it is drawn as two crossed sprites and needs ground below.
        burns: Whether Minecraft's material can burn.
        light: Light that it emits, 0 to 15.
    """

    name: str
    variant: int = 0
    hardness: float = float("inf")
    tool: int = NO_TOOL
    tier: int = HAND
    solid: bool = True
    opaque: bool = True
    liquid: bool = False
    plant: bool = False
    burns: bool = False
    light: int = 0


def _plant(name: str, variant: int = 0, light: int = 0) -> Block:
    return Block(name, variant, 0.0, solid=False, opaque=False, plant=True, burns=light == 0, light=light)


def _log(variant: int) -> Block:
    return Block("log", variant, 2.0, AXE, burns=True)


def _leaves(variant: int) -> Block:
    return Block("leaves", variant, 0.2, SHEARS, burns=True)


def _planks(variant: int) -> Block:
    return Block("planks", variant, 2.0, AXE, burns=True)


BLOCKS: tuple[Block, ...] = (
    Block("air", solid=False, opaque=False),
    Block("grass", hardness=0.6, tool=SHOVEL),
    Block("dirt", hardness=0.5, tool=SHOVEL),
    Block("stone", hardness=1.5, tool=PICKAXE, tier=WOODEN),
    Block("sand", hardness=0.5, tool=SHOVEL),
    Block("bedrock"),
    Block("coal_ore", hardness=3.0, tool=PICKAXE, tier=WOODEN),
    _log(0),
    _log(2),
    _leaves(0),
    _leaves(2),
    Block("water", hardness=float("inf"), solid=False, opaque=False, liquid=True),
    Block("gravel", hardness=0.6, tool=SHOVEL),
    Block("cobblestone", hardness=2.0, tool=PICKAXE, tier=WOODEN),
    Block("sandstone", hardness=0.8, tool=PICKAXE, tier=WOODEN),
    Block("iron_ore", hardness=3.0, tool=PICKAXE, tier=STONE_TIER),
    _log(1),
    _leaves(1),
    Block("snow", hardness=0.2, tool=SHOVEL, tier=WOODEN),
    _planks(0),
    _planks(2),
    _planks(1),
    Block("crafting_table", hardness=2.5, tool=AXE, burns=True),
    Block("furnace", hardness=3.5, tool=PICKAXE, tier=WOODEN),
    Block("wool", hardness=0.8, tool=SHEARS, burns=True),
    Block("cactus", hardness=0.4),
    _plant("tallgrass", 1),
    _plant("tallgrass", 2),
    _plant("yellow_flower"),
    _plant("red_flower"),
    _plant("deadbush"),
    _plant("torch", light=14),
)
"""Indexed by block id. Hardness, tool and tier are Minecraft 1.11's."""

HARDNESS = np.array([block.hardness for block in BLOCKS], np.float64)
TOOL = np.array([block.tool for block in BLOCKS], np.int64)
TIER = np.array([block.tier for block in BLOCKS], np.int64)
SOLID = np.array([block.solid for block in BLOCKS], np.bool_)
OPAQUE = np.array([block.opaque for block in BLOCKS], np.bool_)
LIQUID = np.array([block.liquid for block in BLOCKS], np.bool_)
PLANT = np.array([block.plant for block in BLOCKS], np.bool_)
LIGHT = np.array([block.light for block in BLOCKS], np.uint8)
IS_LOG = np.array([block.name == "log" for block in BLOCKS], np.bool_)
IS_LEAVES = np.array([block.name == "leaves" for block in BLOCKS], np.bool_)
