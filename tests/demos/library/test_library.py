"""Listing demos, the data of the timeline, and rejecting bad demos."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.support.counter_demos import counter_action, write_counter_demo
from vpt_gym.demos import DemoWriter, check, list_demos, read_demo
from vpt_gym.demos.files.names import REJECTED, files_of
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.timeline import runs, timeline


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_file())


def as_contractor(path: Path) -> str:
    """Turns a demo into a contractor recording: no metadata, no key of ours in the records, the game's settings."""
    files = files_of(path)
    lines = [line.split(',"vpt_gym"')[0] + "}\n" for line in files.records.read_text().splitlines()]
    files.records.write_text("".join(lines))
    files.metadata.rename(path.with_name(f"{files.id}-options.json"))
    return files.id


def test_rows_have_the_metadata(tmp_path: Path) -> None:
    won = write_counter_demo(tmp_path, ticks=5)
    lost = write_counter_demo(tmp_path, ticks=4, success=False, task="other")
    damaged = write_counter_demo(tmp_path, ticks=3)
    damaged.write_text("{")
    broken_off = DemoWriter(tmp_path)
    episodes = DemoLibrary(tmp_path)
    episodes.reject(lost.stem)
    first, second, third = episodes.rows()
    assert first == {
        **{"id": won.stem, "rejected": False, "task": "count", "success": True, "ticks": 5, "return": 2.0},
        "problem": None,
    }
    assert (second["id"], second["ticks"]) == (damaged.stem, None)
    assert "cannot be read as JSON" in second["problem"]
    assert (third["id"], third["rejected"], third["success"], third["task"]) == (lost.stem, True, False, "other")
    broken_off.abort()


def test_a_demo_is_opened_at_any_of_its_files(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path, ticks=3)
    for given in (path, path.with_suffix(".mp4"), path.with_suffix("")):
        episodes = DemoLibrary(given)
        assert (episodes.directory, episodes.chosen) == (tmp_path, path.stem)
    assert DemoLibrary(tmp_path).chosen is None
    for missing in (tmp_path / "nothing.mp4", tmp_path / "no" / "directory"):
        with pytest.raises(FileNotFoundError, match="is neither a directory of demos nor a finished demo"):
            DemoLibrary(missing)


def test_the_timeline_holds_every_tick(tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path))
    drawn = timeline(demo)
    assert (drawn["ticks"], drawn["fps"], drawn["frame_size"], drawn["success"]) == (50, 20, [48, 80], True)
    assert drawn["label"]["buttons"] == {"attack": [[15, 30], [40, 41]], "forward": [[0, 20]]}
    expected = np.array([counter_action(tick)["camera"] for tick in range(50)])
    np.testing.assert_allclose(drawn["label"]["pitch"], expected[:, 0], atol=1e-4)
    np.testing.assert_allclose(drawn["label"]["yaw"], expected[:, 1], atol=1e-4)
    assert drawn["executed"] is None
    assert drawn["rewards"] == [0.0] * 49 + [2.0]
    assert drawn["null"] == [45 <= tick < 48 for tick in range(50)]


def test_executed_actions_are_returned_where_they_differ(tmp_path: Path) -> None:
    drawn = timeline(read_demo(write_counter_demo(tmp_path, disturbed=12)))
    assert drawn["executed"]["buttons"]["back"] == [[12, 13]]
    assert drawn["executed"]["buttons"]["forward"] == [[0, 12], [13, 20]]
    assert drawn["executed"]["pitch"][11:14] == [0.0, 5.0, 0.0]
    assert drawn["label"]["buttons"]["forward"] == [[0, 20]]


@pytest.mark.parametrize("flags", [[], [0], [1], [1, 1], [0, 1, 1, 0, 1], [1, 0, 0, 1]])
def test_runs_say_the_same_as_flags(flags: list[int]) -> None:
    again = np.zeros(len(flags), int)
    spans = runs(np.array(flags))
    for start, end in spans:
        assert start < end
        again[start:end] = 1
    assert again.tolist() == flags
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_a_rejected_demo_moves_completely_and_comes_back(tmp_path: Path) -> None:
    path, other = write_counter_demo(tmp_path, ticks=3), write_counter_demo(tmp_path, ticks=4)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    episodes = DemoLibrary(tmp_path)
    episodes.reject(path.stem)
    assert names(tmp_path / REJECTED) == sorted(f"{path.stem}{suffix}" for suffix in (".mp4", ".jsonl", ".json"))
    assert list_demos(tmp_path) == [other]
    assert check(tmp_path) == check(tmp_path / REJECTED) == []
    assert len(episodes.read(path.stem)) == 3
    episodes.reject(path.stem)  # again: nothing happens
    episodes.restore(path.stem)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert names(tmp_path / REJECTED) == []


