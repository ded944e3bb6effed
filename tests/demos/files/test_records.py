from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.actions.human import BUTTONS, human_action, no_op
from vpt_gym.demos.files.records import (
    RecordBuilder,
    cursor_of,
    executed_action_of,
    finite,
    human_action_of,
    is_intervention,
    reward_of,
    stack_actions,
    to_line,
)
from vpt_gym.system.json_text import MOST_NESTED, parse_json

degrees = st.floats(-180, 180, width=32)
actions = st.builds(
    lambda pressed, camera: human_action(*pressed, camera=camera),
    st.sets(st.sampled_from(BUTTONS), max_size=8),
    st.tuples(degrees, degrees) | st.tuples(st.sampled_from([0.0, 0.05, -0.3, 1.2]), st.just(0.0)),
)
episodes = st.lists(actions, min_size=1, max_size=12)


def written(episode: list[dict[str, Any]]) -> list[dict[str, Any]]:
    builder = RecordBuilder()
    return [json.loads(to_line(builder.build(action, milli=0, reward=t / 7))) for t, action in enumerate(episode)]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in BUTTONS) and np.array_equal(one["camera"], other["camera"])


@given(episodes)
def test_human_actions_survive_the_file_exactly(episode: list[dict[str, Any]]) -> None:
    records = written(episode)
    assert all(same(action, human_action_of(record)) for action, record in zip(episode, records, strict=True))
    assert [reward_of(record) for record in records] == [t / 7 for t in range(len(episode))]


def public_loader(records: list[dict[str, Any]]) -> list[tuple[int, dict[str, int], tuple[int, int]]]:
    """What openai/Video-Pre-Training's loader makes of an episode: (tick, pressed buttons, whole degrees).

    Written from its documented rules, not from the code under test.
    """
    keyboard = dict(zip("sqweadf", ["back", "drop", "forward", "inventory", "left", "right", "swapHands"], strict=True))
    keyboard |= {str(n): f"hotbar.{n}" for n in range(1, 10)}
    keyboard |= {"escape": "ESC", "space": "jump", "left.shift": "sneak", "left.control": "sprint"}
    result, stuck, hotbar = [], False, 0
    for t, record in enumerate(records):
        held, new = list(record["mouse"]["buttons"]), record["mouse"]["newButtons"]
        if t == 0 and new == [0]:
            stuck = True
        elif stuck and 0 in new:
            stuck = False
        if stuck and 0 in held:
            held.remove(0)
        names = {keyboard[key.removeprefix("key.keyboard.")] for key in record["keyboard"]["keys"]}
        names |= {["attack", "use", "pickItem"][number] for number in held}
        dx, dy = record["mouse"]["dx"], record["mouse"]["dy"]
        null = not names and dx == 0 and dy == 0
        if record["hotbar"] != hotbar:
            names.add(f"hotbar.{record['hotbar'] + 1}")
        hotbar = record["hotbar"]
        if not null:
            result.append((t, {name: int(name in names) for name in BUTTONS}, (int(dy * 0.15), int(dx * 0.15))))
    return result


@settings(max_examples=300)
@given(episodes)
def test_the_public_loader_reads_the_same_buttons_and_the_camera_up_to_its_truncation(
    episode: list[dict[str, Any]],
) -> None:
    loaded = {t: (buttons, camera) for t, buttons, camera in public_loader(written(episode))}
    for t, action in enumerate(episode):
        counts = [round(float(value) / 0.15) for value in action["camera"]]
        buttons = {name: action[name] for name in BUTTONS}
        if not any(buttons.values()) and not any(counts):
            assert t not in loaded  # it takes the tick for a null one
        else:
            assert loaded[t] == (buttons, tuple(int(count * 0.15) for count in counts))


def test_an_attack_in_the_first_tick_is_not_taken_for_a_stuck_button() -> None:
    records = written([human_action("attack"), human_action("attack"), no_op(), human_action("attack")])
    assert [buttons["attack"] for _, buttons, _ in public_loader(records)] == [1, 1, 1]
    assert [record["mouse"]["newButtons"] for record in records] == [[], [], [], [0]]


