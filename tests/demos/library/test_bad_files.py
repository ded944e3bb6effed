"""One demo with a bad file, beside a good one, costs that demo alone, in every reader."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import human_action
from vpt_gym.collect.finished import finished_episodes, seeds_with_demos
from vpt_gym.collect.labelled_videos import LabelledVideos
from vpt_gym.demos import DemoDataset, DemoError, DemoWriter, check, read_demo, read_stats, repair
from vpt_gym.demos.files.names import partial, read_metadata
from vpt_gym.demos.files.unlabelled import clear_up_videos, read_videos
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.timeline import timeline

TICKS = 12
NESTED = "[" * 100_000 + "]" * 100_000
DEEP = json.loads("[" * 500 + "]" * 500)
"""Nested less deeply than ``json`` refuses; but a function that calls itself twice a level cannot walk through it."""
HUGE = "1" + "0" * 400
Damage = Callable[[Path], object]


def write(directory: Path) -> Path:
    with DemoWriter(directory, metadata={"task": "test"}) as writer:
        for t in range(TICKS):
            writer.append(counter_frame(t), human_action("forward"))
        path = writer.close(success=True)
    assert path is not None
    return path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    own, good = write(folder / "own"), write(folder / "good")
    recording = write_recording(
        folder / "recording" / "a", [record(t) for t in range(TICKS)], [counter_frame(t) for t in range(TICKS)]
    )
    return {"own": own, "good": good, "recording": recording}


def copy(source: Path, directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    for path in source.parent.iterdir():
        shutil.copy(path, directory)
    return directory / source.name


def metadata(**changes: Any) -> Damage:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def line(change: Callable[[dict[str, Any]], object], number: int = 5) -> Damage:
    """Changes one record; "HUGE" in it becomes a number with 401 digits."""

    def damage(path: Path) -> None:
        jsonl = path.with_suffix(".jsonl")
        lines = jsonl.read_text().splitlines()
        content = json.loads(lines[number])
        change(content)
        lines[number] = json.dumps(content).replace('"HUGE"', HUGE).replace('"NESTED"', NESTED)
        jsonl.write_text("\n".join(lines) + "\n")

    return damage


def other_codec(path: Path) -> None:
    video = path.with_suffix(".mp4")
    video.write_bytes(video.read_bytes().replace(b"avc1", b"xxxx"))


def only_sound(path: Path) -> None:
    with av.open(str(path.with_suffix(".mp4")), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def replace_by_a_folder(suffix: str) -> Damage:
    return lambda path: (path.with_suffix(suffix).unlink(), path.with_suffix(suffix).mkdir())


OWN: dict[str, Damage] = {
    **{
        f"{key} is {value!r:.20}": metadata(**{key: value})
        for key, values in {
            "frame_size": (None, "ab", [64], [64.0, 96.0], [True, 80], [-1, 80], [10**400, 80], {}),
            "ticks": (None, "12", 12.5, [12], True, 10**400),
            "success": ("yes", 3, [1]),
            "return": ({"toString": 1}, "x", [1], 10**400),
            "fps": (0, "x", None, 10**400),
        }.items()
        for value in values
    },
    "nested metadata": lambda path: path.write_text(path.read_text()[:-3] + ', "more": ' + NESTED + "}"),
    "deep metadata": metadata(more=DEEP),
    "deep frame size": metadata(frame_size=DEEP),
    "deep menu": line(lambda content: content.update(isGuiOpen=DEEP)),
    "deep state": line(lambda content: content.update(inventory=DEEP)),
    "5,000 digits": lambda path: path.write_text(path.read_text().replace('"ticks": 12', f'"ticks": {"9" * 5000}')),
    "camera": line(lambda content: content["vpt_gym"].update(camera=["HUGE", 0])),
    "camera is no list": line(lambda content: content["vpt_gym"].update(camera="HUGE")),
    "executed camera": line(lambda content: content["vpt_gym"].update(executed={"buttons": [], "camera": ["HUGE", 0]})),
    "reward": line(lambda content: content["vpt_gym"].update(reward="HUGE")),
    "reward is text": line(lambda content: content["vpt_gym"].update(reward="1.5")),
    "reward is infinite": line(lambda content: content["vpt_gym"].update(reward=float("inf"))),
    "reward is null": line(lambda content: content["vpt_gym"].update(reward=None)),
    "camera is text": line(lambda content: content["vpt_gym"].update(camera=["1", "2"])),
    "keys are text": line(lambda content: content["keyboard"].update(keys="key.keyboard.w")),
    "a mouse button is true": line(lambda content: content["mouse"].update(buttons=[True])),
    "intervention is text": line(lambda content: content["vpt_gym"].update(intervention="no")),
    "menu is text": line(lambda content: content.update(isGuiOpen="false")),
    "extra is no object": line(lambda content: content.update(vpt_gym=5)),
}
RECORDING: dict[str, Damage] = {
    "nested record": line(lambda content: content.update(more="NESTED")),
    "deep menu": line(lambda content: content.update(isGuiOpen=DEEP)),
    "mouse": line(lambda content: content["mouse"].update(dx="HUGE")),
    "infinite cursor": line(lambda content: (content.update(isGuiOpen=True), content["mouse"].update(x=float("inf")))),
    "huge cursor": line(lambda content: (content.update(isGuiOpen=True), content["mouse"].update(x="HUGE"))),
    "cursor is text": line(lambda content: (content.update(isGuiOpen=True), content["mouse"].update(x="left"))),
    "keys are nested": line(lambda content: content["keyboard"].update(keys=[["a"]])),
    "keys are text": line(lambda content: content["keyboard"].update(keys="key.keyboard.w")),
    "buttons are text": line(lambda content: content["mouse"].update(buttons="0")),
    "menu is text": line(lambda content: content.update(isGuiOpen="false")),
    "unknown codec": other_codec,
    "no video stream": only_sound,
    "records are a folder": replace_by_a_folder(".jsonl"),
}
CASES = {f"own: {name}": ("own", damage) for name, damage in {**OWN, "unknown codec": other_codec}.items()}
CASES |= {f"recording: {name}": ("recording", damage) for name, damage in RECORDING.items()}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_costs_its_demo_alone(tmp_path: Path, sources: dict[str, Path], case: str) -> None:
    source, damage = CASES[case]
    good, bad = copy(sources["good"], tmp_path), copy(sources[source], tmp_path)
    damage(bad)
    for compat in (None, "openai"):
        if compat is None or source == "recording":
            with pytest.raises(DemoError):
                list(read_demo(bad, compat=compat).frames())
    (problem,) = check(tmp_path)
    assert problem.id == bad.stem
    assert len(str(problem)) < 1000
    stats = read_stats(tmp_path)
    assert stats.ticks == TICKS
    assert [demo_id for demo_id, _ in stats.damaged] == [bad.stem]
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
        dataset = DemoDataset(tmp_path, frame_size=(32, 32))
    assert (dataset.n_ticks, [path.stem for path, _ in dataset.skipped]) == (TICKS, [bad.stem])
    library = DemoLibrary(tmp_path)
    rows = {row["id"]: row for row in library.rows()}
    json.dumps(list(rows.values()))
    assert (rows[good.stem]["return"], rows[good.stem]["problem"]) == (0.0, None)
    with pytest.raises((DemoError, KeyError)):  # the folder is not listed
        timeline(library.read(bad.stem))
    repair(tmp_path)
    assert len(read_demo(good)) == TICKS


@pytest.mark.parametrize("changes", [{"started": value} for value in (5, "x", None, [1], "0001-01-01T00:00:00")])
def test_an_interrupted_recording_is_repaired_whatever_its_start(
    tmp_path: Path, sources: dict[str, Path], changes: dict[str, Any]
) -> None:
    path = copy(sources["own"], tmp_path)
    metadata(**changes, ticks=0, ended="recovered")(path)
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(partial(path.with_suffix(suffix)))
    assert [done.ticks for done in repair(tmp_path)] == [TICKS]
    assert check(tmp_path) == []
    assert isinstance(read_metadata(path)["wall_time"], float)


@pytest.mark.parametrize(
    ("damage", "ticks"),
    [
        (line(lambda content: content["vpt_gym"].update(reward="HUGE"), 7), 7),
        (line(lambda content: content.update(vpt_gym=5), 3), 3),
        (line(lambda content: content.update(more="NESTED"), 4), 4),
    ],
)
def test_an_interrupted_recording_is_cut_before_a_record_that_cannot_be_read(
    tmp_path: Path, sources: dict[str, Path], damage: Damage, ticks: int
) -> None:
    path = copy(sources["own"], tmp_path)
    damage(path)
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(partial(path.with_suffix(suffix)))
    assert [done.ticks for done in repair(tmp_path)] == [ticks]
    assert check(tmp_path) == []


def test_what_the_page_shows_is_text_or_a_number(tmp_path: Path, sources: dict[str, Path]) -> None:
    path = copy(sources["own"], tmp_path)
    tricky = {"toString": 1, "valueOf": 2}
    metadata(task=tricky, ended=tricky, seed=[tricky], recorder_version=tricky)(path)
    (row,) = DemoLibrary(tmp_path).rows()
    assert row["task"] == json.dumps(tricky)
    shown = timeline(read_demo(path))["metadata"]
    assert all(value is None or isinstance(value, str | int | float) for value in shown.values())


def test_deeply_nested_foreign_json_is_no_video(tmp_path: Path) -> None:
    for name in ("index.json", "film.json.partial"):
        (tmp_path / name).write_text(NESTED)
    (tmp_path / "index.mp4").write_text("a film of the sea")
    clear_up_videos(tmp_path)
    assert read_videos(tmp_path) == {}


@pytest.mark.parametrize("source", [{}, 5, {"name": 3}, ["a"], None])
def test_odd_metadata_of_another_demo_do_not_stop_label_or_record(
    tmp_path: Path, sources: dict[str, Path], source: Any
) -> None:
    path = copy(sources["own"], tmp_path)
    metadata(source=source, seed=source, ended="terminated")(path)
    assert LabelledVideos.of(tmp_path) == LabelledVideos({}, {})
    assert all(isinstance(seed, int) for seed in seeds_with_demos(tmp_path))
    assert all(isinstance(seed, int) for seed in finished_episodes(tmp_path))