def test_a_demo_that_is_moving_is_seen_in_one_place(tmp_path: Path) -> None:
    paths = [write_counter_demo(tmp_path, ticks=2) for _ in range(6)]
    library, stop = DemoLibrary(tmp_path), threading.Event()

    def move() -> None:
        while not stop.is_set():
            for change in (library.reject, library.restore):
                for path in paths:
                    change(path.stem)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        assert {len(library.rows()) for _ in range(100)} == {len(paths)}
    finally:
        stop.set()
        thread.join()


def test_a_contractor_recording_moves_with_its_settings(tmp_path: Path) -> None:
    demo_id = as_contractor(write_counter_demo(tmp_path, ticks=5))
    episodes = DemoLibrary(tmp_path)
    assert episodes.rows()[0]["ticks"] is None
    assert timeline(episodes.read(demo_id))["label"]["buttons"]["forward"] == [[0, 5]]
    episodes.reject(demo_id)
    assert names(tmp_path) == []
    assert names(tmp_path / REJECTED) == [f"{demo_id}-options.json", f"{demo_id}.jsonl", f"{demo_id}.mp4"]
    episodes.restore(demo_id)
    assert len(episodes.read(demo_id)) == 5


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path, ticks=3)
    taken = tmp_path / REJECTED / path.with_suffix(".mp4").name
    taken.parent.mkdir()
    taken.write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=taken.name):
        DemoLibrary(tmp_path).reject(path.stem)
    assert taken.read_bytes() == b"mine"
    assert len(read_demo(path)) == 3


def test_a_move_that_fails_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_counter_demo(tmp_path, ticks=3)
    episodes, rename = DemoLibrary(tmp_path), os.rename

    def stubborn(source: Path, target: Path) -> None:
        if source == path.with_suffix(".mp4"):
            raise PermissionError(13, "the file is in use", str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", stubborn)  # as Windows does with a video that is being read
    with pytest.raises(PermissionError):
        episodes.reject(path.stem)
    assert names(tmp_path / REJECTED) == []
    assert check(tmp_path) == []


@pytest.mark.parametrize("moved", [0, 1, 2])
@pytest.mark.parametrize("back", [False, True])
def test_a_move_that_was_cut_short_is_completed(tmp_path: Path, moved: int, back: bool) -> None:
    path = write_counter_demo(tmp_path, ticks=3)
    folder = tmp_path / REJECTED
    folder.mkdir()
    source, target = (folder, tmp_path) if back else (tmp_path, folder)
    if back:
        DemoLibrary(tmp_path).reject(path.stem)
    # what a process leaves that is killed between two of its renames
    (source / path.name).rename(target / f"{path.name}.moving")
    for suffix in (".jsonl", ".mp4")[:moved]:
        shutil.move((source / path.name).with_suffix(suffix), target)
    episodes = DemoLibrary(tmp_path)
    assert [row["rejected"] for row in episodes.rows()] == [not back]
    assert check(target) == []
    assert names(source) == []


def test_files_of_other_tools_with_the_suffix_of_a_move_are_left_alone(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path, ticks=3)
    (tmp_path / REJECTED).mkdir()
    (tmp_path / "notes.txt").write_text("keep")
    for name in ("notes.txt.moving", "other.json.moving", f"{path.name}.moving"):
        (tmp_path / name).write_text("not ours")
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    DemoLibrary(tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


@pytest.mark.parametrize("demo_id", ["../outside", "..", "", "rejected", "/etc/passwd", ".", "a\0b"])
def test_only_listed_demos_are_found(tmp_path: Path, demo_id: str) -> None:
    outside = write_counter_demo(tmp_path, ticks=2)
    for suffix in (".mp4", ".jsonl", ".json"):
        outside.with_suffix(suffix).rename(tmp_path / f"outside{suffix}")
    inside = tmp_path / "demos"
    write_counter_demo(inside, ticks=2)
    episodes = DemoLibrary(inside)
    for act in (episodes.files, episodes.read, episodes.reject, episodes.restore):
        with pytest.raises(KeyError, match="there is no finished demo"):
            act(demo_id)
    assert (tmp_path / "outside.json").is_file()
