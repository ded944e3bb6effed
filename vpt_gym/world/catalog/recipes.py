"""Recipes for crafting and smelting: those of Minecraft 1.11 whose items exist in this world.

All recipes are shaped: a pattern counts anywhere on the grid, and so does its mirror image. Planks and logs of all
kinds are interchangeable, except that a log makes planks of its own kind. Charcoal counts as coal.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from vpt_gym.world.catalog.blocks import (
    BIRCH_LOG,
    BIRCH_PLANKS,
    COAL_ORE,
    COBBLESTONE,
    CRAFTING_TABLE,
    FURNACE,
    IRON_ORE,
    OAK_LOG,
    OAK_PLANKS,
    SAND,
    SANDSTONE,
    SPRUCE_LOG,
    SPRUCE_PLANKS,
    STONE,
    TORCH,
    WOOL,
)
from vpt_gym.world.catalog.items import (
    BEEF,
    BUCKET,
    CHICKEN_MEAT,
    COAL,
    COOKED_BEEF,
    COOKED_CHICKEN,
    COOKED_MUTTON,
    COOKED_PORKCHOP,
    IRON_INGOT,
    MUTTON,
    NO_ITEM,
    PORKCHOP,
    SHEARS_ITEM,
    STICK,
    STRING,
    WOODEN_AXE,
    WOODEN_PICKAXE,
    WOODEN_SHOVEL,
    WOODEN_SWORD,
)

Ingredient = tuple[int, ...]
"""Interchangeable item ids; () = an empty cell."""


class Recipe(NamedTuple):
    """One recipe of the crafting grid.

    Attributes:
        result: Item id.
        quantity: Number of items that it makes.
        rows: The pattern, rows of equal length.
    """

    result: int
    quantity: int
    rows: tuple[tuple[Ingredient, ...], ...]

    @property
    def ingredients(self) -> tuple[tuple[Ingredient, int], ...]:
        """The ingredients, each with the number of items that it takes."""
        cells = [cell for row in self.rows for cell in row if cell]
        return tuple((cell, cells.count(cell)) for cell in dict.fromkeys(cells))

    @property
    def fits_inventory(self) -> bool:
        """Whether the 2 x 2 grid of the inventory screen is enough."""
        return len(self.rows) <= 2 and len(self.rows[0]) <= 2


PLANKS: Ingredient = (OAK_PLANKS, BIRCH_PLANKS, SPRUCE_PLANKS)


def _recipe(result: int, quantity: int, *pattern: str, **letters: Ingredient | int) -> Recipe:
    """Returns the recipe of a pattern of letters, one for each ingredient, and blanks for empty cells."""
    cells = {name: kind if isinstance(kind, tuple) else (kind,) for name, kind in letters.items()}
    return Recipe(result, quantity, tuple(tuple(cells.get(letter, ()) for letter in row) for row in pattern))


def _tools() -> list[Recipe]:
    patterns = {
        WOODEN_PICKAXE: ("MMM", " S ", " S "),
        WOODEN_AXE: ("MM", "MS", " S"),
        WOODEN_SHOVEL: ("M", "S", "S"),
        WOODEN_SWORD: ("M", "M", "S"),
    }
    materials: tuple[Ingredient, ...] = (PLANKS, (COBBLESTONE,), (IRON_INGOT,))
    return [
        _recipe(first + tier, 1, *pattern, M=material, S=STICK)
        for first, pattern in patterns.items()
        for tier, material in enumerate(materials)
    ]


RECIPES: tuple[Recipe, ...] = (
    _recipe(OAK_PLANKS, 4, "L", L=OAK_LOG),
    _recipe(BIRCH_PLANKS, 4, "L", L=BIRCH_LOG),
    _recipe(SPRUCE_PLANKS, 4, "L", L=SPRUCE_LOG),
    _recipe(STICK, 4, "P", "P", P=PLANKS),
    _recipe(CRAFTING_TABLE, 1, "PP", "PP", P=PLANKS),
    _recipe(FURNACE, 1, "CCC", "C C", "CCC", C=COBBLESTONE),
    _recipe(TORCH, 4, "C", "S", C=COAL, S=STICK),
    _recipe(SHEARS_ITEM, 1, " I", "I ", I=IRON_INGOT),
    _recipe(BUCKET, 1, "I I", " I ", I=IRON_INGOT),
    _recipe(SANDSTONE, 1, "SS", "SS", S=SAND),
    _recipe(WOOL, 1, "SS", "SS", S=STRING),
    *_tools(),
)

SMELTED: dict[int, int] = {
    IRON_ORE: IRON_INGOT,
    COAL_ORE: COAL,
    OAK_LOG: COAL,
    BIRCH_LOG: COAL,
    SPRUCE_LOG: COAL,
    COBBLESTONE: STONE,
    PORKCHOP: COOKED_PORKCHOP,
    BEEF: COOKED_BEEF,
    MUTTON: COOKED_MUTTON,
    CHICKEN_MEAT: COOKED_CHICKEN,
}
"""The result of smelting an item, by item id."""


def _matches(rows: tuple[tuple[Ingredient, ...], ...], cells: list[list[int]]) -> bool:
    return all(
        item in cell if cell else item == NO_ITEM
        for row, line in zip(rows, cells, strict=True)
        for cell, item in zip(row, line, strict=True)
    )


@functools.cache
def crafted(cells: tuple[int, ...]) -> tuple[int, int]:
    """Returns the item that a crafting grid makes.

    Args:
        cells: Item ids of the 9 cells of the 3 x 3 grid, row by row; ``NO_ITEM`` in empty cells. The inventory's 2 x 2
            grid uses the cells 0, 1, 3 and 4.

    Returns:
        (item id, quantity); (``NO_ITEM``, 0) if it is not a recipe.
    """
    used = [(k // 3, k % 3) for k in range(9) if cells[k] != NO_ITEM]
    if not used:
        return NO_ITEM, 0
    top, left = min(row for row, _ in used), min(column for _, column in used)
    bottom, right = max(row for row, _ in used), max(column for _, column in used)
    box = [[cells[3 * row + column] for column in range(left, right + 1)] for row in range(top, bottom + 1)]
    for recipe in RECIPES:
        rows = recipe.rows
        if len(rows) != len(box) or len(rows[0]) != len(box[0]):
            continue
        if _matches(rows, box) or _matches(tuple(row[::-1] for row in rows), box):
            return recipe.result, recipe.quantity
    return NO_ITEM, 0


def crafted_from(grid: Any) -> tuple[int, int]:
    """Returns the item and quantity that ``World.grid``, (GRID, 3), makes; see ``crafted``."""
    return crafted(tuple(int(item) if count > 0 else NO_ITEM for item, count, _ in grid))
