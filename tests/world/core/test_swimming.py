"""Bodies in water, and creatures, move as in Minecraft 1.11; expected numbers follow from its constants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, position, run
from vpt_gym.world.catalog.blocks import AIR, HEIGHT, OAK_LEAVES, POPPY, STONE, TALL_GRASS, TORCH, WATER
from vpt_gym.world.catalog.creatures import CHICKEN, CREATURE_SPEED, PIG, ZOMBIE
from vpt_gym.world.core import fields
from vpt_gym.world.core.geometry import wrapped
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures.motion import move

DEEP = FLOOR + 20


def pool(top: int = DEEP, reach: int = 12, floor: int = FLOOR) -> WorldState:
    """A flat world of stone up to ``top`` with a basin of water around the player, whose last layer is ``top`` - 1."""
    state = flat_state()
    state.blocks[:, :, FLOOR:top] = STONE
    span = slice(64 - reach, 65 + reach)
    state.blocks[span, span, floor:top] = WATER
    fields.fill_all(state.world)
    state.place_player(64.5, float(floor), 64.5, 0.0)
    return state


def per_tick(state: WorldState, ticks: int, **controls: int) -> np.ndarray:
    before = position(state)
    moved = position(run(state, ticks, **controls)) - before
    return np.array((wrapped(moved[0]), moved[1], wrapped(moved[2]))) / ticks


def test_rising_and_sinking_are_two_metres_per_second() -> None:
    state = pool(HEIGHT - 6)
    run(state, 20, jump=1)
    assert per_tick(state, 20, jump=1)[1] * 20 == pytest.approx(2.0, abs=0.02)
    run(state, 80, jump=1)
    run(state, 40)
    assert per_tick(state, 20)[1] * 20 == pytest.approx(-2.0, abs=0.02)


def test_swimming_is_1_96_metres_per_second() -> None:
    state = pool(reach=20)
    run(state, 30, jump=1)
    assert state.player[0].in_water
    assert state.player[0].eye_in_water
    run(state, 20, forward=1)
    assert per_tick(state, 20, forward=1)[2] * 20 == pytest.approx(1.96, abs=0.01)


def test_sprinting_is_no_faster_in_water() -> None:
    state = pool(reach=20)
    run(state, 50, forward=1, sprint=1)
    assert per_tick(state, 20, forward=1, sprint=1)[2] * 20 == pytest.approx(1.96, abs=0.01)


def test_a_swimmer_stays_at_the_surface_with_the_head_out() -> None:
    state = pool(FLOOR + 4)
    run(state, 100, jump=1)
    heights, breath = [], []
    for _ in range(60):
        run(state, 1, jump=1)
        heights.append(state.player[0].y)
        breath.append(not state.player[0].eye_in_water)
    assert max(heights) - min(heights) < 1.0
    assert all(breath)


@pytest.mark.parametrize("yaw", [0.0, 90.0, -180.0, -90.0])
def test_a_swimmer_climbs_out_at_the_shore(yaw: float) -> None:
    state = pool(FLOOR + 4, reach=4)
    state.player[0].yaw = yaw
    run(state, 100, jump=1, forward=1)
    run(state, 20)
    assert state.player[0].y == FLOOR + 4
    assert not state.player[0].in_water


def test_a_wall_two_blocks_over_the_water_can_not_be_climbed() -> None:
    state = pool(FLOOR + 6, reach=4)
    state.blocks[:, :, FLOOR + 4 : FLOOR + 6][state.blocks[:, :, FLOOR + 4 : FLOOR + 6] == WATER] = AIR
    highest = max(float(run(state, 1, jump=1, forward=1).player[0].y) for _ in range(200))
    assert highest < FLOOR + 6


def test_water_breaks_a_fall_and_ground_counts_it() -> None:
    wet, dry = pool(FLOOR + 4, floor=FLOOR + 1), pool(FLOOR + 4, reach=0)
    for state in (wet, dry):
        state.player[0].x, state.player[0].y = 68.5, FLOOR + 4 + 12.0
        state.player[0].on_ground = 0
        before = state.player[0].health
        for _ in range(60):
            run(state, 1)
        assert (state.player[0].health == before) == (state is wet)
        assert state.player[0].fallen == 0.0


def test_knee_deep_water_is_water_but_its_edge_is_not() -> None:
    state = pool(FLOOR + 1)
    run(state, 1)
    assert state.player[0].in_water
    assert not state.player[0].eye_in_water
    state.player[0].y = FLOOR + 0.65
    assert not run(state, 1).player[0].in_water


def test_the_eye_is_in_water_when_its_cell_is() -> None:
    state = pool(FLOOR + 2)
    assert run(state, 5).player[0].eye_in_water
    shallow = pool(FLOOR + 1)
    assert not run(shallow, 5).player[0].eye_in_water


def test_plants_stop_no_body_but_are_aimed_at() -> None:
    state = flat_state({(64, FLOOR, z): TALL_GRASS for z in range(65, 70)})
    run(state, 40, forward=1)
    assert position(state)[2] > 70
    hit = np.zeros(4, np.int64)
    assert pick(state.blocks, 64.5, FLOOR + 0.5, 64.5, 0.0, 0.0, 1.0, 4.5, hit) == pytest.approx(0.6)
    assert hit.tolist() == [64, FLOOR, 65, 4]


@pytest.mark.parametrize(("plant", "aside", "tall"), [(TALL_GRASS, 0.4, 0.8), (POPPY, 0.2, 0.6), (TORCH, 0.1, 0.6)])
def test_plants_are_aimed_at_within_their_boxes(plant: int, aside: float, tall: float) -> None:
    state = flat_state({(64, FLOOR, 66): plant, (64, FLOOR, 67): STONE})
    hit = np.zeros(4, np.int64)

    def first(x: float, y: float, dx: float = 0.0, dy: float = 0.0, dz: float = 1.0) -> tuple[int, float]:
        way = pick(state.blocks, x, FLOOR + y, 64.5, dx, dy, dz, 4.5, hit)
        return int(hit[2]), way

    assert first(64.5 + aside - 0.01, tall - 0.01) == (66, pytest.approx(2.0 - aside))
    assert first(64.5 + aside + 0.01, tall - 0.01)[0] == 67
    assert first(64.5, tall + 0.01)[0] == 67
    down = pick(state.blocks, 64.5, FLOOR + 2.0, 66.5, 0.0, -1.0, 0.0, 4.5, hit)
    assert down == pytest.approx(2.0 - tall)
    assert hit.tolist() == [64, FLOOR, 66, 3]


def test_the_eye_aims_through_water() -> None:
    state = flat_state({(64, FLOOR, 65): WATER, (64, FLOOR, 66): STONE})
    hit = np.zeros(4, np.int64)
    assert pick(state.blocks, 64.5, FLOOR + 0.5, 64.5, 0.0, 0.0, 1.0, 4.5, hit) == pytest.approx(1.5)
    assert hit[2] == 66


def creature(state: WorldState, kind: int, x: float, y: float, z: float) -> np.record:
    c = state.creatures[0]
    c.kind, c.x, c.y, c.z, c.on_ground = kind, x, y, z, 1
    return c


def walk(state: WorldState, c: np.record, ticks: int, x: float = 0.0, z: float = 0.0) -> None:
    for _ in range(ticks):
        c.age += 1
        move(state.blocks, 1, c, float(x), float(z), np.empty(3), np.empty(3), np.empty(3))


@pytest.mark.parametrize("kind", [PIG, ZOMBIE])
def test_a_creatures_speed_follows_from_its_attribute(kind: int) -> None:
    state = flat_state()
    c = creature(state, kind, 30.5, FLOOR, 30.5)
    walk(state, c, 40, z=CREATURE_SPEED[kind])
    before = float(c.z)
    walk(state, c, 20, z=CREATURE_SPEED[kind])
    # the attribute is both the push and its factor; the ground leaves 0.546 of the speed
    assert c.z - before == pytest.approx(20 * 0.98 * CREATURE_SPEED[kind] ** 2 / (1 - 0.546), rel=1e-6)
    assert c.y == FLOOR


def test_creatures_climb_a_block_by_jumping_and_stop_at_two() -> None:
    low = flat_state({(x, FLOOR, 33): STONE for x in range(28, 34)})
    c = creature(low, PIG, 30.5, FLOOR, 30.5)
    heights = []
    while c.z < 33.5:
        walk(low, c, 1, z=0.25)
        heights.append(float(c.y))
    assert heights[0] == FLOOR
    assert max(heights) > FLOOR + 1.2
    assert c.y == FLOOR + 1
    high = flat_state({(x, y, 33): STONE for x in range(28, 34) for y in (FLOOR, FLOOR + 1)})
    c = creature(high, PIG, 30.5, FLOOR, 30.5)
    walk(high, c, 120, z=0.25)
    assert c.z == pytest.approx(33 - 0.45, abs=1e-6)
    assert c.y == FLOOR


@pytest.mark.parametrize("kind", [PIG, CHICKEN, ZOMBIE])
def test_creatures_float_by_swimming_up(kind: int) -> None:
    state = pool(FLOOR + 6)
    c = creature(state, kind, 64.5, FLOOR + 1.0, 64.5)
    walk(state, c, 120)
    assert c.in_water or c.vy < 0.0 or c.y > FLOOR + 4.5
    assert FLOOR + 4.5 < c.y < FLOOR + 6.2


def test_leaves_bear_a_body() -> None:
    state = flat_state({(64, FLOOR, 65): OAK_LEAVES, (64, FLOOR + 1, 65): OAK_LEAVES})
    run(state, 20, forward=1)
    assert state.player[0].bumped
    assert math.isclose(position(state)[2], 65 - 0.3, abs_tol=1e-6)
