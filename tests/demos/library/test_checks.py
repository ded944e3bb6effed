from __future__ import annotations

import codecs
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.file_limit import files_end_at
from tests.support.frame_counter_env import counter_frame, read_counter
from tests.support.videos import TURNS, turn, write_with_hidden_start
from vpt_gym.actions.human import human_action
from vpt_gym.collect.directory import clear_up
from vpt_gym.collect.finished import finished_episodes, seeds_with_demos
from vpt_gym.collect.labelled_videos import LabelledVideos
from vpt_gym.collect.provenance import RECORDED_BY
from vpt_gym.demos import DemoDataset, DemoError, DemoWriter, check, list_demos, read_demo, read_stats, repair
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.dataset.split import split_by_episode
from vpt_gym.demos.files.contractor import Compat
from vpt_gym.demos.files.names import partial
from vpt_gym.demos.files.video import VideoWriter, copy_frames, read_header
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.demos.library.library import DemoLibrary

TICKS = 50


def write(directory: Path, ticks: int = TICKS) -> Path:
    writer = DemoWriter(directory, metadata={"task": "test"})
    for t in range(ticks):
        writer.append(counter_frame(t), human_action("forward", camera=(0.0, t / 10)), reward=2)
    path = writer.close(success=True, ended="terminated")
    assert path is not None
    return path


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def scramble_pictures(path: Path) -> None:
    content = bytearray(path.read_bytes())
    start = content.rindex(b"mdat")  # of the last fragment, which begins with a key frame
    content[start + 40 : start + 400] = bytes(byte ^ 0x5A for byte in content[start + 40 : start + 400])
    path.write_bytes(content)


