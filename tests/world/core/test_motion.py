"""The player moves, reaches and collects as in Minecraft; expected numbers are Minecraft's published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.flat_world import FLOOR, flat_state, held, position, run
from vpt_gym.world.catalog.blocks import AIR, DIRT, OAK_LOG, SIDE, STONE
from vpt_gym.world.core.geometry import REACH, look, look_at, sin_cos, wrapped
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import WorldState

AHEAD = (64, FLOOR + 1, 66)
"""The block two ahead at eye height of a player who looks along +z."""


def speed(**controls: int) -> float:
    """Steady speed on level ground, metres per second."""
    state = run(flat_state(), 60, **controls)
    before = position(state)
    run(state, 60, **controls)  # five jumps
    moved = position(state) - before
    return math.hypot(wrapped(moved[0]), wrapped(moved[2])) / 3.0


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"forward": 1}, 4.317),
        ({"forward": -1}, 4.317),
        ({"strafe": 1}, 4.317),
        ({"forward": 1, "sprint": 1}, 5.612),
        ({"forward": 1, "sneak": 1}, 1.295),
        ({"forward": -1, "sprint": 1}, 4.317),
        ({"forward": 1, "sprint": 1, "jump": 1}, 7.127),
    ],
)
def test_speed_is_minecrafts(controls: dict[str, int], expected: float) -> None:
    assert speed(**controls) == pytest.approx(expected, abs=0.005)


def test_diagonal_walk_is_no_faster() -> None:
    assert speed(forward=1, strafe=1) == pytest.approx(4.317 / 0.98, abs=0.01)  # Minecraft's own 2 % at full input


def test_a_jump_rises_1_2522_blocks_and_lands_after_12_ticks() -> None:
    state = flat_state()
    heights = [run(state, 1, jump=1).player[0].y - FLOOR for _ in range(12)]
    assert max(heights) == pytest.approx(1.2522, abs=1e-4)
    assert heights[-1] == 0.0
    assert state.player[0].on_ground


def test_holding_jump_jumps_again() -> None:
    state = flat_state()
    heights = np.array([run(state, 1, jump=1).player[0].y - FLOOR for _ in range(60)])
    assert ((heights[1:] > 0) & (heights[:-1] == 0)).sum() >= 4


def test_walking_directions_follow_the_heading() -> None:
    for yaw, axis, sign in ((0.0, 2, 1), (90.0, 0, -1), (-180.0, 2, -1), (-90.0, 0, 1)):
        state = flat_state(yaw=yaw)
        before = position(state)
        moved = position(run(state, 10, forward=1)) - before
        assert sign * moved[axis] > 1.0
        assert abs(moved[2 - axis]) < 1e-9
    state = flat_state()
    assert position(run(state, 10, strafe=1))[0] > 64.5  # left of +z is +x


def test_a_sprint_lasts_while_forward_is_held() -> None:
    state = run(flat_state(), 5, forward=1, sprint=1)
    assert run(state, 5, forward=1).player[0].sprinting
    assert not run(state, 1).player[0].sprinting
    run(state, 1, forward=1, sprint=1)
    assert not run(state, 1, forward=1, sneak=1).player[0].sprinting


def test_a_wall_stops_the_player_and_the_sprint() -> None:
    wall = {(x, y, 67): STONE for x in range(62, 68) for y in (FLOOR, FLOOR + 1)}
    state = run(flat_state(wall), 30, forward=1, sprint=1)
    assert position(state)[2] == pytest.approx(67 - 0.3, abs=1e-6)
    assert state.player[0].bumped
    assert not run(state, 1, forward=1).player[0].sprinting


def test_a_step_of_one_block_takes_a_jump() -> None:
    step = {(x, FLOOR, z): STONE for x in range(60, 70) for z in range(67, 72)}
    assert position(run(flat_state(step), 30, forward=1))[1] == FLOOR
    assert position(run(flat_state(step), 30, forward=1, jump=1))[1] >= FLOOR + 1


def test_sneaking_holds_at_an_edge() -> None:
    plateau = {(x, FLOOR, z): STONE for x in range(60, 70) for z in range(60, 67)}
    state = flat_state(plateau)
    state.player[0].y = FLOOR + 1.0
    run(state, 2)
    held = position(run(state, 200, forward=1, sneak=1))
    assert held[1] == FLOOR + 1
    assert held[2] == pytest.approx(67.3, abs=0.06)
    assert position(run(state, 40, forward=1))[1] == FLOOR


def test_the_world_is_a_torus() -> None:
    state = flat_state()
    run(state, 20 * 40, forward=1)
    assert 0.0 <= position(state)[2] < SIDE
    assert position(state)[1] == FLOOR


def test_the_view_turns_by_exact_degrees_and_stops_at_the_poles() -> None:
    state = run(flat_state(), 4, yaw=100.25, pitch=-30.5)
    assert state.player[0].yaw == pytest.approx(41.0)
    assert state.player[0].pitch == -90.0
    assert run(state, 1, pitch=200.0).player[0].pitch == 90.0


@settings(deadline=None)
@given(st.floats(-720, 720))
def test_sine_and_cosine_are_accurate(degrees: float) -> None:
    sine, cosine = sin_cos(degrees)
    assert sine == pytest.approx(math.sin(math.radians(degrees)), abs=1e-13)
    assert cosine == pytest.approx(math.cos(math.radians(degrees)), abs=1e-13)


@settings(deadline=None)
@given(st.floats(-180, 179), st.floats(-89, 89))
def test_look_at_inverts_look(yaw: float, pitch: float) -> None:
    found = look_at(*look(yaw, pitch))
    assert found == pytest.approx((yaw, pitch), abs=1e-6)


def test_reach_is_4_5() -> None:
    near = flat_state({(64, FLOOR + 1, 68): OAK_LOG})  # its face is 3.5 ahead of the middle of the player
    assert near.player[0].aims
    far = flat_state({(64, FLOOR + 1, 70): OAK_LOG})
    assert not far.player[0].aims
    run(far, 3, forward=1)
    while not far.player[0].aims:
        run(far, 1, forward=1)
    assert 70 - position(far)[2] == pytest.approx(REACH, abs=0.25)


def test_a_dropped_log_is_picked_up_by_walking_over_it() -> None:
    state = run(flat_state({AHEAD: OAK_LOG}), 60, attack=1)
    assert held(state) == {}
    run(state, 40, forward=1)
    assert held(state) == {OAK_LOG: 1}
    assert (state.items["item"] == AIR).all()


def test_an_item_can_not_be_picked_up_at_once() -> None:
    state = flat_state()
    state.items[0].x, state.items[0].y, state.items[0].z = 65.0, FLOOR, 65.0
    state.items[0]["item"], state.items[0].delay, state.items[0]["count"] = OAK_LOG, 10, 1
    run(state, 9)
    assert held(state) == {}
    run(state, 1)
    assert held(state) == {OAK_LOG: 1}


def test_drop_throws_one_item_ahead_and_it_comes_back_when_walked_over() -> None:
    state = flat_state()
    state.inventory[2] = (OAK_LOG, 2, 0)
    run(state, 1, slot=2)
    run(state, 1, drop=1)
    assert held(state) == {OAK_LOG: 1}
    run(state, 30)
    item = state.items[0]
    assert item.z - 64.5 > 1.425
    assert item.y == FLOOR
    run(state, 60, forward=1)
    assert held(state) == {OAK_LOG: 2}


def test_dropping_from_an_empty_hand_does_nothing() -> None:
    state = run(flat_state(), 3, drop=1)
    assert (state.items["item"] == AIR).all()


def test_old_items_vanish() -> None:
    state = flat_state()
    state.items[0].x, state.items[0].y, state.items[0].z = 100.0, FLOOR, 100.0
    state.items[0]["item"], state.items[0]["count"] = OAK_LOG, 1
    state.items[0].age = 5999
    run(state, 1)
    assert state.items[0]["item"] == OAK_LOG
    run(state, 1)
    assert state.items[0]["item"] == AIR


@settings(deadline=None)
@given(
    st.tuples(st.floats(60, 68), st.floats(FLOOR, 12), st.floats(60, 68)),
    st.floats(-180, 179),
    st.floats(-90, 90),
)
def test_pick_agrees_with_small_steps_along_the_ray(eye: tuple[float, float, float], yaw: float, pitch: float) -> None:
    rng = np.random.default_rng(5)
    state = WorldState()
    state.blocks[:, :, :FLOOR] = DIRT
    for x, z, y in rng.integers((60, 60, FLOOR), (69, 69, 12), (80, 3)):
        state.blocks[x, z, y] = STONE
    direction = np.array(look(yaw, pitch))
    hit = np.zeros(4, np.int64)
    way = pick(state.blocks, *eye, *direction, REACH, hit)
    for t in np.arange(0.0, REACH, 0.01):
        x, y, z = (int(c) for c in np.floor(np.array(eye) + t * direction))
        if y < 0 or state.blocks[x % SIDE, z % SIDE, y]:
            # small steps may cut a corner that the exact ray touches, never the other way round
            assert 0 <= way <= t + 1e-9
            break
    else:
        assert way < 0 or way > REACH - 0.02 or state.blocks[hit[0], hit[2], hit[1]] != AIR
