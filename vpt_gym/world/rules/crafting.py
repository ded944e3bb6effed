"""MineDojo's craft, craft_with_table and smelt actions: they make an item at once from items in the inventory.

The rules are MineDojo's: which stations must be nearby, the first recipe with enough ingredients, ingredients and fuel
from the first slots that have them (a wooden pickaxe is fuel), and a remainder of fuel that smelts the next items. Two
things differ: a result that does not fit into the inventory is thrown, not lost, and the item to be smelted does not
count as its own fuel.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, FURNACE, HEIGHT, MASK
from vpt_gym.world.catalog.items import BURN_TICKS, ITEM_COUNT, ITEMS
from vpt_gym.world.catalog.recipes import RECIPES, SMELTED, Ingredient
from vpt_gym.world.core.geometry import sin_cos
from vpt_gym.world.core.state import SLOTS, World
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.inventory import give
from vpt_gym.world.rules.loot import throw_item
from vpt_gym.world.rules.smelting import SMELT_TICKS

Array = np.ndarray[Any, Any]

NEARBY_TABLE, NEARBY_FURNACE = 1, 2
"""Bits of ``nearby_stations``."""
STATION = {"craft": 0, "craft_with_table": NEARBY_TABLE, "smelt": NEARBY_FURNACE}
"""The station that must be nearby, by verb."""
NEARBY = 5.0
"""Largest distance of the middle of a station from the head, blocks."""
HEAD_HEIGHT = 1.6
SIDEWAYS = 0.7002075
"""tan(35 degrees): the station must be in view, within half the field of view to either side."""
UPWARDS = 0.4014907
"""tan(35 * 160 / 256 degrees): and within half the height of MineDojo's frames of 160 x 256, up or down."""
CRAFT_ACTIONS = 244
"""Crafts of MineDojo's action space: 54 by hand, 170 at a table, 20 in a furnace."""


class Craft(NamedTuple):
    """An item that a craft action makes.

    Attributes:
        verb: ``"craft"``, ``"craft_with_table"`` or ``"smelt"``: the key of MineDojo's action.
        name: Of the item, with underscores.
        options: For each recipe: item id of the result, quantity, and ingredients.
    """

    verb: str
    name: str
    options: tuple[tuple[int, int, tuple[tuple[Ingredient, int], ...]], ...]


def _crafts() -> tuple[Craft, ...]:
    crafts = []
    for verb in ("craft", "craft_with_table"):
        recipes = [recipe for recipe in RECIPES if verb != "craft" or recipe.fits_inventory]
        for name in sorted({ITEMS[recipe.result].name for recipe in recipes}):
            options = [(r.result, r.quantity, r.ingredients) for r in recipes if ITEMS[r.result].name == name]
            crafts.append(Craft(verb, name, tuple(options)))
    for name in sorted({ITEMS[result].name for result in SMELTED.values()}):
        made = [(result, 1, (((raw,), 1),)) for raw, result in SMELTED.items() if ITEMS[result].name == name]
        crafts.append(Craft("smelt", name, tuple(made)))
    return tuple(crafts)


CRAFTS: tuple[Craft, ...] = _crafts()
"""The crafts; ``Controls.craft`` is an index into them."""
CRAFT_INDEX: dict[tuple[str, str], int] = {(craft.verb, craft.name): k for k, craft in enumerate(CRAFTS)}

CRAFT_NAMES: dict[str, tuple[str, ...]] = {
    verb: tuple(craft.name for craft in CRAFTS if craft.verb == verb) for verb in STATION
}
"""Names of the items that can be made, by verb."""

MINEDOJO_NUMBERS: dict[str, int] = {
    "crafting_table": 7,
    "planks": 29,
    "sandstone": 37,
    "shears": 38,
    "stick": 41,
    "torch": 48,
    "wool": 53,
    "bucket": 80,
    "furnace": 119,
    "iron_axe": 137,
    "iron_pickaxe": 146,
    "iron_shovel": 147,
    "iron_sword": 148,
    "stone_axe": 204,
    "stone_pickaxe": 207,
    "stone_shovel": 208,
    "stone_sword": 212,
    "wooden_axe": 216,
    "wooden_pickaxe": 219,
    "wooden_shovel": 220,
    "wooden_sword": 222,
    "coal": 227,
    "cooked_beef": 228,
    "cooked_chicken": 229,
    "cooked_mutton": 231,
    "cooked_porkchop": 232,
    "iron_ingot": 239,
    "stone": 243,
}
"""Index into MineDojo's list of 244 crafts, by item that this world can make. The other indices do nothing."""
FIRST_AT_TABLE, FIRST_IN_FURNACE = 54, 224
"""First indices of MineDojo's list for a table and for a furnace."""


def craft_of_number(number: int) -> int:
    """Returns the index into ``CRAFTS`` for an index into MineDojo's list, or -1 if this world has no such item."""
    return _BY_NUMBER.get(number, -1)


