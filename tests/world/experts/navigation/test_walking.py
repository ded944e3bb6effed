"""Paths lead over dry land, through plants, and out of water."""

from __future__ import annotations

import numpy as np

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog.blocks import AIR, HEIGHT, STONE, TALL_GRASS, WATER
from vpt_gym.world.core import fields
from vpt_gym.world.core.geometry import look_at
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.experts.navigation.walking import (
    RADIUS,
    SPAN,
    clear_walk,
    footing,
    landing,
    next_waypoint,
    steps_from,
    steps_to,
)

Field = np.ndarray


def lake(deep: int = 3) -> WorldState:
    """Returns flat land with the player in a lake of 9 by 9 blocks, level with the ground."""
    state = flat_state()
    state.blocks[60:69, 60:69, FLOOR - deep : FLOOR] = WATER
    fields.fill_all(state.world)
    return state


def fields_of(state: WorldState, x: int, y: int, z: int) -> tuple[Field, Field]:
    origin = np.array((x, y, z), np.int64)
    there, back = (np.empty((SPAN, SPAN, HEIGHT), np.int32) for _ in range(2))
    steps_from(state.blocks, origin, there)
    steps_to(state.blocks, origin, back)
    return there, back


def at(field: Field, x: int, y: int, z: int, origin: tuple[int, int]) -> int:
    return int(field[x - origin[0] + RADIUS, z - origin[1] + RADIUS, y])


def test_no_step_leads_from_land_into_water() -> None:
    state = lake()
    there, back = fields_of(state, 56, FLOOR, 64)
    assert at(there, 64, FLOOR - 1, 64, (56, 64)) == -1
    assert at(there, 72, FLOOR, 64, (56, 64)) > 16  # around the lake
    # but there is a way out of the water: four steps to the shore, then over land
    assert at(back, 64, FLOOR - 1, 64, (56, 64)) == 8


def test_plants_do_not_block_the_way() -> None:
    state = flat_state({(x, FLOOR, 66): TALL_GRASS for x in range(40, 90)})
    there, _ = fields_of(state, 64, FLOOR, 64)
    assert at(there, 64, FLOOR, 66, (64, 64)) == 2
    assert at(there, 64, FLOOR, 70, (64, 64)) == 6
    assert clear_walk(state.blocks, 64.5, FLOOR, 64.5, 0.0, 5.0)


def test_a_straight_walk_does_not_lead_through_water() -> None:
    state = lake()
    assert not clear_walk(state.blocks, 58.5, FLOOR, 64.5, 3.0, 0.0)
    wade = flat_state({(66, FLOOR, 64): WATER})
    assert not clear_walk(wade.blocks, 64.5, FLOOR, 64.5, 4.0, 0.0)
    assert landing(wade.blocks, 65, FLOOR, 64, 1, 0) == -1


def test_the_footing_of_a_diver_is_the_surface_above() -> None:
    state = lake()
    place = np.zeros(3, np.int64)
    assert footing(state.blocks, 64.5, FLOOR - 3.0, 64.5, place)
    assert place.tolist() == [64, FLOOR - 1, 64]


def test_there_is_no_footing_under_a_roof_of_ice() -> None:
    state = lake()
    state.blocks[60:69, 60:69, FLOOR] = STONE
    assert not footing(state.blocks, 64.5, FLOOR - 3.0, 64.5, np.zeros(3, np.int64))


def test_following_the_field_gets_a_swimmer_ashore() -> None:
    state = lake()
    state.place_player(64.5, FLOOR - 3.0, 64.5, 0.0)
    goal = np.array((54, FLOOR, 62), np.int64)
    _, back = fields_of(state, *(int(c) for c in goal))
    place, waypoint = np.zeros(3, np.int64), np.zeros(3)
    for _ in range(300):
        p = state.player[0]
        if footing(state.blocks, p.x, p.y, p.z, place):
            left = next_waypoint(state.blocks, goal, back, place, p.x, p.z, True, waypoint)
            assert left >= 0
            if left == 0:
                break
            p.yaw = look_at(float(waypoint[0]), 0.0, float(waypoint[1]))[0]
        run(state, 1, forward=1, jump=1)
    assert left == 0
    assert not state.player[0].in_water


def test_steps_go_up_one_and_down_three_blocks() -> None:
    state = flat_state({(65, FLOOR, 64): STONE, (64, FLOOR, 65): STONE, (64, FLOOR + 1, 65): STONE})
    assert landing(state.blocks, 64, FLOOR, 64, 1, 0) == FLOOR + 1
    assert landing(state.blocks, 64, FLOOR, 64, 0, 1) == -1
    assert landing(state.blocks, 65, FLOOR + 1, 64, 1, 0) == FLOOR
    for depth, end in ((2, FLOOR - 2), (3, FLOOR - 3), (4, -1)):
        state.blocks[63, 64, FLOOR - depth : FLOOR] = AIR
        assert landing(state.blocks, 64, FLOOR, 64, -1, 0) == end
