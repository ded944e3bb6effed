"""The screens with slots: the rules of clicks, and the way from a log to a furnace by the cursor alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.flat_world import FLOOR, flat_state, held, stow
from vpt_gym.actions.human import human_action
from vpt_gym.world.catalog.blocks import (
    AIR,
    COBBLESTONE,
    CRAFTING_TABLE,
    DIRT,
    FURNACE,
    IRON_ORE,
    OAK_LOG,
    OAK_PLANKS,
    STONE,
)
from vpt_gym.world.catalog.items import (
    COAL,
    IRON_INGOT,
    STACK_SIZE,
    STICK,
    WOODEN_AXE,
    WOODEN_PICKAXE,
    WOODEN_SHOVEL,
    WOODEN_SWORD,
)
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.interface.actions import HumanInterface
from vpt_gym.world.player.screen_layout import (
    CLOSED,
    FURNACE_FUEL_SLOT,
    FURNACE_INPUT_SLOT,
    FURNACE_OUTPUT_SLOT,
    FURNACE_SCREEN,
    GRID_SLOT,
    INVENTORY_SCREEN,
    NO_SLOT,
    OUTSIDE,
    RESULT_SLOT,
    TABLE_SCREEN,
    middle_of,
    slot_at,
    slots,
)
from vpt_gym.world.player.screens import operate, pressed_keys
from vpt_gym.world.player.tick import tick

AHEAD = (64, FLOOR + 1, 66)
_HUMAN = HumanInterface()


def human(state: WorldState, *keys: str, camera: tuple[float, float] = (0.0, 0.0), ticks: int = 1) -> None:
    """Plays some ticks of the same human action."""
    for _ in range(ticks):
        controls, extra = _HUMAN.controls(human_action(*keys, camera=camera), state.inventory)
        assert extra == 0
        tick(state.world, 1.0, controls)


def operate_human(state: WorldState, *keys: str) -> None:
    """Applies keys to the screen, without a tick of the world and its furnaces."""
    controls, _ = _HUMAN.controls(human_action(*keys), state.inventory)
    if state.screen[0].open:
        operate(state.world, controls)
    state.player[0].keys = pressed_keys(controls)


def point(state: WorldState, slot: int) -> None:
    """Moves the cursor to a slot, in steps within the camera's limit."""
    screen = state.screen[0]
    goal = np.array(middle_of(int(screen.open), slot)[::-1])
    for _ in range(20):
        way = (goal - (screen.cursor_y, screen.cursor_x)) * 0.15
        if np.abs(way).max() < 0.1:
            break
        human(state, camera=tuple(np.clip(way, -10.0, 10.0).tolist()))
    assert slot_at(int(screen.open), float(screen.cursor_x), float(screen.cursor_y)) == slot


def click(state: WorldState, slot: int, *keys: str) -> None:
    """Moves the cursor to a slot and presses keys there."""
    point(state, slot)
    human(state, *keys)
    human(state)


def opened(kind: int = INVENTORY_SCREEN, **stacks: tuple[int, int]) -> WorldState:
    """Returns a state with an open screen; stacks are named s0 to s35."""
    if kind == INVENTORY_SCREEN:
        state = flat_state()
    else:
        state = flat_state({AHEAD: CRAFTING_TABLE if kind == TABLE_SCREEN else FURNACE})
    stow(state, **stacks)
    human(state, "inventory" if kind == INVENTORY_SCREEN else "use")
    human(state)
    assert state.screen[0].open == kind
    return state


def carried(state: WorldState) -> tuple[int, int]:
    return int(state.screen[0].carried_item), int(state.screen[0].carried_count)


@pytest.mark.parametrize("kind", [INVENTORY_SCREEN, TABLE_SCREEN, FURNACE_SCREEN])
def test_slots_do_not_overlap_and_are_found_by_their_middle(kind: int) -> None:
    cells = set()
    for x, y, slot in slots(kind):
        assert 0 <= x <= 160
        assert 0 <= y <= 150
        cells |= {(x + i, y + j) for i in range(16) for j in range(16)}
        assert slot_at(kind, *middle_of(kind, slot)) == slot
    assert len(cells) == 256 * len(slots(kind))
    assert len({slot for *_, slot in slots(kind)}) == len(slots(kind))
    assert slot_at(kind, 1.0, 1.0) == OUTSIDE
    assert slot_at(kind, 320.0, 180.0 - 30.0) in (NO_SLOT, *(slot for *_, slot in slots(kind)))


