"""The embedded world's craft actions have MineDojo's names and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from vpt_gym.minedojo import shims
from vpt_gym.world.catalog.items import ITEMS
from vpt_gym.world.catalog.recipes import RECIPES
from vpt_gym.world.interface.actions import ITEM_NAMES
from vpt_gym.world.rules.crafting import CRAFT_ACTIONS, CRAFT_NAMES, FIRST_AT_TABLE, FIRST_IN_FURNACE, MINEDOJO_NUMBERS


@pytest.fixture(scope="module")
def lists() -> Any:
    """MineDojo's lists of items and recipes."""
    shims.install()
    from minedojo.sim.mc_meta import mc

    return mc


def test_numbers_are_those_of_minedojos_list(lists: Any) -> None:
    assert len(lists.ALL_CRAFT_SMELT_ITEMS) == CRAFT_ACTIONS
    assert len(lists.ALL_HAND_CRAFT_ITEMS_NN_ACTIONS) == FIRST_AT_TABLE
    assert CRAFT_ACTIONS - len(lists.ALL_SMELT_ITEMS_NN_ACTIONS) == FIRST_IN_FURNACE
    for name, number in MINEDOJO_NUMBERS.items():
        assert lists.ALL_CRAFT_SMELT_ITEMS[number] == name


def test_names_are_minedojos(lists: Any) -> None:
    assert set(CRAFT_NAMES["craft"]) <= set(lists.ALL_PERSONAL_CRAFTING_ITEMS)
    assert set(CRAFT_NAMES["craft_with_table"]) <= set(lists.ALL_CRAFTING_TABLE_ITEMS)
    assert set(CRAFT_NAMES["smelt"]) <= set(lists.ALL_SMELTING_ITEMS)
    assert set(ITEM_NAMES) <= set(lists.ALL_ITEMS)


def test_recipes_agree_with_minedojos_data(lists: Any) -> None:
    for recipe in RECIPES:
        needed: dict[str, int] = {}
        for kinds, number in recipe.ingredients:
            name = ITEMS[kinds[0]].name
            needed[name] = needed.get(name, 0) + number
        known = [
            (found["outputCount"], found["ingredients"])
            for found in lists.CRAFTING_RECIPES_BY_OUTPUT[ITEMS[recipe.result].name]
        ]
        assert (recipe.quantity, needed) in known
