"""The kinds of items: everything that fits in an inventory slot. An item with the id of a block is that block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import (
    AXE,
    BLOCKS,
    HAND,
    IRON_TIER,
    NO_TOOL,
    PICKAXE,
    SHEARS,
    SHOVEL,
    STONE_TIER,
    SWORD,
    WOODEN,
)

NO_ITEM = 0
"""The item id of an empty slot; also the block id of air."""

FIRST_NON_BLOCK = 64
"""Smaller item ids are block ids."""
(
    STICK,
    COAL,
    IRON_INGOT,
    BUCKET,
    WATER_BUCKET,
    MILK_BUCKET,
    APPLE,
    PORKCHOP,
    COOKED_PORKCHOP,
    BEEF,
    COOKED_BEEF,
    MUTTON,
    COOKED_MUTTON,
    CHICKEN_MEAT,
    COOKED_CHICKEN,
    LEATHER,
    FEATHER,
    ROTTEN_FLESH,
    STRING,
    SAPLING,
    WHEAT_SEEDS,
    FLINT,
    SHEARS_ITEM,
    WOODEN_PICKAXE,
    STONE_PICKAXE,
    IRON_PICKAXE,
    WOODEN_AXE,
    STONE_AXE,
    IRON_AXE,
    WOODEN_SHOVEL,
    STONE_SHOVEL,
    IRON_SHOVEL,
    WOODEN_SWORD,
    STONE_SWORD,
    IRON_SWORD,
) = range(FIRST_NON_BLOCK, FIRST_NON_BLOCK + 35)
ITEM_COUNT = FIRST_NON_BLOCK + 35
MAX_STACK = 64
"""The most items that a slot holds; of some kinds it holds fewer."""


@dataclass(frozen=True)
class Item:
    """One kind of item.

    Attributes:
        name: Minecraft 1.11's id (MineDojo reports it with spaces).
        variant: Minecraft's metadata.
        stack: Number of items that a slot holds.
        tool: Kind of tool.
        tier: Tier of the tool.
        durability: Uses until it breaks; 0 = it does not wear out.
        damage: Damage of a hit with it, half hearts.
        food: Food points when eaten; 0 = it cannot be eaten.
        saturation: Saturation points when eaten.
        burn_ticks: Ticks that it burns in a furnace; 0 = it is not fuel.
    """

    name: str
    variant: int = 0
    stack: int = MAX_STACK
    tool: int = NO_TOOL
    tier: int = HAND
    durability: int = 0
    damage: float = 1.0
    food: int = 0
    saturation: float = 0.0
    burn_ticks: int = 0


def _block_item(block: int) -> Item:
    kind = BLOCKS[block]
    wooden = kind.name in ("log", "planks", "crafting_table")
    return Item(kind.name, kind.variant, burn_ticks=300 if wooden else 0)


_TIER_NAMES = {WOODEN: "wooden", STONE_TIER: "stone", IRON_TIER: "iron"}
_DURABILITY = {WOODEN: 59, STONE_TIER: 131, IRON_TIER: 250}


def _tool(kind: int, tier: int) -> Item:
    base = {PICKAXE: 2.0, AXE: 7.0, SHOVEL: 2.5, SWORD: 4.0}[kind]
    extra = {PICKAXE: 1.0, AXE: 2.0, SHOVEL: 1.0, SWORD: 1.0}[kind] * (tier - WOODEN)
    damage = min(base + extra, 9.0)  # axes of stone or better do 9 points of damage
    name = f"{_TIER_NAMES[tier]}_{({PICKAXE: 'pickaxe', AXE: 'axe', SHOVEL: 'shovel', SWORD: 'sword'})[kind]}"
    return Item(name, 0, 1, kind, tier, _DURABILITY[tier], damage, burn_ticks=200 if tier == WOODEN else 0)


ITEMS: dict[int, Item] = {
    **{block: _block_item(block) for block in range(1, len(BLOCKS))},
    STICK: Item("stick", burn_ticks=100),
    COAL: Item("coal", burn_ticks=1600),
    IRON_INGOT: Item("iron_ingot"),
    BUCKET: Item("bucket", stack=16),
    WATER_BUCKET: Item("water_bucket", stack=1),
    MILK_BUCKET: Item("milk_bucket", stack=1),
    APPLE: Item("apple", food=4, saturation=2.4),
    PORKCHOP: Item("porkchop", food=3, saturation=1.8),
    COOKED_PORKCHOP: Item("cooked_porkchop", food=8, saturation=12.8),
    BEEF: Item("beef", food=3, saturation=1.8),
    COOKED_BEEF: Item("cooked_beef", food=8, saturation=12.8),
    MUTTON: Item("mutton", food=2, saturation=1.2),
    COOKED_MUTTON: Item("cooked_mutton", food=6, saturation=9.6),
    CHICKEN_MEAT: Item("chicken", food=2, saturation=1.2),
    COOKED_CHICKEN: Item("cooked_chicken", food=6, saturation=7.2),
    LEATHER: Item("leather"),
    FEATHER: Item("feather"),
    ROTTEN_FLESH: Item("rotten_flesh", food=4, saturation=0.8),
    STRING: Item("string"),
    SAPLING: Item("sapling", burn_ticks=100),
    WHEAT_SEEDS: Item("wheat_seeds"),
    FLINT: Item("flint"),
    SHEARS_ITEM: Item("shears", stack=1, tool=SHEARS, tier=IRON_TIER, durability=238),
    **{
        item: _tool(kind, tier)
        for kind, first in (
            (PICKAXE, WOODEN_PICKAXE),
            (AXE, WOODEN_AXE),
            (SHOVEL, WOODEN_SHOVEL),
            (SWORD, WOODEN_SWORD),
        )
        for item, tier in zip(range(first, first + 3), (WOODEN, STONE_TIER, IRON_TIER), strict=True)
    },
}
"""By item id. Stack sizes, durability, damage, food and burn times are Minecraft 1.11's."""


def _table(attribute: str, dtype: type) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.zeros(ITEM_COUNT, dtype)
    for item, kind in ITEMS.items():
        values[item] = getattr(kind, attribute)
    return values


STACK_SIZE = _table("stack", np.int64)
ITEM_TOOL = _table("tool", np.int64)
ITEM_TIER = _table("tier", np.int64)
DURABILITY = _table("durability", np.int64)
DAMAGE = _table("damage", np.float64)
FOOD = _table("food", np.int64)
SATURATION = _table("saturation", np.float64)
BURN_TICKS = _table("burn_ticks", np.int64)