def test_the_panel_is_minecrafts_in_the_middle_of_vpts_window() -> None:
    assert middle_of(INVENTORY_SCREEN, 0) == (232 + 8 + 8, 97 + 142 + 8)
    assert middle_of(TABLE_SCREEN, RESULT_SLOT) == (232 + 124 + 8, 97 + 35 + 8)
    assert middle_of(FURNACE_SCREEN, FURNACE_FUEL_SLOT) == (232 + 56 + 8, 97 + 53 + 8)
    with pytest.raises(ValueError, match="no slot 45"):
        middle_of(FURNACE_SCREEN, RESULT_SLOT)
    with pytest.raises(ValueError, match="screen is 7"):
        slots(7)


def test_the_inventory_key_opens_and_closes_and_escape_closes() -> None:
    state = flat_state()
    human(state, "inventory")
    assert state.screen[0].open == INVENTORY_SCREEN
    human(state, "inventory", ticks=5)  # held: nothing new
    assert state.screen[0].open == INVENTORY_SCREEN
    human(state)
    human(state, "inventory")
    assert state.screen[0].open == CLOSED
    human(state)
    human(state, "inventory")
    human(state, "ESC")
    assert state.screen[0].open == CLOSED
    human(state, "ESC", ticks=3)
    assert state.screen[0].open == CLOSED


def test_the_camera_moves_the_cursor_by_pixels_and_keys_do_not_move_the_player() -> None:
    state = opened()
    before = state.player[0].copy()
    human(state, "forward", "jump", "sprint", camera=(3.0, -1.5))
    screen = state.screen[0]
    assert (screen.cursor_x, screen.cursor_y) == pytest.approx((320 - 10, 180 + 20))
    human(state, camera=(180.0, 180.0))
    assert (screen.cursor_x, screen.cursor_y) == (639.0, 359.0)
    human(state, camera=(-180.0, -180.0))
    human(state, camera=(-180.0, -180.0))
    assert (screen.cursor_x, screen.cursor_y) == (0.0, 0.0)
    after = state.player[0]
    assert (after.x, after.y, after.z, after.yaw, after.pitch) == (before.x, before.y, before.z, before.yaw, 0.0)


def test_a_left_click_takes_puts_and_swaps_a_stack() -> None:
    state = opened(s0=(DIRT, 10), s5=(STONE, 3))
    click(state, 0, "attack")
    assert (carried(state), held(state)) == ((DIRT, 10), {STONE: 3})
    click(state, 20, "attack")
    assert state.inventory[20].tolist() == [DIRT, 10, 0]
    click(state, 20, "attack")
    click(state, 5, "attack")
    assert state.inventory[5].tolist() == [DIRT, 10, 0]
    assert carried(state) == (STONE, 3)


def test_a_held_button_is_one_click() -> None:
    state = opened(s0=(DIRT, 10))
    point(state, 0)
    human(state, "attack", ticks=6)
    assert carried(state) == (DIRT, 10)


def test_a_right_click_takes_half_and_puts_one() -> None:
    state = opened(s0=(DIRT, 7))
    click(state, 0, "use")
    assert carried(state) == (DIRT, 4)
    click(state, 9, "use")
    click(state, 9, "use")
    assert state.inventory[9].tolist() == [DIRT, 2, 0]
    assert carried(state) == (DIRT, 2)


def test_stacks_end_at_their_size_and_worn_tools_do_not_stack() -> None:
    state = opened(s0=(DIRT, 40), s1=(DIRT, 40))
    click(state, 0, "attack")
    click(state, 1, "attack")
    assert (carried(state), state.inventory[1, 1]) == ((DIRT, 16), 64)
    state = opened(s0=(WOODEN_AXE, 1), s1=(WOODEN_AXE, 1))
    state.inventory[1, 2] = 5
    click(state, 0, "attack")
    click(state, 1, "attack")
    assert state.inventory[1].tolist() == [WOODEN_AXE, 1, 0]
    assert int(state.screen[0].carried_wear) == 5


def test_a_click_outside_throws_the_stack_or_one_item() -> None:
    state = opened(s0=(DIRT, 7))
    click(state, 0, "attack")
    human(state, camera=(-30.0, -60.0))
    human(state, "use")
    human(state)
    assert carried(state) == (DIRT, 6)
    human(state, "attack")
    assert carried(state)[1] == 0
    assert sorted(state.items["count"][state.items["item"] == DIRT].tolist()) == [1, 6]