def break_line(path: Path, number: int, text: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    lines[number] = text
    path.write_text("".join(lines))


Damage = Callable[[Path], object]
MENDABLE: dict[str, Damage] = {
    "video cut off": lambda json_path: cut(json_path.with_suffix(".mp4"), 0.9),
    "last line torn": lambda json_path: cut(json_path.with_suffix(".jsonl"), 0.9),
    "line in the middle is not JSON": lambda json_path: break_line(json_path.with_suffix(".jsonl"), 30, "oops\n"),
    "line in the middle is not an object": lambda json_path: break_line(json_path.with_suffix(".jsonl"), 30, "3\n"),
    "metadata says more ticks": lambda json_path: json_path.write_text(
        json.dumps({**json.loads(json_path.read_text()), "ticks": 60})
    ),
    "never renamed": lambda json_path: [
        json_path.with_suffix(suffix).rename(partial(json_path.with_suffix(suffix)))
        for suffix in (".mp4", ".jsonl", ".json")
    ],
    "half renamed": lambda json_path: [
        json_path.with_suffix(suffix).rename(partial(json_path.with_suffix(suffix))) for suffix in (".jsonl", ".json")
    ],
}
NOT_MENDABLE: dict[str, tuple[Damage, str]] = {
    "no video": (lambda path: path.with_suffix(".mp4").unlink(), ".mp4 is missing"),
    "no records": (lambda path: path.with_suffix(".jsonl").unlink(), ".jsonl is missing"),
    "no metadata": (lambda path: path.unlink(), ".json is missing"),
    "empty video": (lambda path: path.with_suffix(".mp4").write_bytes(b""), "holds 0 frames"),
    "first line torn": (lambda path: break_line(path.with_suffix(".jsonl"), 0, "oops\n"), "line 1 is not JSON"),
    "empty records": (lambda path: path.with_suffix(".jsonl").write_text(""), "holds no tick"),
    "bad metadata": (lambda path: path.write_text("{"), "cannot be read as JSON"),
    "strange metadata": (lambda path: path.write_text("[]"), "not a demo's metadata"),
    "no action": (lambda path: break_line(path.with_suffix(".jsonl"), 3, "{}\n"), "line 4: not a record"),
    "broken off, and bad metadata": (
        lambda path: [
            path.with_suffix(".mp4").rename(partial(path.with_suffix(".mp4"))),
            path.unlink(),
            partial(path).write_text("{"),
        ],
        "is missing: the recording was not finished",
    ),
    "scrambled pictures": (lambda path: scramble_pictures(path.with_suffix(".mp4")), "cannot be decoded"),
}

# They may be in the making: not listed, so not damaged either. `check` asks the lock.
UNFINISHED = {"never renamed", "half renamed", "broken off, and bad metadata"}


@pytest.mark.parametrize("damage", MENDABLE)
def test_repairable_damage_is_found_and_repaired(tmp_path: Path, damage: str) -> None:
    healthy, path = write(tmp_path), write(tmp_path)
    MENDABLE[damage](path)
    if path.exists():
        with pytest.raises(DemoError, match="repair"):
            read_demo(path)
    (problem,) = check(tmp_path)
    assert problem.id == path.stem
    assert problem.repairable
    assert "repair" in str(problem)

    (repaired,) = repair(tmp_path)
    assert check(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 6
    demo = read_demo(path)
    assert 20 <= repaired.ticks == len(demo) <= TICKS
    assert [read_counter(frame)[0] for frame in demo.frames()] == list(range(len(demo)))
    assert demo.actions["camera"][:, 1].tolist() == pytest.approx([t / 10 for t in range(len(demo))])
    assert demo.metadata["task"] == "test"
    assert demo.metadata["return"] == 2 * len(demo)
    whole = damage.endswith("renamed")
    assert (demo.metadata["ended"], demo.success) == (("terminated", True) if whole else ("recovered", None))
    assert len(read_demo(healthy)) == TICKS


@pytest.mark.parametrize("damage", NOT_MENDABLE)
def test_other_damage_is_reported_and_left_unchanged(tmp_path: Path, damage: str) -> None:
    write(tmp_path)
    path = write(tmp_path)
    inflict, message = NOT_MENDABLE[damage]
    inflict(path)
    (problem,) = check(tmp_path)
    assert problem.id == path.stem
    with pytest.raises(DemoError, match=message):
        for _ in read_demo(path).frames():
            pass
    assert not problem.repairable
    assert "delete" in problem.remedy
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert repair(tmp_path) == []
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", [*MENDABLE, *NOT_MENDABLE, "another size"])
def test_training_and_counting_leave_damaged_demos_out_and_name_them(tmp_path: Path, damage: str) -> None:
    _, path = write(tmp_path), write(tmp_path)
    if damage == "another size":
        put_a_video_of_another_size(path)
    else:
        (MENDABLE[damage] if damage in MENDABLE else NOT_MENDABLE[damage][0])(path)
    if damage in UNFINISHED:
        assert DemoDataset(tmp_path, frame_size=(48, 80)).skipped == []
        return
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged") as caught:
        dataset = DemoDataset(tmp_path, frame_size=(48, 80))
    assert [warning.filename for warning in caught] == [__file__]
    ((skipped, reason),) = dataset.skipped
    assert (skipped.stem, dataset.n_episodes, dataset.n_ticks) == (path.stem, 1, TICKS)
    assert path.stem in reason
    for _ in range(3):  # and never dies in epoch 3
        assert len(list(dataset)) == len(dataset)
    stats = read_stats(tmp_path)
    if damage != "scrambled pictures":  # which only decoding shows
        assert [demo_id for demo_id, _ in stats.damaged] == [path.stem]
        assert stats.ticks == TICKS


def test_a_quick_check_does_not_decode(tmp_path: Path) -> None:
    scramble_pictures(write(tmp_path).with_suffix(".mp4"))
    assert len(check(tmp_path)) == 1
    assert check(tmp_path, decode=False) == []


def test_a_recording_without_anything_on_disk_is_removed(tmp_path: Path) -> None:
    path = write(tmp_path)
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(partial(path.with_suffix(suffix)))
    partial(path.with_suffix(".mp4")).write_bytes(b"")
    (repaired,) = repair(tmp_path)
    assert repaired.ticks == 0
    assert "removed" in repaired.message
    assert list(tmp_path.iterdir()) == []


def test_a_running_recording_is_left_alone(tmp_path: Path) -> None:
    writer = DemoWriter(tmp_path)
    for t in range(45):
        writer.append(counter_frame(t), human_action("forward"))
    assert check(tmp_path) == []
    assert repair(tmp_path) == []
    path = writer.close()
    assert path is not None
    assert len(read_demo(path)) == 45


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("room", [0.5, 0.99])
def test_a_repair_that_cannot_write_leaves_what_was_there(tmp_path: Path, room: float) -> None:
    path = write(tmp_path)
    cut(path.with_suffix(".mp4"), 0.9)
    for file in list(tmp_path.iterdir()):
        file.rename(partial(file))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    ticks = read_header(partial(path.with_suffix(".mp4"))).frames
    end = partial(path.with_suffix(".mp4")).stat().st_size * room
    with files_end_at(int(end)), pytest.raises(DemoWriteError, match=r"cannot repair.*what was there is unchanged"):
        repair(tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert [done.ticks for done in repair(tmp_path)] == [ticks]


def test_a_repair_that_was_killed_can_be_run_again(tmp_path: Path) -> None:
    path = write(tmp_path)
    cut(path.with_suffix(".mp4"), 0.8)
    # as if it had been killed after it wrote the first piece, and while it wrote the second
    trial = tmp_path / "trial"
    trial.mkdir()
    for suffix in (".mp4", ".jsonl", ".json"):
        shutil.copy(path.with_suffix(suffix), trial)
    (repaired,) = repair(trial)
    shutil.copy(trial / path.with_suffix(".mp4").name, partial(path.with_suffix(".mp4")))
    scratch = partial(path.with_suffix(".jsonl"))
    scratch.with_name(scratch.name + ".tmp").write_text("{")
    shutil.rmtree(trial)

    (again,) = repair(tmp_path)
    assert again == repaired
    assert check(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("kind", ["own", "contractor"])
def test_what_a_copy_in_the_middle_of_a_recording_left_does_not_cut_the_demo(tmp_path: Path, kind: str) -> None:
    """The directory was copied during the recording, and again after it: the unfinished files are still there."""
    if kind == "own":
        path, early = write(tmp_path, 30), write(tmp_path / "early", 7)
    else:
        path = write_recording(tmp_path / "a", records(30), frames(30))
        early = write_recording(tmp_path / "early" / "a", records(7), frames(7))
    suffixes = [".mp4", ".jsonl", ".json"][: 3 if kind == "own" else 2]
    whole = {path.with_suffix(suffix): path.with_suffix(suffix).read_bytes() for suffix in suffixes}
    for suffix in suffixes:
        early.with_suffix(suffix).replace(partial(path.with_suffix(suffix)))
    early.parent.rmdir()
    size = (48, 80) if kind == "own" else (144, 256)
    assert DemoDataset(tmp_path, frame_size=size).n_ticks == 30
    (problem,) = check(tmp_path)
    assert problem.repairable
    assert "the demo is whole" in str(problem)
    (done,) = repair(tmp_path, interrupted_only=True)  # as a recording does at its start
    assert done.ticks == 30
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == whole


def test_unfinished_files_with_more_ticks_than_the_demo_are_kept(tmp_path: Path) -> None:
    path, more = write(tmp_path, 7), write(tmp_path / "more", 30)
    for suffix in (".mp4", ".jsonl", ".json"):
        more.with_suffix(suffix).replace(partial(path.with_suffix(suffix)))
    more.parent.rmdir()
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    (problem,) = check(tmp_path)
    assert not problem.repairable
    assert "more ticks than the demo" in problem.remedy
    assert repair(tmp_path) == []
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_name_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path, name = write(tmp_path, 7), "a" * 250  # no file can be called that and .jsonl.partial
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(tmp_path / f"{name[:-6]}{suffix}")
    (tmp_path / f"{name}.mp4").write_bytes(b"a film")
    (problem,) = check(tmp_path)
    assert problem.id == name
    assert repair(tmp_path) == []
    cache = FrameCache(size=(48, 80), max_bytes=0, directory=tmp_path / "cache")
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
        dataset = DemoDataset(tmp_path, frame_size=(48, 80), cache=cache)
    assert dataset.n_ticks == 7


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, 7)
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(tmp_path / (os.fsdecode(b"caf\xe9") + suffix))
    write(tmp_path, 7)
    assert check(tmp_path) == []
    assert len(split_by_episode(list_demos(tmp_path), 1)[0]) == 1
    cache = FrameCache(size=(48, 80), max_bytes=0, directory=tmp_path / "cache")
    assert DemoDataset(tmp_path, frame_size=(48, 80), cache=cache).n_ticks == 14


def test_other_files_are_nobodys_business(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "round-1").mkdir()
    assert check(tmp_path) == []
    assert repair(tmp_path) == []
    assert len(list_demos(tmp_path)) == 1


@pytest.mark.parametrize("function", [check, repair])
def test_an_absent_directory_is_an_error(tmp_path: Path, function: Callable[[Path], object]) -> None:
    with pytest.raises(FileNotFoundError, match="not a directory of demos"):
        function(tmp_path / "absent")


def put_a_video_of_another_size(path: Path) -> None:
    writer = DemoWriter(path.parent / "other")
    for _ in range(TICKS):
        writer.append(counter_frame(0, (64, 96)), human_action())
    small = writer.close()
    assert small is not None
    small.with_suffix(".mp4").replace(path.with_suffix(".mp4"))


def test_a_video_of_another_size_is_reported(tmp_path: Path) -> None:
    put_a_video_of_another_size(write(tmp_path))
    (problem,) = check(tmp_path)
    assert "is 64x96, but" in problem.problem
    assert not problem.repairable


def test_a_video_that_changes_its_size_is_reported(tmp_path: Path) -> None:
    streams = b""
    for number, (height, width) in enumerate([(144, 256), (48, 64)]):
        path = tmp_path / f"{number}.h264"
        with av.open(str(path), "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=20)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for t in range(10):
                picture = av.VideoFrame.from_ndarray(counter_frame(t, (height, width)), format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        streams += path.read_bytes()
        path.unlink()
    jsonl = write_recording(tmp_path / "demos" / "a", records(20), frames(20))
    jsonl.with_suffix(".mp4").write_bytes(streams)  # the container is found out by its content
    (problem,) = check(tmp_path / "demos")
    assert "a frame is 48x64 yuv420p, those before it are 144x256 yuv420p" in problem.problem


def test_a_junk_line_after_a_complete_demo_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path)
    with open(path.with_suffix(".jsonl"), "a") as lines:
        lines.write('{"mouse": ')
    assert [problem.repairable for problem in check(tmp_path)] == [True]
    (done,) = repair(tmp_path)
    assert done.ticks == TICKS
    assert check(tmp_path) == []
    assert read_demo(path).success  # nothing of the episode was lost


def records(count: int) -> list[dict]:
    return [record(t, keys=["key.keyboard.w"]) for t in range(count)]


CONTRACTOR_DAMAGE: dict[str, Damage] = {
    "records cut off": lambda jsonl: cut(jsonl, 0.7),
    "bad line": lambda jsonl: break_line(jsonl, 20, "oops\n"),
    "bad line where the video ends": lambda jsonl: jsonl.write_text(jsonl.read_text() + "oops\n"),
    "video shorter": lambda jsonl: write_recording(jsonl.with_name("a"), records(26), frames(21)),
    "video longer": lambda jsonl: write_recording(jsonl.with_name("a"), records(21), frames(26)),
    "video torn in a frame": lambda jsonl: tear(jsonl.with_suffix(".mp4"), 22),
}


def tear(video: Path, whole: int) -> None:
    """Replaces a video with one in fragments that ends within the frame after the ``whole`` first ones."""
    writer = VideoWriter(video, counter_frame(0).shape[:2], fps=20)
    for tick in range(TICKS):
        writer.append(counter_frame(tick))
    writer.close()
    content = video.read_bytes()
    for size in range(len(content), 0, -150):
        video.write_bytes(content[:size])
        if read_header(video).frames == whole:
            return
    raise AssertionError(f"no cut leaves {whole} frames")


def frames(count: int) -> list:
    return [counter_frame(t) for t in range(count)]


@pytest.mark.parametrize("damage", CONTRACTOR_DAMAGE)
def test_contractor_recordings_are_cut_to_their_intact_part(tmp_path: Path, damage: str) -> None:
    healthy = write_recording(tmp_path / "b", records(26), frames(26))
    jsonl = write_recording(tmp_path / "a", records(26), frames(26))
    (tmp_path / "a-options.json").write_text("{}")
    before = healthy.read_bytes()
    CONTRACTOR_DAMAGE[damage](jsonl)
    (problem,) = check(tmp_path)
    assert (problem.id, problem.repairable) == ("a", True)
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
        assert DemoDataset(tmp_path, frame_size=(144, 256)).n_ticks == 26

    (done,) = repair(tmp_path)
    assert check(tmp_path) == []
    demo = read_demo(jsonl)
    assert 15 <= len(demo) == done.ticks <= 26
    assert DemoDataset(tmp_path, frame_size=(144, 256)).n_ticks == 26 + len(demo)  # it decodes in one thread
    assert [read_counter(frame)[0] for frame in demo.frames()] == list(range(len(demo)))
    assert jsonl.read_text().splitlines() == [json.dumps(one) for one in records(len(demo))]
    assert healthy.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-options.json",
        "a.jsonl",
        "a.mp4",
        "b.jsonl",
        "b.mp4",
    ]


@pytest.mark.parametrize("missing", [".mp4", ".jsonl"])
def test_half_a_contractor_recording_is_reported_left_unchanged_and_counted(tmp_path: Path, missing: str) -> None:
    jsonl = write_recording(tmp_path / "a", records(10), frames(10))
    write_recording(tmp_path / "b", records(12), frames(12))
    jsonl.with_suffix(missing).unlink()
    (problem,) = check(tmp_path)
    assert (problem.id, problem.repairable) == ("a", False)
    assert f"a{missing} is missing" in problem.problem
    assert repair(tmp_path) == []
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
        dataset = DemoDataset(tmp_path)
    assert (dataset.n_ticks, len(dataset.skipped)) == (12, 1)
    stats = read_stats(tmp_path)
    assert (stats.ticks, [demo_id for demo_id, _ in stats.damaged]) == (12, ["a"])


def test_a_last_line_without_a_newline_is_complete(tmp_path: Path) -> None:
    jsonl = write_recording(tmp_path / "a", records(26), frames(26))
    jsonl.write_text(jsonl.read_text().rstrip("\n"))
    assert check(tmp_path) == []


def test_a_longer_video_with_frames_out_of_order_is_not_cut(tmp_path: Path) -> None:
    jsonl = write_recording(tmp_path / "a", records(10), frames(20))
    with av.open(str(jsonl.with_suffix(".mp4")), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        for frame in frames(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    (problem,) = check(tmp_path)
    assert not problem.repairable
    assert "-frames:v 10" in problem.remedy
    assert repair(tmp_path) == []


def write_cut_recording(directory: Path, ticks: int) -> Path:
    """A contractor recording whose video was cut without encoding: of its 20 frames, 27 to 39 are shown."""
    jsonl = write_recording(directory / "a", records(ticks), frames(1))
    write_with_hidden_start(jsonl.with_suffix(".mp4"), np.stack(frames(40)), first_packet=20, first_shown=27)
    return jsonl


@pytest.mark.parametrize("compat", [None, "openai"])
def test_only_frames_that_are_shown_count(tmp_path: Path, compat: Compat) -> None:
    jsonl = write_cut_recording(tmp_path, 13)
    before = jsonl.with_suffix(".mp4").read_bytes()
    demo = read_demo(jsonl, compat=compat)
    assert [read_counter(frame)[0] for frame in demo.frames()] == list(range(27, 40))
    assert DemoDataset(tmp_path, frame_size=(48, 80), compat=compat).n_ticks == 13
    assert read_stats(tmp_path).ticks == 13
    assert check(tmp_path) == repair(tmp_path) == []
    assert jsonl.with_suffix(".mp4").read_bytes() == before
    assert [row["ticks"] for row in DemoLibrary(tmp_path).rows()] == [13]


def test_as_many_records_as_shown_and_hidden_frames_are_damage_in_every_reader(tmp_path: Path) -> None:
    jsonl = write_cut_recording(tmp_path, 20)
    write_recording(tmp_path / "b", records(12), frames(12))
    before = jsonl.with_suffix(".mp4").read_bytes()
    for compat in (None, "openai"):
        with pytest.raises(DemoError, match=r"13 frames, but a\.jsonl holds 20 ticks"):
            read_demo(jsonl, compat=compat)
        with pytest.raises(DemoError, match=r"13 frames, but a\.jsonl holds 20 ticks"):
            list(read_demo(jsonl, compat=compat, count_frames=False).frames())
        with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
            assert DemoDataset(tmp_path, compat=compat).n_ticks == 12
    cache = FrameCache(directory=tmp_path / "cache", max_bytes=0, max_file_bytes=0)
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):  # streamed
        assert DemoDataset(tmp_path, cache=cache).n_ticks == 12
    assert [demo_id for demo_id, _ in read_stats(tmp_path).damaged] == ["a"]
    (problem,) = check(tmp_path)
    assert not problem.repairable
    assert "it is not known which ticks belong to them" in problem.problem

    lines = jsonl.read_bytes()
    assert repair(tmp_path) == []  # the first records may be those of the hidden frames
    assert (jsonl.with_suffix(".mp4").read_bytes(), jsonl.read_bytes()) == (before, lines)
    assert len(check(tmp_path)) == 1


def test_a_cut_never_reveals_hidden_frames(tmp_path: Path) -> None:
    jsonl = write_cut_recording(tmp_path, 10)
    before = jsonl.with_suffix(".mp4").read_bytes()
    (problem,) = check(tmp_path)
    assert not problem.repairable
    assert "-frames:v 10" in problem.remedy
    assert repair(tmp_path) == []
    assert jsonl.with_suffix(".mp4").read_bytes() == before
    with pytest.raises(ValueError, match="hides frames"):
        copy_frames(jsonl.with_suffix(".mp4"), tmp_path / "copy.mp4", 10)


def test_an_own_demo_with_hidden_frames_keeps_its_video(tmp_path: Path) -> None:
    path = write(tmp_path, 20)
    video = path.with_suffix(".mp4")
    write_with_hidden_start(video, np.stack(frames(40)), first_packet=20, first_shown=27)
    before = video.read_bytes()
    for interrupted in (False, True):
        if interrupted:
            for file in list(tmp_path.iterdir()):
                file.rename(partial(file))
            video = partial(video)
        (problem,) = check(tmp_path)
        assert "it is not known which ticks belong to them" in problem.problem
        assert repair(tmp_path) == []
        assert video.read_bytes() == before


def test_frames_hidden_at_the_end_are_those_of_the_last_records(tmp_path: Path) -> None:
    jsonl = write_cut_recording(tmp_path, 20)
    video = jsonl.with_suffix(".mp4")
    write_with_hidden_start(video, np.stack(frames(40)), first_packet=20, first_shown=20)
    content = video.read_bytes()
    entry = content.index(b"elst") + 12  # its duration, in milliseconds: 10 of the 20 frames
    video.write_bytes(content[:entry] + (500).to_bytes(4, "big") + content[entry + 4 :])
    (problem,) = check(tmp_path)
    assert (problem.repairable, "the video is cut off" in problem.problem) == (True, True)
    assert [done.ticks for done in repair(tmp_path)] == [10]
    assert [read_counter(frame)[0] for frame in read_demo(jsonl).frames()] == list(range(20, 30))


@pytest.mark.parametrize("matrix", TURNS.values(), ids=TURNS)
def test_a_video_that_players_turn_is_refused_in_every_reader(
    tmp_path: Path, matrix: tuple[int, int, int, int]
) -> None:
    jsonl = write_recording(tmp_path / "a", records(10), frames(10))
    write_recording(tmp_path / "b", records(12), frames(12))
    turn(jsonl.with_suffix(".mp4"), matrix)
    for compat in (None, "openai"):
        for count_frames in (True, False):
            with pytest.raises(DemoError, match=r"a\.mp4 (turns|mirrors) its pictures.*-i a\.mp4 .* upright\.mp4"):
                read_demo(jsonl, compat=compat, count_frames=count_frames)
        with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
            assert DemoDataset(tmp_path, compat=compat).n_ticks == 12
    (problem,) = check(tmp_path)
    assert (problem.id, problem.repairable) == ("a", False)
    assert [demo_id for demo_id, _ in read_stats(tmp_path).damaged] == ["a"]
    turn(jsonl.with_suffix(".mp4"), (1, 0, 0, 1))
    assert check(tmp_path) == []


def test_a_list_of_other_files_is_no_video(tmp_path: Path) -> None:
    write_recording(tmp_path / "b", records(12), frames(12))
    jsonl = write_recording(tmp_path / "a", records(12), frames(12))
    jsonl.with_suffix(".mp4").write_text("ffconcat version 1.0\nfile b.mp4\n")
    for compat in (None, "openai"):
        for count_frames in (True, False):
            with pytest.raises(DemoError, match="holds 0 frames"):
                read_demo(jsonl, compat=compat, count_frames=count_frames)
    assert [problem.id for problem in check(tmp_path)] == ["a"]
    assert repair(tmp_path) == []


BLANK = {"empty": "\n", "spaces": "  \t \n", "Windows": "\r\n", "three": "\n\n\n"}


@pytest.mark.parametrize("after", [0, 15, 30])
@pytest.mark.parametrize("blank", BLANK.values(), ids=BLANK)
def test_blank_lines_are_no_damage(tmp_path: Path, blank: str, after: int) -> None:
    path = write(tmp_path, 30)
    jsonl = path.with_suffix(".jsonl")
    lines = jsonl.read_text().splitlines(keepends=True)
    jsonl.write_bytes("".join([*lines[:after], blank, *lines[after:]]).encode())
    before = jsonl.read_bytes()
    assert check(tmp_path) == repair(tmp_path) == []
    assert jsonl.read_bytes() == before
    demo = read_demo(path)
    assert demo.actions["camera"][:, 1].tolist() == pytest.approx([t / 10 for t in range(30)])
    assert read_stats(tmp_path).ticks == DemoDataset(tmp_path).n_ticks == 30


def test_blank_lines_are_not_counted_when_a_demo_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path, 30)
    jsonl = path.with_suffix(".jsonl")
    lines = jsonl.read_text().splitlines(keepends=True)
    jsonl.write_text("".join([*lines[:15], "\n", *lines[15:25], "\r\n", "oops\n", *lines[25:]]))
    assert [done.ticks for done in repair(tmp_path)] == [25]
    assert check(tmp_path) == []
    assert jsonl.read_text() == "".join(lines[:25])
    assert [read_counter(frame)[0] for frame in read_demo(path).frames()] == list(range(25))


def test_a_byte_order_mark_and_windows_line_endings_are_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path, 20)
    for file in (path, path.with_suffix(".jsonl")):
        file.write_bytes(codecs.BOM_UTF8 + file.read_bytes().replace(b"\n", b"\r\n"))
    assert check(tmp_path) == repair(tmp_path) == []
    assert len(read_demo(path)) == 20


FOREIGN: dict[str, str] = {
    "all_8xx_Jun_29.json": '{"basedir": "https://example.org/data/", "relpaths": ["8.0/a.mp4", "8.0/b.mp4"]}',
    "counts.json": "[3, 4]",
    "torn.json": '{"a": ',
    "x.info.json": '{"title": "a film"}',
    "metrics.json": "{}",
    "metrics.jsonl": '{"update": 1, "loss": 2.5}\n',
    "notes.jsonl": "\n",
    "._a.mp4": "Mac OS X",
    "._a.jsonl": "Mac OS X",
    "._a.json": "Mac OS X",
    ".hidden.json": '{"format": "vpt_gym.demo"}',
    "film.mp4.partial": "half a film",
    "table.json.partial": "[",
    "table.jsonl.partial": "[1, 2]\n",
}


@pytest.mark.parametrize("beside", ["nothing", "a recording", "an own demo"])
def test_foreign_files_are_ignored_and_kept(tmp_path: Path, beside: str) -> None:
    count = 0 if beside == "nothing" else 1
    if beside == "a recording":
        write_recording(tmp_path / "a", records(12), frames(12))
    elif beside == "an own demo":
        write(tmp_path, 12)
    for name, content in FOREIGN.items():
        (tmp_path / name).write_text(content)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert check(tmp_path) == repair(tmp_path) == []
    clear_up(tmp_path, RECORDED_BY, lambda: None)
    assert len(list_demos(tmp_path)) == len(list_demos(tmp_path, lone_videos=True)) == count
    assert len(DemoLibrary(tmp_path).rows()) == count
    assert read_stats(tmp_path).episodes == count
    assert read_stats(tmp_path).damaged == ()
    assert finished_episodes(tmp_path) == {}
    assert LabelledVideos.of(tmp_path) == LabelledVideos({}, {})
    assert seeds_with_demos(tmp_path) == set()
    if count:
        assert DemoDataset(tmp_path).n_ticks == 12
    else:
        with pytest.raises(ValueError, match="no demo to learn from"):
            DemoDataset(tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_nobody_is_advised_to_delete_a_film(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_text("a film of the sea")
    (tmp_path / "film.json").write_text('{"title": "the sea"}')
    (problem,) = check(tmp_path)
    assert "film.jsonl is missing" in problem.problem
    assert "delete" not in problem.remedy
    assert "move it to another directory" in problem.remedy


@pytest.mark.parametrize("left", [".mp4", ".jsonl", ".json"])
def test_what_is_left_of_an_own_demo_is_still_found(tmp_path: Path, left: str) -> None:
    path = write(tmp_path, 12)
    for suffix in {".mp4", ".jsonl", ".json"} - {left}:
        path.with_suffix(suffix).unlink()
    assert [problem.id for problem in check(tmp_path)] == [path.stem]


@pytest.mark.parametrize("line", ["oops\n", '{"mouse": {}, "keyboard": {}, "vpt_gym": {"reward": "much"}}\n'])
def test_an_interrupted_recording_is_not_removed_for_its_first_line(tmp_path: Path, line: str) -> None:
    path = write(tmp_path)
    break_line(path.with_suffix(".jsonl"), 0, line)
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(partial(path.with_suffix(suffix)))
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    (problem,) = check(tmp_path)
    assert not problem.repairable
    assert "the first line is damaged, and 50 frames are intact" in problem.problem
    assert repair(tmp_path) == []
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
