"""What the records of a demo say beside its actions, through an export and an import in each format."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import human_action
from vpt_gym.demos import (
    Demo,
    DemoWriter,
    SourceError,
    export_lerobot,
    export_minari,
    export_npz,
    import_lerobot,
    import_minari,
    import_npz,
    list_demos,
    read_demo,
)
from vpt_gym.demos.exchange.game_state import game_states
from vpt_gym.demos.exchange.lerobot_layout import STATE_NAMES

Trip = Callable[[Path], Path]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def through_npz(demos: Path) -> Path:
    export_npz(demos, demos / "npz", cam_interval=0.15)
    import_npz(sorted((demos / "npz").iterdir()), demos / "back")
    return demos / "back"


def through_minari(demos: Path) -> Path:
    export_minari(demos, "a-v0")
    import_minari("a-v0", demos / "back")
    return demos / "back"


def through_lerobot(demos: Path) -> Path:
    export_lerobot(demos, demos / "lerobot")
    import_lerobot(demos / "lerobot", demos / "back")
    return demos / "back"


WITH_MINARI = pytest.param(
    through_minari, marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="Minari needs Python 3.11")
)


def write(directory: Path, states: list[dict[str, Any]], people: list[bool], **metadata: Any) -> None:
    with DemoWriter(directory, metadata=metadata) as writer:
        for tick, (state, person) in enumerate(zip(states, people, strict=True)):
            cursor = (0.25, 0.75) if state.get("isGuiOpen") else None
            executed = human_action("back") if person else None
            writer.append(
                counter_frame(tick),
                human_action("forward"),
                state=state,
                intervention=person,
                cursor=cursor,
                executed=executed,
            )
        writer.close(success=True, ended="terminated")


def only_demo(directory: Path) -> Demo:
    (path,) = list_demos(directory)
    return read_demo(path)


def full_state(tick: int) -> dict[str, Any]:
    """A state with every key, as the contractors' records have it."""
    return {
        "isGuiOpen": tick in (2, 3),
        "isGuiInventory": tick == 3,
        "yaw": 12.5 * tick,
        "pitch": -0.1,
        "xpos": 0.1 * tick,
        "ypos": 64.0,
        "zpos": -3.7,
        "inventory": [{"type": "oak_log", "quantity": tick}],
        "serverTick": 100 + tick,
        "stats": {"minecraft.mine_block:minecraft.oak_log": tick},
    }


@pytest.mark.parametrize("trip", [through_npz, WITH_MINARI])
def test_the_state_of_the_game_and_the_interventions_come_back(tmp_path: Path, trip: Trip) -> None:
    people = [tick == 4 for tick in range(6)]
    write(tmp_path, [full_state(tick) for tick in range(6)], people, recorded_by="vpt-gym play", seed=7)
    old, new = only_demo(tmp_path), only_demo(trip(tmp_path))
    assert new.intervention.tolist() == old.intervention.tolist() == people
    assert new.menu.tolist() == old.menu.tolist() == [False, False, True, True, False, False]
    assert game_states(new) == game_states(old)
    assert game_states(new)[2]["cursor"] == [0.25, 0.75]
    assert new.executed["back"].tolist() == old.executed["back"].tolist()
    for key in ("recorded_by", "seed", "success", "ended", "fps"):
        assert new.metadata[key] == old.metadata[key]
    for key in ("id", "versions", "started", "wall_time"):  # the new demo has its own
        assert new.metadata["imported_from"][key] == old.metadata[key]


def test_lerobot_keeps_place_view_menus_and_interventions(tmp_path: Path) -> None:
    write(tmp_path, [full_state(tick) for tick in range(6)], [tick == 4 for tick in range(6)])
    old, new = only_demo(tmp_path), only_demo(through_lerobot(tmp_path))
    assert new.intervention.tolist() == old.intervention.tolist()
    assert new.menu.tolist() == old.menu.tolist()
    places = [[[state[key] for key in STATE_NAMES.values()] for state in game_states(demo)] for demo in (old, new)]
    assert np.array_equal(np.float32(places[0]), places[1])
    assert {key for state in game_states(new) for key in state} == {*STATE_NAMES.values(), "isGuiOpen", "cursor"}