def test_sneak_moves_a_stack_between_hotbar_and_the_rest() -> None:
    state = opened(s0=(DIRT, 7), s9=(DIRT, 60))
    click(state, 0, "sneak", "attack")
    assert state.inventory[9, 1] == 64
    assert state.inventory[10].tolist() == [DIRT, 3, 0]
    click(state, 10, "sneak", "attack")
    assert state.inventory[0].tolist() == [DIRT, 3, 0]


def test_hotbar_keys_swap_with_the_slot_under_the_cursor() -> None:
    state = opened(s3=(DIRT, 7), s20=(STONE, 2))
    click(state, 20, "hotbar.4")
    assert state.inventory[3].tolist() == [STONE, 2, 0]
    assert state.inventory[20].tolist() == [DIRT, 7, 0]
    assert state.player[0].slot == 0
    point(state, 20)
    human(state, "hotbar.4", ticks=2)  # back and forth: recorded results depend on it
    assert state.inventory[20].tolist() == [DIRT, 7, 0]


def test_drop_throws_one_from_the_slot_under_the_cursor() -> None:
    state = opened(s20=(STONE, 2))
    click(state, 20, "drop")
    assert held(state) == {STONE: 1}
    assert state.items["item"].max() == STONE


def test_closing_returns_what_is_on_the_grid_and_the_cursor() -> None:
    state = opened(s0=(OAK_LOG, 5), s1=(DIRT, 3))
    click(state, 0, "attack")
    click(state, GRID_SLOT, "use")
    click(state, 0, "attack")
    click(state, 1, "attack")
    human(state, "ESC")
    assert held(state) == {OAK_LOG: 5, DIRT: 3}
    assert state.grid.sum() == 0
    assert carried(state)[1] == 0


def test_a_result_is_taken_whole_and_costs_one_of_each_cell() -> None:
    state = opened(s0=(OAK_LOG, 5))
    click(state, 0, "attack")
    click(state, GRID_SLOT + 4, "attack")
    click(state, RESULT_SLOT, "use")
    assert carried(state) == (OAK_PLANKS, 4)
    click(state, RESULT_SLOT, "attack")
    assert carried(state) == (OAK_PLANKS, 8)
    assert state.grid[4, 1] == 3
    click(state, 30, "attack")
    click(state, RESULT_SLOT, "sneak", "attack")
    assert held(state) == {OAK_PLANKS: 20}
    assert state.grid[4, 1] == 0
    click(state, RESULT_SLOT, "attack")  # nothing to take
    assert carried(state)[1] == 0


def test_a_result_takes_nothing_and_stays_when_there_is_no_room() -> None:
    state = opened(s0=(OAK_LOG, 5), s1=(DIRT, 1))
    click(state, 0, "attack")
    click(state, GRID_SLOT, "attack")
    click(state, 1, "attack")
    click(state, RESULT_SLOT, "attack")
    assert carried(state) == (DIRT, 1)
    click(state, 1, "attack")
    state.inventory[:] = (STONE, 64, 0)
    click(state, RESULT_SLOT, "sneak", "attack")
    assert state.grid[0, 1] == 5
    click(state, RESULT_SLOT, "hotbar.1")
    assert state.grid[0, 1] == 5


def test_a_result_goes_into_an_empty_hotbar_slot_or_is_thrown() -> None:
    state = opened(s0=(OAK_LOG, 5))
    click(state, 0, "attack")
    click(state, GRID_SLOT, "attack")
    click(state, RESULT_SLOT, "hotbar.7")
    assert state.inventory[6].tolist() == [OAK_PLANKS, 4, 0]
    click(state, RESULT_SLOT, "drop")
    assert state.items["count"][state.items["item"] == OAK_PLANKS].tolist() == [4]
    assert state.grid[0, 1] == 3


def test_a_table_that_is_gone_closes_its_screen() -> None:
    state = opened(TABLE_SCREEN)
    state.blocks[64, 66, FLOOR + 1] = AIR
    human(state)
    assert state.screen[0].open == CLOSED


def test_a_furnace_smelts_one_item_in_ten_seconds() -> None:
    state = opened(FURNACE_SCREEN, s0=(IRON_ORE, 3), s1=(COAL, 2), s2=(DIRT, 1))
    click(state, 0, "sneak", "attack")
    click(state, 1, "sneak", "attack")
    click(state, 2, "sneak", "attack")
    assert held(state) == {DIRT: 1}
    furnace = state.furnaces[0]
    assert (furnace.input, furnace.fuel, furnace.fuel_count, furnace.burn_total) == (IRON_ORE, COAL, 1, 1600)
    before = int(furnace.cook_ticks)
    human(state, ticks=200 - before - 1)
    assert furnace.output_count == 0
    human(state)
    assert (furnace.output, furnace.output_count, furnace.input_count) == (IRON_INGOT, 1, 2)
    human(state, "ESC")
    human(state, ticks=400)
    assert (furnace.output_count, furnace.input_count) == (3, 0)
    human(state, "use")
    human(state)
    click(state, FURNACE_OUTPUT_SLOT, "attack")
    assert carried(state) == (IRON_INGOT, 3)
    click(state, FURNACE_OUTPUT_SLOT, "attack")
    assert carried(state) == (IRON_INGOT, 3)