def test_hotbar_follows_the_keys_so_that_no_press_is_invented() -> None:
    keys = [no_op(), human_action("hotbar.4"), human_action("forward"), human_action("hotbar.2", "hotbar.7"), no_op()]
    records = written(keys)
    assert [record["hotbar"] for record in records] == [0, 3, 3, 6, 6]
    pressed = [{name for name, held in buttons.items() if held} for _, buttons, _ in public_loader(records)]
    assert pressed == [{"hotbar.4"}, {"forward"}, {"hotbar.2", "hotbar.7"}]


def test_mouse_counts_are_integers_and_new_keys_are_those_just_pressed() -> None:
    records = written([human_action("forward"), human_action("forward", "jump", camera=(-0.61, 1.61))])
    assert records[1]["mouse"]["dx"] == 11
    assert records[1]["mouse"]["dy"] == -4
    assert records[1]["keyboard"]["keys"] == ["key.keyboard.w", "key.keyboard.space"]
    assert records[1]["keyboard"]["newKeys"] == ["key.keyboard.space"]


def test_a_record_without_exact_degrees_is_read_by_its_counts() -> None:
    record = written([human_action("use", camera=(3.0, -1.5))])[0]
    del record["vpt_gym"]
    action = human_action_of(record)
    assert action["use"] == 1
    assert action["camera"] == pytest.approx([3.0, -1.5])
    assert reward_of(record) == 0.0
    assert executed_action_of(record) is None


@given(actions, actions)
def test_a_label_is_the_action_and_the_executed_action_is_stored_too(label: Any, executed: Any) -> None:
    record = json.loads(to_line(RecordBuilder().build(label, milli=0, executed=executed)))
    assert same(human_action_of(record), label)
    restored = executed_action_of(record)
    assert restored is not None
    assert same(restored, executed)


def test_state_of_the_game_is_written_under_the_contractors_names() -> None:
    state = {"yaw": 90.0, "xpos": 1.5, "isGuiOpen": True, "inventory": [{"type": "log", "quantity": 2}]}
    record = RecordBuilder().build(no_op(), milli=5, state=state)
    assert {key: record[key] for key in state} == state
    assert record["milli"] == 5
    with pytest.raises(ValueError, match="colour"):
        RecordBuilder().build(no_op(), milli=0, state={"colour": 1})


def test_a_cursor_is_written_in_the_contractors_window_and_only_in_menus() -> None:
    def place(**options: Any) -> tuple[float, float]:
        mouse = RecordBuilder().build(no_op(), milli=0, **options)["mouse"]
        return mouse["x"], mouse["y"]

    menu = {"isGuiOpen": True}
    assert place() == place(cursor=(0.25, 0.75)) == place(state={"isGuiOpen": False}, cursor=(0.25, 0.75)) == (640, 360)
    assert place(state=menu) == (1280, 720)  # unknown: where it is not visible
    assert place(state=menu, cursor=(0.25, 0.75)) == (320, 540)
    for cursor in ((float("nan"), 0.5), (0.5, float("inf"))):
        with pytest.raises(ValueError, match=r"cursor is .* at tick 0; its position must be finite"):
            place(state=menu, cursor=cursor)
    unknown = RecordBuilder().build(no_op(), milli=0)
    assert (unknown["isGuiOpen"], unknown["isGuiInventory"]) == (None, None)


def test_ticks_are_counted_and_interventions_marked() -> None:
    builder = RecordBuilder()
    records = [builder.build(no_op(), milli=50 * t, intervention=t == 1) for t in range(3)]
    assert [record["tick"] for record in records] == [0, 1, 2]
    assert [is_intervention(record) for record in records] == [False, True, False]
    assert ["intervention" in record["vpt_gym"] for record in records] == [False, True, False]
    assert [executed_action_of(record) for record in records] == [None] * 3
    assert not is_intervention({})