@pytest.mark.parametrize("trip", [through_npz, WITH_MINARI, through_lerobot])
def test_what_a_demo_does_not_say_is_not_said_after_it(tmp_path: Path, trip: Trip) -> None:
    write(tmp_path, [{}] * 3, [False] * 3)
    new = only_demo(trip(tmp_path))
    assert game_states(new) == [{}] * 3
    assert not new.intervention.any()
    line = json.loads(new.files.records.read_text().splitlines()[0])
    assert (line["isGuiOpen"], line["isGuiInventory"]) == (None, None)
    assert sorted(line["vpt_gym"]) == ["camera", "reward"]


VALUES = {
    "isGuiOpen": st.booleans(),
    "yaw": st.floats(-1e9, 1e9),
    "xpos": st.floats(allow_nan=False, allow_infinity=False),
    "serverTick": st.integers(0, 2**53),
    "inventory": st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(["oak_log", "épée", ""]), "quantity": st.integers(0, 64)}),
        max_size=2,
    ),
}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(ticks=st.lists(st.tuples(st.fixed_dictionaries({}, optional=VALUES), st.booleans()), min_size=1, max_size=4))
def test_any_state_comes_back_through_npz(tmp_path_factory: pytest.TempPathFactory, ticks: list) -> None:
    demos = tmp_path_factory.mktemp("trip")
    states, people = [state for state, _ in ticks], [person for _, person in ticks]
    write(demos, states, people)
    old, new = only_demo(demos), only_demo(through_npz(demos))
    assert game_states(new) == game_states(old)
    assert new.intervention.tolist() == people


def test_menus_and_cursor_of_a_contractor_come_back(tmp_path: Path) -> None:
    records = [record(t, isGuiOpen=t > 1, mouse={"x": 320.0, "y": 180.0}) for t in range(4)]
    write_recording(tmp_path / "Player1-abc-20211003-100000", records, [counter_frame(t) for t in range(4)])
    new = only_demo(through_npz(tmp_path))
    assert new.menu.tolist() == [False, False, True, True]
    assert [state.get("cursor") for state in game_states(new)] == [None, None, [0.25, 0.25], [0.25, 0.25]]
    assert game_states(new)[0]["inventory"] == records[0]["inventory"]


@pytest.mark.parametrize("trip", [through_npz, WITH_MINARI, through_lerobot])
def test_a_number_that_json_lacks_is_not_known(tmp_path: Path, trip: Trip) -> None:
    records = [record(t, yaw=float("nan"), xpos=10**400 if t else 1e300) for t in range(2)]
    write_recording(tmp_path / "Player1-abc-20211003-100000", records, [counter_frame(t) for t in range(2)])
    assert all("yaw" not in state for state in game_states(only_demo(tmp_path)))
    new = only_demo(trip(tmp_path))
    assert [state.get("xpos") for state in game_states(new)] in ([1e300, 10**400], [None, None])  # LeRobot's: float32
    assert all("yaw" not in state for state in game_states(new))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.array([b"{}", b"["]), "tick 1: the state of the game is not JSON"),
        (np.array([b"{}", b"[]"]), r"tick 1: the state of the game is \[\]; it must be an object"),
        (np.array([b"{}", b'{"health": 3}']), "tick 1: unknown state keys"),
        (np.array([b"{}", b'{"yaw": NaN}']), "tick 1: Out of range float"),
        (np.array([b"{}", b'{"isGuiOpen": true, "cursor": [1, 2, 3]}']), "tick 1: "),
        (np.array([b"{}", b'{"isGuiOpen": true, "cursor": 7}']), "tick 1: "),
        (np.array([b"{}"]), "1 states and 2 actions"),
        (np.array([1, 2]), r"state is int64 \(2,\)"),
    ],
)
def test_a_state_that_cannot_be_recorded_names_its_file_and_tick(tmp_path: Path, state: Any, message: str) -> None:
    write(tmp_path, [{}] * 2, [False] * 2)
    export_npz(tmp_path, tmp_path / "npz")
    (file,) = (tmp_path / "npz").iterdir()
    with np.load(file) as arrays:
        np.savez(file, **arrays, state=state)
    with pytest.raises(SourceError, match=message):
        import_npz([file], tmp_path / "back")
    assert not list_demos(tmp_path / "back")
