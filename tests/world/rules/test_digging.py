"""Digging, drops and items on the ground; expected numbers are those published for Minecraft 1.11."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog.blocks import (
    AIR,
    BEDROCK,
    BIRCH_LEAVES,
    BIRCH_LOG,
    CACTUS,
    COAL_ORE,
    COBBLESTONE,
    CRAFTING_TABLE,
    DANDELION,
    DEAD_BUSH,
    DIRT,
    FERN,
    FURNACE,
    GRASS,
    GRAVEL,
    IRON_ORE,
    OAK_LEAVES,
    OAK_LOG,
    OAK_PLANKS,
    SAND,
    SANDSTONE,
    SNOW,
    STONE,
    TALL_GRASS,
    TORCH,
    WATER,
    WOOL,
)
from vpt_gym.world.catalog.items import (
    APPLE,
    COAL,
    DURABILITY,
    FLINT,
    IRON_AXE,
    IRON_PICKAXE,
    IRON_SHOVEL,
    NO_ITEM,
    SAPLING,
    SHEARS_ITEM,
    STICK,
    STONE_PICKAXE,
    WHEAT_SEEDS,
    WOODEN_AXE,
    WOODEN_PICKAXE,
    WOODEN_SHOVEL,
    WOODEN_SWORD,
)
from vpt_gym.world.core.state import WorldState

CELL = (64, 66, FLOOR + 1)
"""The block two ahead at eye height of a player who looks along +z, as [x, z, y]."""
AHEAD = (64, FLOOR + 1, 66)


def with_tool(block: int, tool: int = NO_ITEM) -> WorldState:
    state = run(flat_state({AHEAD: block}), 1, pitch=4.0)  # flowers and torches are lower than the eye
    if tool != NO_ITEM:
        state.inventory[0] = (tool, 1, 0)
    return state


def dropped(state: WorldState) -> dict[int, int]:
    lying = [(int(item["item"]), int(item["count"])) for item in state.items if item["item"] != NO_ITEM]
    return {item: sum(count for other, count in lying if other == item) for item, _ in lying}


@pytest.mark.parametrize(
    ("block", "tool", "ticks", "drop"),
    [
        (OAK_LOG, NO_ITEM, 60, OAK_LOG),
        (BIRCH_LOG, WOODEN_AXE, 30, BIRCH_LOG),
        (OAK_LOG, IRON_AXE, 10, OAK_LOG),
        (OAK_LOG, IRON_PICKAXE, 60, OAK_LOG),
        (OAK_PLANKS, WOODEN_AXE, 30, OAK_PLANKS),
        (CRAFTING_TABLE, NO_ITEM, 75, CRAFTING_TABLE),
        (DIRT, NO_ITEM, 15, DIRT),
        (DIRT, WOODEN_SHOVEL, 8, DIRT),
        (GRASS, NO_ITEM, 18, DIRT),
        (GRASS, IRON_SHOVEL, 3, DIRT),
        (SAND, NO_ITEM, 15, SAND),
        (STONE, NO_ITEM, 150, NO_ITEM),
        (STONE, WOODEN_PICKAXE, 23, COBBLESTONE),
        (STONE, STONE_PICKAXE, 12, COBBLESTONE),
        (STONE, IRON_PICKAXE, 8, COBBLESTONE),
        (STONE, IRON_SHOVEL, 150, NO_ITEM),
        (COBBLESTONE, WOODEN_PICKAXE, 30, COBBLESTONE),
        (SANDSTONE, WOODEN_PICKAXE, 12, SANDSTONE),
        (COAL_ORE, NO_ITEM, 300, NO_ITEM),
        (COAL_ORE, WOODEN_PICKAXE, 45, COAL),
        (IRON_ORE, WOODEN_PICKAXE, 150, NO_ITEM),
        (IRON_ORE, STONE_PICKAXE, 23, IRON_ORE),
        (FURNACE, WOODEN_PICKAXE, 53, FURNACE),
        (WOOL, NO_ITEM, 24, WOOL),
        (WOOL, SHEARS_ITEM, 5, WOOL),
        (OAK_LEAVES, SHEARS_ITEM, 1, OAK_LEAVES),
        (SNOW, NO_ITEM, 20, NO_ITEM),
        (SNOW, WOODEN_SHOVEL, 3, SNOW),
        (CACTUS, NO_ITEM, 12, CACTUS),
        (DANDELION, NO_ITEM, 1, DANDELION),
        (TORCH, NO_ITEM, 1, TORCH),
        (TALL_GRASS, SHEARS_ITEM, 1, TALL_GRASS),
        (FERN, SHEARS_ITEM, 1, FERN),
    ],
)
def test_dig_times_and_drops(block: int, tool: int, ticks: int, drop: int) -> None:
    state = with_tool(block, tool)
    run(state, ticks - 1, attack=1)
    assert state.blocks[CELL] == block
    run(state, 1, attack=1)
    assert state.blocks[CELL] == AIR
    assert dropped(state) == ({} if drop == NO_ITEM else {drop: 1})


@pytest.mark.parametrize(("tool", "ticks"), [(NO_ITEM, 6), (WOODEN_SWORD, 4)])
def test_leaves_take_six_ticks_by_hand_and_four_with_a_sword(tool: int, ticks: int) -> None:
    state = run(with_tool(OAK_LEAVES, tool), ticks - 1, attack=1)
    assert state.blocks[CELL] == OAK_LEAVES
    assert run(state, 1, attack=1).blocks[CELL] == AIR


@pytest.mark.parametrize(
    ("block", "shares"),
    [
        (OAK_LEAVES, {SAPLING: 0.05, APPLE: 0.005}),
        (BIRCH_LEAVES, {SAPLING: 0.05}),
        (TALL_GRASS, {WHEAT_SEEDS: 0.125}),
        (GRAVEL, {FLINT: 0.1, GRAVEL: 0.9}),
        (DEAD_BUSH, {STICK: 2 / 3}),
    ],
)
def test_chances_of_drops(block: int, shares: dict[int, float]) -> None:
    tries = 2000
    found: dict[int, int] = {}
    state = with_tool(block)
    state.clock[0].seed = 7
    for _ in range(tries):
        state.blocks[CELL] = block
        state.items["item"] = NO_ITEM
        run(state, 1, attack=1, dig_speed=1000.0)
        for item in dropped(state):
            found[item] = found.get(item, 0) + 1
    assert set(found) == set(shares)
    for item, share in shares.items():
        spread = 4 * (share * (1 - share) / tries) ** 0.5
        assert found[item] / tries == pytest.approx(share, abs=spread)


def test_dead_bushes_drop_up_to_two_sticks() -> None:
    counts = set()
    state = with_tool(DEAD_BUSH)
    for _ in range(60):
        state.blocks[CELL] = DEAD_BUSH
        state.items["item"] = NO_ITEM
        run(state, 1, attack=1, dig_speed=1000.0)
        counts.add(sum(dropped(state).values()))
    assert counts == {0, 1, 2}


def test_bedrock_can_not_be_dug() -> None:
    assert run(with_tool(BEDROCK, IRON_PICKAXE), 600, attack=1).blocks[CELL] == BEDROCK


def test_water_is_not_aimed_at() -> None:
    state = flat_state({AHEAD: WATER})
    assert not state.player[0].aims


def test_break_speed_multiplies() -> None:
    assert run(with_tool(OAK_LOG), 20, dig_speed=3.0, attack=1).blocks[CELL] == AIR


def test_a_tool_wears_out_and_breaks() -> None:
    state = with_tool(DIRT, WOODEN_SHOVEL)
    for use in range(1, 60):
        state.blocks[CELL] = DIRT
        while state.blocks[CELL] != AIR:
            run(state, 1, attack=1, dig_speed=50.0)
        state.items["item"] = NO_ITEM
        assert state.inventory[0].tolist() == [WOODEN_SHOVEL, 1, use]
    assert DURABILITY[WOODEN_SHOVEL] == 59
    state.blocks[CELL] = DIRT
    run(state, 30, attack=1, dig_speed=50.0)
    assert state.inventory[0, 1] == 0


def test_plants_wear_no_tool_but_shears() -> None:
    for tool, wear in ((IRON_AXE, 0), (WOODEN_SWORD, 0), (SHEARS_ITEM, 1)):
        state = run(with_tool(TALL_GRASS, tool), 1, attack=1)
        assert state.inventory[0].tolist() == [tool, 1, wear]
    assert run(with_tool(WOOL, WOODEN_SWORD), 60, attack=1).inventory[0].tolist() == [WOODEN_SWORD, 1, 2]


def test_digging_starts_over_when_attack_is_released() -> None:
    state = run(with_tool(OAK_LOG), 59, attack=1)
    run(state, 1)
    run(state, 59, attack=1)
    assert state.blocks[CELL] == OAK_LOG
    assert run(state, 1, attack=1).blocks[CELL] == AIR


def test_digging_starts_over_at_another_block_and_loses_the_tick_of_the_change() -> None:
    state = run(with_tool(OAK_LOG), 59, attack=1)
    run(state, 1, yaw=90.0, attack=1)
    run(state, 1, yaw=-90.0, attack=1)
    run(state, 59, attack=1)
    assert state.blocks[CELL] == OAK_LOG
    assert run(state, 1, attack=1).blocks[CELL] == AIR


def test_digging_starts_over_with_another_tool() -> None:
    state = with_tool(STONE, WOODEN_PICKAXE)
    run(state, 22, attack=1)
    run(state, 1, attack=1, slot=1)
    assert state.player[0].dug < 0.01
    assert state.blocks[CELL] == STONE


def test_digging_in_the_air_and_under_water_is_five_times_slower() -> None:
    tower = {(64, y, 66): OAK_LOG for y in range(FLOOR, FLOOR + 4)}
    state = run(flat_state(tower), 3, jump=1)
    assert not state.player[0].on_ground
    before = state.player[0].dug
    run(state, 1, attack=1)
    assert state.player[0].dug - before == pytest.approx(1 / 60 / 5)
    pool = {(x, y, z): WATER for x in range(60, 69) for z in range(60, 69) for y in range(FLOOR, FLOOR + 3)}
    state = run(flat_state({**pool, AHEAD: OAK_LOG}), 4)
    assert state.player[0].eye_in_water
    assert state.player[0].on_ground
    run(state, 1, attack=1)
    assert state.player[0].dug == pytest.approx(1 / 60 / 5)


def test_the_next_block_waits_six_ticks_but_not_after_one_that_breaks_at_once() -> None:
    row = {(64, FLOOR + 1, z): OAK_LEAVES for z in (66, 67)}
    state = run(flat_state(row), 6, attack=1)
    assert state.blocks[CELL] == AIR
    run(state, 11, attack=1)
    assert state.blocks[64, 67, FLOOR + 1] == OAK_LEAVES
    assert run(state, 1, attack=1).blocks[64, 67, FLOOR + 1] == AIR
    flowers = {(64, FLOOR + 1, z): DANDELION for z in (66, 67)}
    state = run(run(flat_state(flowers), 1, pitch=4.0), 2, attack=1)
    assert state.blocks[CELL] == AIR
    assert state.blocks[64, 67, FLOOR + 1] == AIR


def test_what_stands_on_a_block_breaks_off_and_drops() -> None:
    state = flat_state({AHEAD: GRASS, (64, FLOOR + 2, 66): DANDELION})
    run(state, 18, attack=1)
    assert state.blocks[64, 66, FLOOR + 2] == AIR
    assert dropped(state) == {DIRT: 1, DANDELION: 1}
    state = flat_state({AHEAD: SAND, **{(64, FLOOR + k, 66): CACTUS for k in (2, 3, 4)}})
    run(state, 15, attack=1)
    assert (state.blocks[64, 66, FLOOR + 1 : FLOOR + 6] == AIR).all()
    assert dropped(state) == {SAND: 1, CACTUS: 3}


def test_digging_causes_exhaustion() -> None:
    state = run(with_tool(OAK_LOG), 60, attack=1)
    assert state.player[0].exhaustion == pytest.approx(0.005)


def test_a_furnace_spills_what_is_in_it() -> None:
    state = with_tool(FURNACE, WOODEN_PICKAXE)
    furnace = state.furnaces[0]
    furnace.used, furnace.x, furnace.y, furnace.z = 1, *AHEAD
    furnace.input, furnace.input_count = IRON_ORE, 3
    furnace.output, furnace.output_count = COAL, 2
    furnace.fuel, furnace.fuel_count, furnace.fuel_wear = WOODEN_PICKAXE, 1, 17
    run(state, 53, attack=1)
    assert dropped(state) == {FURNACE: 1, IRON_ORE: 3, COAL: 2, WOODEN_PICKAXE: 1}
    assert {int(item["wear"]) for item in state.items if item["item"] == WOODEN_PICKAXE} == {17}
    assert not state.furnaces["used"].any()


def test_drops_lie_in_their_cell_and_are_random_but_repeatable() -> None:
    places = []
    for seed in (1, 1, 2):
        state = with_tool(DIRT)
        state.clock[0].seed = seed
        run(state, 14, attack=1)
        run(state, 1, attack=1)
        item = state.items[0]
        assert 64.125 <= item.x <= 64.875
        assert 66.0 <= item.z <= 67.0
        places.append((float(item.x), float(item.z), float(item.vx)))
    assert places[0] == places[1] != places[2]


def test_items_of_a_stack_are_picked_up_as_far_as_there_is_room() -> None:
    state = flat_state()
    state.inventory[:] = (DIRT, 64, 0)
    state.inventory[5] = (OAK_LOG, 60, 0)
    item = state.items[0]
    item.x, item.y, item.z, item.item, item.count = 64.5, FLOOR, 64.5, OAK_LOG, 10
    run(state, 2)
    assert state.inventory[5].tolist() == [OAK_LOG, 64, 0]
    assert dropped(state) == {OAK_LOG: 6}


def test_worn_tools_keep_their_wear_when_thrown_and_picked_up() -> None:
    state = flat_state()
    state.inventory[0] = (WOODEN_AXE, 1, 17)
    state.inventory[1] = (WOODEN_AXE, 1, 0)
    run(state, 1, drop=1)
    assert state.inventory[0, 1] == 0
    assert state.items[0].wear == 17
    state.items[0].delay = 0
    state.items[0].x, state.items[0].z = 64.5, 64.5
    run(state, 2)
    axes = [tuple(row) for row in state.inventory.tolist() if row[1]]
    assert sorted(axes) == [(WOODEN_AXE, 1, 0), (WOODEN_AXE, 1, 17)]


def test_held_drop_throws_once() -> None:
    state = flat_state()
    state.inventory[0] = (DIRT, 5, 0)
    run(state, 5, drop=1)
    assert state.inventory[0, 1] == 4
    run(state, 1)
    assert run(state, 1, drop=1).inventory[0, 1] == 3


def test_a_full_world_of_items_loses_drops_but_keeps_what_is_thrown() -> None:
    state = with_tool(OAK_LOG)
    state.items["item"], state.items["count"] = DIRT, 1
    state.items["x"], state.items["y"], state.items["z"] = 10.0, FLOOR, 10.0
    state.inventory[0] = (OAK_LOG, 1, 0)
    run(state, 1, drop=1)
    assert state.inventory[0].tolist() == [OAK_LOG, 1, 0]
    run(state, 60, attack=1)
    assert state.blocks[CELL] == AIR
    assert (state.items["item"] == DIRT).all()
    assert np.isfinite(state.items["y"]).all()
