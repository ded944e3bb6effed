"""Recipes on the grid, and MineDojo's craft and smelt actions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, held, run, stow
from vpt_gym.world.catalog.blocks import (
    BIRCH_LOG,
    BIRCH_PLANKS,
    COBBLESTONE,
    CRAFTING_TABLE,
    DIRT,
    FURNACE,
    IRON_ORE,
    OAK_LOG,
    OAK_PLANKS,
    SAND,
    SPRUCE_PLANKS,
    STONE,
)
from vpt_gym.world.catalog.items import (
    APPLE,
    BEEF,
    COAL,
    COOKED_BEEF,
    IRON_INGOT,
    ITEMS,
    NO_ITEM,
    STICK,
    WOODEN_PICKAXE,
)
from vpt_gym.world.catalog.recipes import RECIPES, SMELTED, Recipe, crafted
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.interface.actions import MineDojoInterface, NativeInterface
from vpt_gym.world.player.tick import tick
from vpt_gym.world.rules.crafting import (
    CRAFT_ACTIONS,
    CRAFT_INDEX,
    CRAFT_NAMES,
    MINEDOJO_NUMBERS,
    NEARBY_FURNACE,
    NEARBY_TABLE,
    STATION,
    craft_of_number,
    craftable,
    make,
    nearby_stations,
)

_TABLE = (64, FLOOR + 1, 66)
_STATES: dict[int, WorldState] = {}


def workshop(block: int = DIRT, **stacks: tuple[int, int]) -> WorldState:
    """Returns a world with a block two ahead at eye height, and stacks in the slots s0 to s35."""
    if block not in _STATES:
        _STATES[block] = flat_state({_TABLE: block})
    state = _STATES[block]
    state.place_player(64.5, float(FLOOR), 64.5, 0.0)
    return stow(state, **stacks)


def grids(recipe: Recipe) -> list[tuple[int, ...]]:
    """Returns every way to lay a recipe on the 3 x 3 grid, with the first of each ingredient."""
    height, width = len(recipe.rows), len(recipe.rows[0])
    found = []
    for top, left, mirrored in itertools.product(range(4 - height), range(4 - width), (False, True)):
        cells = [NO_ITEM] * 9
        for i, row in enumerate(recipe.rows):
            for j, cell in enumerate(row[::-1] if mirrored else row):
                cells[3 * (top + i) + left + j] = cell[0] if cell else NO_ITEM
        found.append(tuple(cells))
    return found


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{ITEMS[recipe.result].name}{recipe.result}")
def test_a_recipe_works_wherever_it_lies_and_mirrored_but_not_with_one_thing_more(recipe: Recipe) -> None:
    for cells in grids(recipe):
        assert crafted(cells) == (recipe.result, recipe.quantity)
        for k in range(9):
            if cells[k] == NO_ITEM:
                assert crafted((*cells[:k], APPLE, *cells[k + 1 :])) == (NO_ITEM, 0)
            else:
                less = (*cells[:k], NO_ITEM, *cells[k + 1 :])
                assert crafted(less) != (recipe.result, recipe.quantity)


def test_planks_of_all_kinds_are_as_good_but_planks_are_of_their_log() -> None:
    mixed = (OAK_PLANKS, SPRUCE_PLANKS, NO_ITEM, BIRCH_PLANKS, OAK_PLANKS, NO_ITEM, NO_ITEM, NO_ITEM, NO_ITEM)
    assert crafted(mixed) == (CRAFTING_TABLE, 1)
    assert crafted((NO_ITEM,) * 8 + (BIRCH_LOG,)) == (BIRCH_PLANKS, 4)
    assert crafted((NO_ITEM,) * 9) == (NO_ITEM, 0)


def test_recipes_are_minecrafts() -> None:
    needs = {ITEMS[r.result].name: (r.quantity, sum(n for _, n in r.ingredients)) for r in RECIPES}
    assert needs["planks"] == (4, 1)
    assert needs["stick"] == (4, 2)
    assert needs["torch"] == (4, 2)
    assert needs["furnace"] == (1, 8)
    assert needs["bucket"] == (1, 3)
    assert needs["shears"] == (1, 2)
    sizes = {"pickaxe": 5, "axe": 5, "shovel": 3, "sword": 3}
    for tier, tool in itertools.product(("wooden", "stone", "iron"), sizes):
        assert needs[f"{tier}_{tool}"] == (1, sizes[tool])


def stock_for(state: WorldState, verb: str, name: str) -> None:
    """Gives what an action needs, for its first recipe."""
    if verb == "smelt":
        raw = next(item for item, result in SMELTED.items() if ITEMS[result].name == name)
        state.inventory[3] = (raw, 1, 0)
        state.inventory[4] = (COAL, 1, 0)
        return
    recipe = next(recipe for recipe in RECIPES if ITEMS[recipe.result].name == name)
    for slot, (kinds, number) in enumerate(recipe.ingredients):
        state.inventory[5 + slot] = (kinds[0], number, 0)


@pytest.mark.parametrize(("verb", "name"), list(CRAFT_INDEX))
def test_everything_can_be_made_by_an_action_at_its_station_only(verb: str, name: str) -> None:
    station = {"craft": DIRT, "craft_with_table": CRAFTING_TABLE, "smelt": FURNACE}[verb]
    state = workshop(station)
    stock_for(state, verb, name)
    assert make(state.world, CRAFT_INDEX[verb, name])
    made = {ITEMS[item].name: n for item, n in held(state).items()}
    recipe = next((recipe for recipe in RECIPES if ITEMS[recipe.result].name == name), None)
    assert made == {name: recipe.quantity if recipe and verb != "smelt" else 1}
    if verb != "craft":
        elsewhere = workshop(DIRT)
        stock_for(elsewhere, verb, name)
        before = held(elsewhere)
        assert not make(elsewhere.world, CRAFT_INDEX[verb, name])
        assert held(elsewhere) == before


@pytest.mark.parametrize(("verb", "name"), list(CRAFT_INDEX))
def test_nothing_is_made_with_one_thing_missing(verb: str, name: str) -> None:
    station = {"craft": DIRT, "craft_with_table": CRAFTING_TABLE, "smelt": FURNACE}[verb]
    state = workshop(station)
    stock_for(state, verb, name)
    for slot in range(36):
        if state.inventory[slot, 1] > 0:
            state.inventory[slot, 1] -= 1
            before = held(state)
            assert not make(state.world, CRAFT_INDEX[verb, name])
            assert held(state) == before
            state.inventory[slot, 1] += 1


def test_a_station_must_be_within_five_blocks_of_the_head_and_in_view() -> None:
    for block, bit in ((CRAFTING_TABLE, NEARBY_TABLE), (FURNACE, NEARBY_FURNACE)):
        state = workshop(block)
        assert nearby_stations(state.world) == bit
        for yaw, seen in ((30.0, True), (40.0, False), (180.0, False), (-30.0, True), (-40.0, False)):
            state.player[0].yaw = yaw
            assert bool(nearby_stations(state.world)) == seen
        state.player[0].yaw = 0.0
        for pitch, seen in ((18.0, True), (26.0, False), (-18.0, True), (-26.0, False)):
            state.player[0].pitch = pitch
            assert bool(nearby_stations(state.world)) == seen
        state.player[0].pitch = 0.0
        for z, seen in ((66.5 - 4.99, True), (66.5 - 5.01, False)):
            state.player[0].z = z
            assert bool(nearby_stations(state.world)) == seen


def test_coal_smelts_eight_things_and_what_is_left_of_it_is_kept() -> None:
    state = workshop(FURNACE, s0=(BEEF, 10), s1=(COAL, 1))
    smelt = CRAFT_INDEX["smelt", "cooked_beef"]
    assert make(state.world, smelt)
    assert held(state) == {BEEF: 9, COOKED_BEEF: 1}
    for _ in range(7):
        assert make(state.world, smelt)
    assert not make(state.world, smelt)
    assert held(state) == {BEEF: 2, COOKED_BEEF: 8}


def test_fuel_is_taken_from_the_first_slots_that_burn() -> None:
    state = workshop(FURNACE, s0=(WOODEN_PICKAXE, 1), s1=(IRON_ORE, 1), s2=(COAL, 1))
    assert make(state.world, CRAFT_INDEX["smelt", "iron_ingot"])
    assert held(state) == {COAL: 1, IRON_INGOT: 1}


def test_a_log_does_not_smelt_itself() -> None:
    state = workshop(FURNACE, s0=(OAK_LOG, 1))
    assert not make(state.world, CRAFT_INDEX["smelt", "coal"])
    state = workshop(FURNACE, s0=(OAK_LOG, 2))
    assert make(state.world, CRAFT_INDEX["smelt", "coal"])
    assert held(state) == {COAL: 1}


def test_a_result_without_room_is_thrown() -> None:
    state = workshop(DIRT)
    state.inventory[:] = (STONE, 64, 0)
    state.inventory[3] = (OAK_LOG, 2, 0)
    assert make(state.world, CRAFT_INDEX["craft", "planks"])
    assert state.items["item"].max() == OAK_PLANKS
    assert state.items["count"].max() == 4


def test_the_mask_shows_what_actions_would_make() -> None:
    state = workshop(CRAFTING_TABLE, s0=(OAK_PLANKS, 3), s1=(STICK, 2), s2=(SAND, 4), s3=(COBBLESTONE, 8))
    for stations in (0, NEARBY_TABLE, NEARBY_FURNACE, NEARBY_TABLE + NEARBY_FURNACE):
        mask = craftable(state.world, stations)
        assert mask.shape == (CRAFT_ACTIONS,)
        names = {name for name, number in MINEDOJO_NUMBERS.items() if mask[number]}
        expected = {"stick", "sandstone"}
        if stations & NEARBY_TABLE:
            expected |= {"wooden_pickaxe", "wooden_axe", "wooden_shovel", "wooden_sword", "furnace"}
            expected |= {"stone_pickaxe", "stone_axe", "stone_shovel", "stone_sword"}
        if stations & NEARBY_FURNACE:
            expected |= {"stone"}
        assert names == expected
        assert mask.sum() == len(expected)


def test_the_mask_agrees_with_what_happens() -> None:
    rng = np.random.default_rng(3)
    ids = [item for item in ITEMS if item != NO_ITEM]
    for block in (DIRT, CRAFTING_TABLE, FURNACE):
        for _ in range(10):
            state = workshop(block)
            for slot in range(8):
                state.inventory[slot] = (int(rng.choice(ids)), 1, 0)
            saved = state.inventory.copy()
            mask = craftable(state.world, nearby_stations(state.world))
            for number in MINEDOJO_NUMBERS.values():
                state.inventory[:], state.player[0].smelt_ticks = saved, 0
                assert make(state.world, craft_of_number(number)) == mask[number]


def minedojo(state: WorldState, function: int, craft: int = 0, slot: int = 0) -> None:
    interface = MineDojoInterface(15.0)
    action = np.array([0, 0, 0, 12, 12, function, craft, slot])
    controls, extra = interface.controls(action, state.inventory)
    for n in range(1 + extra):
        tick(state.world, 1.0, controls if n == 0 else type(controls)())


def test_from_logs_to_a_stone_pickaxe_by_minedojos_actions() -> None:
    state = workshop(DIRT, s0=(OAK_LOG, 4), s1=(COBBLESTONE, 3))
    run(state, 1)
    for name in ("planks", "planks", "planks", "stick", "crafting_table"):
        minedojo(state, 4, MINEDOJO_NUMBERS[name])
    assert held(state) == {OAK_LOG: 1, COBBLESTONE: 3, OAK_PLANKS: 6, STICK: 4, CRAFTING_TABLE: 1}
    minedojo(state, 4, MINEDOJO_NUMBERS["wooden_pickaxe"])  # there is no table yet
    slot = next(k for k in range(36) if state.inventory[k, 0] == CRAFTING_TABLE and state.inventory[k, 1])
    minedojo(state, 6, slot=slot)
    assert CRAFTING_TABLE not in held(state)
    for name in ("wooden_pickaxe", "stone_pickaxe"):
        minedojo(state, 4, MINEDOJO_NUMBERS[name])
    assert {ITEMS[item].name for item in held(state)} == {"log", "planks", "wooden_pickaxe", "stone_pickaxe"}
    state.blocks[64, 65, FLOOR + 1] = 0


def test_numbers_of_items_that_this_world_lacks_make_nothing() -> None:
    assert craft_of_number(0) == -1
    state = workshop(DIRT, s0=(OAK_LOG, 4))
    minedojo(state, 4, 0)
    assert held(state) == {OAK_LOG: 4}
    assert sum(craft_of_number(number) >= 0 for number in range(CRAFT_ACTIONS)) == len(MINEDOJO_NUMBERS)


def test_native_actions_name_what_they_make() -> None:
    interface = NativeInterface()
    space: Any = interface.action_space
    for verb, names in CRAFT_NAMES.items():
        assert space[verb].values == ("none", *names)
        assert STATION[verb] in (0, NEARBY_TABLE, NEARBY_FURNACE)
    state = workshop(DIRT, s0=(OAK_LOG, 1))
    action = {**dict.fromkeys(NativeInterface.KEYS, 0), "camera": np.zeros(2), "equip": "none", "place": "none"}
    action |= {"craft": "planks", "craft_with_table": "none", "smelt": "none"}
    controls, extra = interface.controls(action, state.inventory)
    assert extra == 0
    tick(state.world, 1.0, controls)
    assert held(state) == {OAK_PLANKS: 4}
    with pytest.raises(ValueError, match="'smelt' is 'diamond'"):
        interface.controls({**action, "smelt": "diamond"}, state.inventory)