def _verb(number: int) -> str:
    return "craft" if number < FIRST_AT_TABLE else "craft_with_table" if number < FIRST_IN_FURNACE else "smelt"


_BY_NUMBER = {number: CRAFT_INDEX[_verb(number), name] for name, number in MINEDOJO_NUMBERS.items()}


@kernel
def nearby_stations(w: Any) -> int:
    """Returns whether a table and a furnace are near and in view, by the rules of MineDojo's ``nearby_tools``.

    Args:
        w: The ``World``.

    Returns:
        ``NEARBY_TABLE`` + ``NEARBY_FURNACE``, or 0.
    """
    p = w.player[0]
    head = p.y + HEAD_HEIGHT
    sine, cosine = sin_cos(p.yaw)
    down, level = sin_cos(p.pitch)
    found = 0
    for x in range(math.floor(p.x - NEARBY - 0.5), math.floor(p.x + NEARBY + 0.5) + 1):
        for z in range(math.floor(p.z - NEARBY - 0.5), math.floor(p.z + NEARBY + 0.5) + 1):
            for y in range(max(0, math.floor(head - NEARBY - 0.5)), min(HEIGHT, math.floor(head + NEARBY + 0.5) + 1)):
                block = w.blocks[x & MASK, z & MASK, y]
                if block != CRAFTING_TABLE and block != FURNACE:
                    continue
                dx = x + 0.5 - p.x
                dy = y + 0.5 - head
                dz = z + 0.5 - p.z
                flat = dz * cosine - dx * sine
                ahead = flat * level - dy * down
                rise = flat * down + dy * level
                side = dx * cosine + dz * sine
                near = dx * dx + dy * dy + dz * dz <= NEARBY * NEARBY
                if near and ahead > 0.0 and abs(side) <= SIDEWAYS * ahead and abs(rise) <= UPWARDS * ahead:
                    found |= NEARBY_TABLE if block == CRAFTING_TABLE else NEARBY_FURNACE
    return found


def _stock(world: World) -> tuple[list[int], int]:
    """Returns the number of items by item id, and the ticks for which all of them together would burn."""
    inventory = world.inventory
    counts = np.bincount(inventory[:, 0], np.maximum(inventory[:, 1], 0), ITEM_COUNT).astype(np.int64)
    return counts.tolist(), int(world.player["smelt_ticks"][0] + counts @ BURN_TICKS)


def _can(craft: Craft, ingredients: tuple[tuple[Ingredient, int], ...], counts: list[int], fuel: int) -> bool:
    for kinds, needed in ingredients:
        if sum(counts[kind] for kind in kinds) < needed:
            return False
    # the item to be smelted is not fuel
    return craft.verb != "smelt" or fuel - int(BURN_TICKS[ingredients[0][0][0]]) >= SMELT_TICKS


def _use_up(inventory: Array, kinds: Ingredient, count: int) -> None:
    """Takes items of an ingredient from the first slots that have some."""
    for slot in range(SLOTS):
        if inventory[slot, 1] > 0 and inventory[slot, 0] in kinds:
            taken = min(count, int(inventory[slot, 1]))
            inventory[slot, 1] -= taken
            count -= taken


def _burn(world: World) -> None:
    """Uses up fuel for one item: first the remainder of the last piece, then the first slots with fuel."""
    player = world.player[0]
    player.smelt_ticks -= SMELT_TICKS
    for slot in range(SLOTS):
        while player.smelt_ticks < 0 and world.inventory[slot, 1] > 0 and BURN_TICKS[world.inventory[slot, 0]] > 0:
            world.inventory[slot, 1] -= 1
            player.smelt_ticks += BURN_TICKS[world.inventory[slot, 0]]


def make(world: World, index: int) -> bool:
    """Crafts or smelts an item at once, if everything that it needs is there.

    Args:
        world: The world; its inventory is changed.
        index: Into ``CRAFTS``.

    Returns:
        Whether it was made.
    """
    craft = CRAFTS[index]
    station = STATION[craft.verb]
    if station and not nearby_stations(world) & station:
        return False
    counts, fuel = _stock(world)
    for result, count, ingredients in craft.options:
        if _can(craft, ingredients, counts, fuel):
            for kinds, number in ingredients:
                _use_up(world.inventory, kinds, number)
            if craft.verb == "smelt":
                _burn(world)
            left = give(world.inventory, result, count, 0)
            if left > 0:
                throw_item(world.items, world.player, result, left, 0)
            return True
    return False


def craftable(world: World, stations: int) -> Array:
    """Returns which crafts of MineDojo's list would succeed now, (244,) bool.

    Args:
        world: The world.
        stations: The result of ``nearby_stations``.
    """
    mask = np.zeros(CRAFT_ACTIONS, np.bool_)
    counts, fuel = _stock(world)
    for number, index in _BY_NUMBER.items():
        craft = CRAFTS[index]
        if stations & STATION[craft.verb] == STATION[craft.verb]:
            mask[number] = any(_can(craft, ingredients, counts, fuel) for _, _, ingredients in craft.options)
    return mask
