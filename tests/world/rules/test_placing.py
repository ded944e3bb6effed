"""Placing blocks, and buckets of water."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, held, position, run
from vpt_gym.world.catalog.blocks import (
    AIR,
    CACTUS,
    CRAFTING_TABLE,
    DANDELION,
    DEAD_BUSH,
    DIRT,
    FURNACE,
    GRASS,
    HEIGHT,
    OAK_LEAVES,
    OAK_LOG,
    SAND,
    STONE,
    TALL_GRASS,
    TORCH,
    WATER,
)
from vpt_gym.world.catalog.creatures import COW
from vpt_gym.world.catalog.items import BUCKET, SAPLING, STICK, WATER_BUCKET
from vpt_gym.world.core import fields
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures.spawning import spawn

AHEAD = (64, FLOOR + 1, 66)


def looking_down(item: int, ground: int = GRASS, count: int = 5) -> WorldState:
    """A player who looks at the top of a block of ground two blocks ahead, with a stack of items in the hand."""
    state = flat_state({(x, FLOOR - 1, z): ground for x in range(62, 67) for z in range(63, 70)})
    run(state, 1, pitch=40.0)
    state.inventory[0] = (item, count, 0)
    assert (state.player[0].aim_y, state.player[0].aim_face) == (FLOOR - 1, 3)
    return state


def test_use_places_the_selected_block_against_the_aimed_face() -> None:
    state = flat_state({AHEAD: STONE})
    state.inventory[0] = (OAK_LOG, 3, 0)
    run(state, 1, use=1)
    assert state.blocks[64, 65, FLOOR + 1] == OAK_LOG
    assert held(state) == {OAK_LOG: 2}


def test_held_use_places_every_four_ticks_and_presses_at_once() -> None:
    state = looking_down(DIRT, count=64)
    for ticks, placed in ((1, 1), (3, 1), (1, 2)):
        run(state, ticks, use=1, yaw=0.0)
        state.blocks[:, :, FLOOR:] = AIR
        fields.fill_all(state.world)
        run(state, 0)
        assert 64 - held(state)[DIRT] == placed
    for _ in range(3):
        run(state, 1)
        run(state, 1, use=1)
        state.blocks[:, :, FLOOR:] = AIR
        fields.fill_all(state.world)
    assert 64 - held(state)[DIRT] == 5


def test_blocks_are_not_placed_into_the_player_or_without_a_target() -> None:
    state = flat_state()
    state.inventory[0] = (OAK_LOG, 1, 0)
    run(state, 1, use=1)  # nothing within reach
    run(state, 1, pitch=90.0)
    run(state, 1, use=1)  # the ground under the feet
    assert held(state) == {OAK_LOG: 1}


def test_blocks_are_not_placed_into_creatures_but_torches_are() -> None:
    for item, placed in ((STONE, False), (TORCH, True)):
        state = looking_down(item)
        player = state.player[0]
        x, z = int(player.aim_x), int(player.aim_z)
        spawn(state.world, COW, x + 0.5, float(FLOOR), z + 1.4)  # it reaches into the cell, behind the cross-hairs
        run(state, 1, use=1)
        assert (state.blocks[x, z, FLOOR] == item) == placed


def test_pillaring_up_stays_inside_the_world() -> None:
    state = run(flat_state(), 1, pitch=90.0)
    state.inventory[:9] = (DIRT, 64, 0)
    for _ in range(60):
        run(state, 14, jump=1, use=1)
    assert HEIGHT - 6 < position(state)[1] < HEIGHT - 2


@pytest.mark.parametrize(
    ("item", "ground", "stands"),
    [
        (TORCH, STONE, True),
        (TORCH, OAK_LEAVES, False),
        (DANDELION, GRASS, True),
        (DANDELION, DIRT, True),
        (DANDELION, STONE, False),
        (DEAD_BUSH, SAND, True),
        (DEAD_BUSH, GRASS, False),
        (CACTUS, SAND, True),
        (CACTUS, GRASS, False),
        (STONE, OAK_LEAVES, True),
    ],
)
def test_plants_and_torches_need_their_ground(item: int, ground: int, stands: bool) -> None:
    state = looking_down(item, ground)
    run(state, 1, use=1)
    assert held(state) == {item: 4 if stands else 5}


def test_a_cactus_stands_alone() -> None:
    state = looking_down(CACTUS, SAND)
    x, z = int(state.player[0].aim_x), int(state.player[0].aim_z)
    fields.set_block(state.world, x + 1, FLOOR, z, STONE)
    run(state, 1, use=1)
    assert held(state) == {CACTUS: 5}


def test_grass_and_water_give_way_to_blocks() -> None:
    for there in (TALL_GRASS, WATER):
        state = looking_down(STONE)
        x, z = int(state.player[0].aim_x), int(state.player[0].aim_z)
        fields.set_block(state.world, x, FLOOR, z, there)
        run(state, 1)
        run(state, 1, use=1)
        assert state.blocks[x, z, FLOOR] == STONE


def test_items_that_are_no_blocks_are_not_placed() -> None:
    for item in (STICK, SAPLING):
        state = run(looking_down(item), 8, use=1)
        assert held(state) == {item: 5}


def test_equip_swaps_place_places_and_destroy_empties() -> None:
    state = flat_state({AHEAD: STONE})
    state.inventory[0] = (DIRT, 2, 0)
    state.inventory[20] = (OAK_LOG, 3, 0)
    run(state, 1, equip=20)
    assert state.inventory[0].tolist() == [OAK_LOG, 3, 0]
    run(state, 1, place=20)
    assert state.blocks[64, 65, FLOOR + 1] == DIRT
    assert state.inventory[20, :2].tolist() == [DIRT, 1]
    run(state, 1, destroy=0)
    assert held(state) == {DIRT: 1}


def pond(cells: list[tuple[int, int]]) -> WorldState:
    """A player who looks down at water in the ground two blocks ahead, with buckets in the hand."""
    state = flat_state({(64 + dx, FLOOR - 1, 66 + dz): WATER for dx, dz in cells})
    run(state, 1, pitch=45.0)
    state.inventory[0] = (BUCKET, 1, 0)
    return state


def test_a_bucket_takes_water_and_pours_it_out() -> None:
    state = run(pond([(0, 0)]), 1, use=1)
    assert held(state) == {WATER_BUCKET: 1}
    assert state.blocks[64, 66, FLOOR - 1] == AIR
    run(state, 1)
    run(state, 1, use=1)
    assert held(state) == {BUCKET: 1}
    assert (state.blocks == WATER).sum() == 1


def test_water_between_water_fills_up_again() -> None:
    state = run(pond([(0, 0), (1, 0), (-1, 0)]), 1, use=1)
    assert held(state) == {WATER_BUCKET: 1}
    assert state.blocks[64, 66, FLOOR - 1] == WATER


def test_one_bucket_of_a_stack_is_filled() -> None:
    state = pond([(0, 0)])
    state.inventory[0] = (BUCKET, 3, 0)
    run(state, 1, use=1)
    assert held(state) == {BUCKET: 2, WATER_BUCKET: 1}


def test_a_bucket_needs_water_in_sight() -> None:
    state = run(looking_down(BUCKET), 8, use=1)
    assert held(state) == {BUCKET: 5}
    state = flat_state({(64, FLOOR + 1, 65): STONE, (64, FLOOR + 1, 66): WATER})
    state.inventory[0] = (BUCKET, 1, 0)
    assert held(run(state, 8, use=1)) == {BUCKET: 1}


def test_poured_water_washes_flowers_away() -> None:
    flower = (64, FLOOR + 1, 66)
    state = flat_state({(64, FLOOR, 66): GRASS, flower: DANDELION, (64, FLOOR + 1, 67): STONE})
    state.inventory[0] = (WATER_BUCKET, 1, 0)
    assert state.player[0].aim_z == 67  # over the flower
    run(state, 1, use=1)
    assert state.blocks[64, 66, FLOOR + 1] == WATER
    assert held(state) == {BUCKET: 1}
    assert state.items["item"].max() == DANDELION


@pytest.mark.parametrize(("block", "kind"), [(CRAFTING_TABLE, 2), (FURNACE, 3)])
def test_use_opens_tables_and_furnaces(block: int, kind: int) -> None:
    state = flat_state({AHEAD: block})
    state.inventory[0] = (DIRT, 5, 0)
    run(state, 1, use=1)
    screen = state.screen[0]
    assert (screen.open, screen.x, screen.y, screen.z) == (kind, *AHEAD)
    assert (screen.cursor_x, screen.cursor_y) == (320.0, 180.0)
    assert held(state) == {DIRT: 5}


def test_a_sneaking_player_builds_against_a_table_and_minedojos_interfaces_open_none() -> None:
    for controls in ({"sneak": 1}, {"opens": 0}):
        state = flat_state({AHEAD: CRAFTING_TABLE})
        state.inventory[0] = (DIRT, 5, 0)
        run(state, 2, **{**controls, "use": 1})
        assert state.screen[0].open == 0
        assert held(state) == {DIRT: 4}


def test_light_and_fields_follow_what_is_placed() -> None:
    state = run(looking_down(TORCH), 1, use=1)
    mended = [np.array(array) for array in (state.tops, state.leaps, state.light)]
    fields.fill_all(state.world)
    for array, fresh in zip(mended, (state.tops, state.leaps, state.light), strict=True):
        np.testing.assert_array_equal(array, fresh)