def test_a_furnace_takes_only_what_it_can_use() -> None:
    state = opened(FURNACE_SCREEN, s0=(DIRT, 3))
    click(state, 0, "attack")
    for slot in (FURNACE_INPUT_SLOT, FURNACE_FUEL_SLOT, FURNACE_OUTPUT_SLOT):
        click(state, slot, "attack")
        assert carried(state) == (DIRT, 3)


def test_one_piece_of_coal_smelts_eight_and_cooling_furnaces_are_forgotten() -> None:
    state = opened(FURNACE_SCREEN, s0=(IRON_ORE, 9), s1=(COAL, 1))
    click(state, 0, "sneak", "attack")
    click(state, 1, "sneak", "attack")
    human(state, ticks=2000)
    furnace = state.furnaces[0]
    assert (furnace.output_count, furnace.input_count, furnace.burn_ticks, furnace.cook_ticks) == (8, 1, 0, 0)
    click(state, FURNACE_OUTPUT_SLOT, "sneak", "attack")
    click(state, FURNACE_INPUT_SLOT, "sneak", "attack")
    assert held(state) == {IRON_INGOT: 8, IRON_ORE: 1}
    human(state, "ESC")
    assert not state.furnaces["used"].any()


def test_from_a_log_to_a_furnace_by_human_actions_and_the_cursor_alone() -> None:
    """Log, planks, table, sticks, pickaxe, cobblestone, furnace: nothing but keys and camera."""
    rock = {(x, FLOOR - 1 - y, z): STONE for x in range(60, 69) for z in range(66, 70) for y in range(3)}
    state = flat_state(rock)
    state.inventory[0] = (OAK_LOG, 4, 0)
    human(state, "inventory")
    click(state, 0, "attack")
    click(state, GRID_SLOT, "attack")
    click(state, RESULT_SLOT, "sneak", "attack")  # 16 planks, into the last slot of the hotbar
    assert state.inventory[8].tolist() == [OAK_PLANKS, 16, 0]
    click(state, 8, "attack")
    for cell in (0, 1, 3, 4):
        click(state, GRID_SLOT + cell, "use")
    click(state, 8, "attack")
    click(state, RESULT_SLOT, "hotbar.1")
    click(state, 8, "attack")
    click(state, GRID_SLOT + 1, "use")
    click(state, GRID_SLOT + 4, "use")
    click(state, 8, "attack")
    click(state, RESULT_SLOT, "hotbar.2")
    human(state, "inventory")
    assert held(state) == {OAK_PLANKS: 10, CRAFTING_TABLE: 1, STICK: 4}

    human(state, "hotbar.1", camera=(35.0, 60.0))  # to the right, off the rock
    human(state, "use")
    assert state.blocks[state.player[0].aim_x, state.player[0].aim_z, state.player[0].aim_y] == CRAFTING_TABLE
    human(state)
    human(state, "use")
    assert state.screen[0].open == TABLE_SCREEN
    click(state, 8, "attack")
    for cell in (0, 1, 2):
        click(state, GRID_SLOT + cell, "use")
    click(state, 8, "attack")
    click(state, 1, "attack")
    for cell in (4, 7):
        click(state, GRID_SLOT + cell, "use")
    click(state, 1, "attack")
    click(state, RESULT_SLOT, "hotbar.1")
    human(state, "ESC")
    assert state.inventory[0].tolist() == [WOODEN_PICKAXE, 1, 0]

    human(state, camera=(0.0, -60.0))
    human(state, "hotbar.1")
    human(state, camera=(10.0, 0.0))
    for _ in range(16):
        if held(state).get(COBBLESTONE, 0) >= 8:
            break
        human(state, "attack", ticks=24)
        human(state, "forward", ticks=12)
        human(state, camera=(0.0, 20.0))
    assert held(state)[COBBLESTONE] >= 8
    assert state.inventory[0, 2] >= 8

    human(state, "inventory")
    human(state)
    planks = slot_of(state, OAK_PLANKS)
    click(state, planks, "attack")
    for cell in (0, 1, 3, 4):
        click(state, GRID_SLOT + cell, "use")
    click(state, planks, "attack")
    if state.inventory[3, 1] > 0:  # make room for the second table
        click(state, 3, "sneak", "attack")
    click(state, RESULT_SLOT, "hotbar.4")
    human(state, "inventory")
    human(state)
    human(state, "hotbar.4", camera=(20.0, 0.0))
    for _ in range(12):
        human(state, "use")
        human(state)
        if CRAFTING_TABLE not in held(state):
            break
        human(state, camera=(0.0, 30.0))
    human(state, "use")
    human(state)
    assert state.screen[0].open == TABLE_SCREEN
    cobblestone = slot_of(state, COBBLESTONE)
    click(state, cobblestone, "attack")
    for cell in (0, 1, 2, 3, 5, 6, 7, 8):
        click(state, GRID_SLOT + cell, "use")
    if carried(state)[1] > 0:
        click(state, cobblestone, "attack")
    click(state, RESULT_SLOT, "sneak", "attack")
    human(state, "ESC")
    assert held(state)[FURNACE] == 1


