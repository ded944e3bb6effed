"""Keys and mouse become human actions: no input is lost between ticks or takes effect twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, human_action_space, no_op
from vpt_gym.play.controls import BUTTON_OF_KEY, BUTTON_OF_MOUSE, COMMAND_OF_KEY, InputCollector, degrees_per_count

counts = st.integers(-5_000, 5_000)
SPACE = human_action_space()


def pressed(action: dict[str, object]) -> set[str]:
    return {name for name in BUTTONS if action[name]}


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(counts, counts), max_size=4), max_size=12), st.floats(0, 200))
def test_every_count_turns_the_view_in_exactly_one_tick(ticks: list[list[tuple[int, int]]], sensitivity: float) -> None:
    controls = InputCollector(sensitivity)
    turned = np.zeros(2)
    moved = np.zeros(2)
    for tick in ticks:
        for dx, dy in tick:
            controls.move(dx, dy)
            moved += (dy, dx)
        action = controls.take()
        assert SPACE.contains(action)
        turned += np.round(action["camera"].astype(np.float64) / controls.degrees_per_count)
    while (rest := controls.take()["camera"]).any():
        turned += np.round(rest.astype(np.float64) / controls.degrees_per_count)
    np.testing.assert_array_equal(turned, moved)


@settings(deadline=None)
@given(st.lists(st.tuples(counts, counts), max_size=6))
def test_a_tick_turns_by_the_sum_of_its_counts(moves: list[tuple[int, int]]) -> None:
    controls = InputCollector()
    for dx, dy in moves:
        controls.move(dx, dy)
    expected = np.clip(np.sum([(0, 0), *((dy, dx) for dx, dy in moves)], axis=0) * 0.15, -CAMERA_LIMIT, CAMERA_LIMIT)
    np.testing.assert_allclose(controls.take()["camera"], expected, atol=1e-4)


edges = st.lists(st.tuples(st.sampled_from(["press", "release"]), st.sampled_from(["jump", "attack"])), max_size=5)


@settings(deadline=None)
@given(st.lists(edges, max_size=10))
def test_a_button_acts_in_the_ticks_in_which_it_is_down_at_any_time(ticks: list[list[tuple[str, str]]]) -> None:
    controls = InputCollector()
    down = {"jump": False, "attack": False}
    for tick in ticks:
        expected = {button for button, held in down.items() if held}
        for edge, button in tick:
            if edge == "press":
                controls.press(button)
                expected.add(button)
            else:
                controls.release(button)
            down[button] = edge == "press"
        touched = {button for edge, button in tick if edge == "press"}
        expected = {button for button in expected if down[button] or button in touched}
        assert pressed(controls.take()) == expected


def test_a_tap_shorter_than_a_tick_acts_for_one_tick() -> None:
    controls = InputCollector()
    controls.press("attack")
    controls.release("attack")
    assert pressed(controls.take()) == {"attack"}
    assert pressed(controls.take()) == set()


def test_a_key_held_before_a_pause_must_be_pressed_again() -> None:
    controls = InputCollector()
    controls.press("forward")
    controls.move(10, 0)
    controls.scroll(1)
    controls.clear()
    action = controls.take()
    assert pressed(action) == set()
    assert not action["camera"].any()
    controls.release("forward")  # it comes up after the pause
    assert pressed(controls.take()) == set()


@pytest.mark.parametrize(
    ("selected", "notches", "expected"), [(1, -1, 2), (1, 1, 9), (9, -1, 1), (5, 2, 3), (5, 9, None), (5, 0, None)]
)
def test_the_wheel_presses_the_key_of_the_slot_it_turns_to(selected: int, notches: int, expected: int | None) -> None:
    controls = InputCollector()
    controls.follow({**no_op(), f"hotbar.{selected}": 1})  # whoever selected it
    controls.scroll(notches)
    assert pressed(controls.take()) == (set() if expected is None else {f"hotbar.{expected}"})
    assert pressed(controls.take()) == set()


def test_a_key_of_the_hotbar_beats_the_wheel() -> None:
    controls = InputCollector()
    controls.press("hotbar.7")
    controls.scroll(-1)
    assert pressed(controls.take()) == {"hotbar.7"}


def test_a_new_episode_begins_with_the_first_slot() -> None:
    controls = InputCollector()
    controls.follow({**no_op(), "hotbar.6": 1})
    controls.begin_episode()
    controls.scroll(-1)
    assert pressed(controls.take()) == {"hotbar.2"}


def test_the_sensitivity_is_minecrafts() -> None:
    assert degrees_per_count(100) == pytest.approx(0.15)
    assert degrees_per_count(0) == pytest.approx(0.0096)
    assert degrees_per_count(200) == pytest.approx(0.6144)
    for wrong in (-1, 201, float("nan")):
        with pytest.raises(ValueError, match="percent"):
            InputCollector(wrong)


def test_every_button_but_escape_has_a_key_and_no_key_does_two_things() -> None:
    assert {*BUTTON_OF_KEY.values(), *BUTTON_OF_MOUSE.values()} == {*BUTTONS} - {"ESC"}
    assert not BUTTON_OF_KEY.keys() & COMMAND_OF_KEY.keys()
    with pytest.raises(ValueError, match="unknown button 'fly'"):
        InputCollector().press("fly")