@pytest.mark.parametrize(("key", "value"), [("yaw", float("nan")), ("inventory", [{"quantity": float("inf")}])])
def test_a_state_that_is_not_finite_is_named(key: str, value: Any) -> None:
    builder = RecordBuilder()
    builder.build(no_op(), milli=0)
    with pytest.raises(ValueError, match=f"Out of range float values are not JSON compliant.*: {key} at tick 1"):
        to_line(builder.build(no_op(), milli=50, state={"xpos": 1.0, key: value}))


def test_a_record_has_every_field_of_the_layout() -> None:
    builder = RecordBuilder()
    builder.build(human_action("hotbar.3"), milli=0)
    action = human_action("attack", "hotbar.1", "jump", camera=(1.5, -3.0))
    record = builder.build(action, milli=50, reward=0.5, state={"isGuiOpen": True, "xpos": 2.0}, cursor=(0.25, 0.75))
    assert record == {
        "mouse": {
            "x": 320.0,
            "y": 540.0,
            "dx": -20.0,
            "dy": 10.0,
            "scaledX": 0.0,
            "scaledY": 0.0,
            "dwheel": 0.0,
            "buttons": [0],
            "newButtons": [0],
        },
        "keyboard": {
            "keys": ["key.keyboard.1", "key.keyboard.space"],
            "newKeys": ["key.keyboard.1", "key.keyboard.space"],
            "chars": "",
        },
        "isGuiOpen": True,
        "isGuiInventory": None,
        "hotbar": 0,
        "tick": 1,
        "milli": 50,
        "xpos": 2.0,
        "vpt_gym": {"camera": [1.5, -3.0], "reward": 0.5},
    }
    assert cursor_of(record) == (0.25, 0.75)


def test_numbers_that_json_lacks_and_types_of_numpy_are_replaced() -> None:
    value = {"a": [np.float32(1.5), np.nan], 3: (np.inf, 2), None: np.arange(2), 2.5: "b"}
    assert finite(value) == {"a": [1.5, None], 3: [None, 2], None: [0, 1], "2.5": "b"}


def test_a_state_that_no_reader_would_take_is_refused() -> None:
    def line_of(levels: int) -> str:
        state = json.loads("[" * levels + "]" * levels)
        return to_line(RecordBuilder().build(no_op(), milli=0, state={"xpos": 1.0, "inventory": state}))

    assert parse_json(line_of(MOST_NESTED - 1))["xpos"] == 1.0  # the record itself is a level
    for levels in (MOST_NESTED, 900):
        with pytest.raises(ValueError, match=r"nested deeper than 200 levels.*: inventory at tick 0"):
            line_of(levels)


@pytest.mark.parametrize("reward", [True, "1.5", None, [1], 10**400, float("nan"), float("-inf")])
def test_a_stored_reward_that_is_no_finite_number_is_refused(reward: Any) -> None:
    with pytest.raises(ValueError, match="it must be a finite number"):
        reward_of({"vpt_gym": {"reward": reward}})


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_not_finite_is_refused(reward: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        RecordBuilder().build(no_op(), milli=0, reward=reward)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"mouse": {"buttons": [], "dx": 0, "dy": 0}},
        {"mouse": [], "keyboard": {"keys": []}},
        {"mouse": {"buttons": [], "dx": 0, "dy": 0}, "keyboard": {"keys": []}, "vpt_gym": {"camera": [0]}},
        {"mouse": {"buttons": [], "dx": 0, "dy": 0}, "keyboard": {"keys": []}, "vpt_gym": 3},
    ],
)
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"record|camera"):
        human_action_of(record)


def test_a_damaged_executed_action_is_refused() -> None:
    with pytest.raises(ValueError, match="executed"):
        executed_action_of({"vpt_gym": {"executed": {"camera": [0, 0]}}})


def test_stacked_actions_have_one_row_a_tick() -> None:
    stacked = stack_actions([human_action("attack", camera=(1.0, 2.0)), no_op()])
    assert stacked["attack"].tolist() == [1, 0]
    assert stacked["camera"].tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert stack_actions([])["camera"].shape == (0, 2)