def slot_of(state: WorldState, item: int) -> int:
    """Returns the first slot with an item."""
    return next(k for k in range(36) if state.inventory[k, 0] == item and state.inventory[k, 1] > 0)


def total(state: WorldState) -> dict[int, int]:
    """Counts the items of a world; wooden ones in sticks, so that crafting does not change the count."""
    worth = {OAK_LOG: 8, OAK_PLANKS: 2, STICK: 1, CRAFTING_TABLE: 8}
    worth |= {WOODEN_AXE: 8, WOODEN_PICKAXE: 8, WOODEN_SHOVEL: 4, WOODEN_SWORD: 5}
    found: dict[int, int] = {}

    def add(item: Any, count: Any) -> None:
        if count > 0:
            kind, number = (OAK_LOG, worth[int(item)]) if int(item) in worth else (int(item), 1)
            found[kind] = found.get(kind, 0) + number * int(count)

    for item, count, _ in (*state.inventory.tolist(), *state.grid.tolist()):
        add(item, count)
    add(*carried(state))
    for lying in state.items:
        if lying["item"]:
            add(lying["item"], lying["count"])
    for furnace in state.furnaces:
        if furnace["used"]:
            for name in ("input", "fuel", "output"):
                add(furnace[name], furnace[f"{name}_count"])
    return found


_CLICKS = st.tuples(
    st.integers(0, 48),
    st.sampled_from(
        [("attack",), ("use",), ("sneak", "attack"), ("hotbar.1",), ("hotbar.5",), ("drop",), ("outside",)]
    ),
)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from([INVENTORY_SCREEN, TABLE_SCREEN, FURNACE_SCREEN]), st.lists(_CLICKS, max_size=25))
def test_no_sequence_of_clicks_makes_or_loses_items(kind: int, clicks: list[tuple[int, tuple[str, ...]]]) -> None:
    state = screen_once(kind)
    before = total(state)
    shown = [slot for *_, slot in slots(kind)]
    for number, keys in clicks:
        screen = state.screen[0]
        if keys == ("outside",):
            screen.cursor_x = screen.cursor_y = 2.0
            keys = ("attack",)
        else:
            screen.cursor_x, screen.cursor_y = middle_of(kind, shown[number % len(shown)])
        operate_human(state, *keys)
        operate_human(state)
        assert total(state) == before
        for item, count, _ in (*state.inventory.tolist(), *state.grid.tolist(), (*carried(state), 0)):
            assert 0 <= count <= STACK_SIZE[item]
    operate_human(state, "ESC")
    assert total(state) == before


_SCREENS: dict[int, WorldState] = {}


def screen_once(kind: int) -> WorldState:
    """Returns an open screen with the same stacks for each example; making a flat world is slow."""
    if kind not in _SCREENS:
        _SCREENS[kind] = opened(kind)
    state = _SCREENS[kind]
    state.place_player(64.5, float(FLOOR), 64.5, 0.0)
    stacks = ((OAK_LOG, 20), (OAK_PLANKS, 40), (STICK, 63), (DIRT, 64), (WOODEN_AXE, 1), (WOODEN_AXE, 1), (IRON_ORE, 5))
    for slot, (item, count) in enumerate(stacks):
        state.inventory[slot * 2] = (item, count, slot if item == WOODEN_AXE else 0)
    state.inventory[20:] = (DIRT, 64, 0)
    screen = state.screen[0]
    screen.open = kind
    screen.x, screen.y, screen.z = AHEAD
    return state
