from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import vpt_gym.demos
from tests.support.file_limit import files_end_at
from tests.support.frame_counter_env import counter_frame, read_counter
from vpt_gym.actions.codec import encode
from vpt_gym.actions.human import BUTTONS, human_action, no_op
from vpt_gym.demos import Demo, DemoError, DemoWriter, check, list_demos, read_demo
from vpt_gym.demos.files.atomic import write_metadata
from vpt_gym.demos.files.names import partial
from vpt_gym.demos.files.video import VideoWriter, count_frames
from vpt_gym.demos.files.writer import DemoWriteError


def write(directory: Path, ticks: int = 45, size: tuple[int, int] = (48, 80), **ending: Any) -> Path:
    writer = DemoWriter(directory)
    for t in range(ticks):
        writer.append(counter_frame(t, size), human_action("forward", camera=(0.0, t / 10)), reward=t)
    path = writer.close(**ending)
    assert path is not None
    return path


def panned(count: int, size: tuple[int, int] = (144, 256)) -> list[np.ndarray]:
    """Frames that pan over a landscape of soft shapes and fine grey grain."""
    rng = np.random.default_rng(0)
    height, width = size
    soft = cv2.resize(
        rng.integers(0, 256, (12, 30, 3), np.uint8), (width * 4, height * 2), interpolation=cv2.INTER_CUBIC
    )
    grain = rng.integers(-12, 13, (height * 2, width * 4, 1))
    scene = np.clip(soft.astype(int) + grain, 0, 255).astype(np.uint8)
    return [scene[t : t + height, 3 * t : 3 * t + width] for t in range(count)]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 1e-9))


def test_a_demo_reads_back_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    written = [
        human_action(*rng.choice(BUTTONS, 3, replace=False), camera=tuple(rng.uniform(-20, 20, 2))) for _ in range(47)
    ]
    with DemoWriter(tmp_path / "new" / "folder", metadata={"task": "test", "array": np.arange(2)}) as writer:
        for t, action in enumerate(written):
            writer.append(counter_frame(t), action, reward=t / 3, state={"yaw": 1.0})
        path = writer.close(success=True, ended="terminated", metadata={"player": object})
    assert path is not None
    demo = read_demo(path)
    assert len(demo) == 47
    for name in BUTTONS:
        assert demo.actions[name].tolist() == [action[name] for action in written]
    assert np.array_equal(demo.actions["camera"], np.stack([action["camera"] for action in written]))
    assert np.array_equal(demo.codes, np.stack([encode(action) for action in written]))
    assert demo.rewards.tolist() == [t / 3 for t in range(47)]
    assert demo.success is True
    assert demo.metadata["ended"] == "terminated"
    assert demo.metadata["return"] == pytest.approx(sum(t / 3 for t in range(47)))
    assert demo.metadata["task"] == "test"
    assert demo.metadata["array"] == [0, 1]
    assert demo.metadata["player"] == "<class 'object'>"
    assert demo.metadata["versions"]["av"]
    assert repr(demo) == f"Demo('{demo.id}', ticks=47, frames=48x80, success=True)"
    assert sorted(file.name for file in path.parent.iterdir()) == [f"{demo.id}.{e}" for e in ("json", "jsonl", "mp4")]


@pytest.mark.parametrize("which", ["mp4", "jsonl", "json", "stem"])
def test_any_of_its_files_names_a_demo(tmp_path: Path, which: str) -> None:
    path = write(tmp_path, 3)
    assert len(read_demo(path.with_suffix("" if which == "stem" else f".{which}"))) == 3


def test_frame_t_is_frame_t_and_looks_alike(tmp_path: Path) -> None:
    frames = panned(70)
    with DemoWriter(tmp_path) as writer:
        for frame in frames:  # views into the scene: not contiguous
            writer.append(frame, no_op())
        path = writer.close()
    assert path is not None
    read = list(read_demo(path).frames())
    assert len(read) == 70
    assert all(frame.shape == (144, 256, 3) and frame.dtype == np.uint8 for frame in read)
    assert min(psnr(one, other) for one, other in zip(frames, read, strict=True)) > 30
    # a neighbour does not look alike: the measure tells frames apart
    assert max(psnr(one, other) for one, other in zip(frames, read[1:], strict=False)) < 30
    assert path.with_suffix(".mp4").stat().st_size < 70 * 20_000


@pytest.mark.parametrize("size", [(47, 81), (48, 81), (47, 80), (2, 2), (3, 5), (127, 129)])
def test_frames_of_any_size_come_back_at_their_size(tmp_path: Path, size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 40, np.uint8)
    frame[:, size[1] // 2 :] = 200
    with DemoWriter(tmp_path) as writer:
        for _ in range(3):
            writer.append(frame, no_op())
        path = writer.close()
    assert path is not None
    read = list(read_demo(path).frames())
    assert [one.shape for one in read] == [(*size, 3)] * 3
    assert all(psnr(frame, one) > 28 for one in read)


def test_another_reader_sees_the_same_video(tmp_path: Path) -> None:
    path = write(tmp_path, 45)
    capture = cv2.VideoCapture(str(path.with_suffix(".mp4")))
    assert capture.get(cv2.CAP_PROP_FPS) == 20
    seen = []
    while (result := capture.read())[0]:
        seen.append(read_counter(result[1])[0])
    assert seen == list(range(45))


def test_labels_and_executed_actions_are_stored_separately(tmp_path: Path) -> None:
    with DemoWriter(tmp_path) as writer:
        writer.append(counter_frame(0), human_action("attack"), executed=human_action("jump", camera=(1.0, 0.0)))
        writer.append(counter_frame(1), human_action("attack"))
        path = writer.close()
    assert path is not None
    demo = read_demo(path)
    assert demo.actions["attack"].tolist() == [1, 1]
    assert demo.executed["attack"].tolist() == [0, 1]
    assert demo.executed["jump"].tolist() == [1, 0]
    assert demo.executed["camera"].tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_nothing_has_its_name_before_it_is_finished_and_nothing_stays_of_an_aborted_demo(tmp_path: Path) -> None:
    writer = DemoWriter(tmp_path / "d")
    assert not (tmp_path / "d").exists()
    for t in range(25):
        writer.append(counter_frame(t), no_op())
    assert {file.suffix for file in (tmp_path / "d").iterdir()} == {".partial"}
    assert list_demos(tmp_path / "d") == []
    assert check(tmp_path / "d") == []  # it is being recorded: no problem
    assert writer.ticks == 25
    writer.abort()
    writer.abort()
    assert writer.closed
    assert list((tmp_path / "d").iterdir()) == []
    assert writer.close() is None
    with pytest.raises(RuntimeError, match="closed"):
        writer.append(counter_frame(0), no_op())


def test_a_demo_without_ticks_leaves_nothing(tmp_path: Path) -> None:
    with DemoWriter(tmp_path) as writer:
        pass
    assert writer.close() is None
    assert list(tmp_path.iterdir()) == []


def test_an_exception_in_the_block_keeps_what_was_recorded(tmp_path: Path) -> None:
    def recording() -> None:
        with DemoWriter(tmp_path) as writer:
            writer.append(counter_frame(0), no_op())
            raise KeyError

    with pytest.raises(KeyError):
        recording()
    (path,) = list_demos(tmp_path)
    assert read_demo(path).metadata["ended"] == "error"


LOOP: dict[str, Any] = {}
LOOP["a"] = LOOP


class WithoutText:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *[({"fps": fps}, "fps is .*; it must be a whole number") for fps in (0.5, 20.5, "20", True, 1001, 10**9)],
        *[({"crf": crf}, "crf is .*; it must be a number from 0") for crf in (-1, 52, "18", True, float("nan"))],
        *[({"preset": preset}, "preset is .*; it must be one of ultrafast") for preset in ("fastest", "", None, 3)],
        *[({"metadata": {"a": value}}, r"metadata\['a'\] cannot") for value in (LOOP, [WithoutText()], 10**5000)],
    ],
)
def test_a_writer_refuses_what_no_reader_would_take(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DemoWriter(tmp_path, **options)


@pytest.mark.parametrize(
    "ending",
    [
        *[{"success": value} for value in ("yes", 2, [True], 0.5)],
        *[{"metadata": {"a": value}} for value in (LOOP, [WithoutText()], 10**5000)],
    ],
)
def test_an_ending_that_is_refused_may_be_given_again(tmp_path: Path, ending: dict[str, Any]) -> None:
    writer = DemoWriter(tmp_path)
    writer.append(counter_frame(0), no_op())
    with pytest.raises(ValueError, match=f"{next(iter(ending))}.* (is|cannot)"):
        writer.close(**ending)
    path = writer.close(success=np.True_, metadata={"a": {(1, 2): {3: b"4"}}})
    assert path is not None
    assert read_demo(path).success is True
    assert read_demo(path).metadata["a"] == {"(1, 2)": {"3": "b'4'"}}
    assert check(tmp_path) == []


@pytest.mark.parametrize("success", [1, 0, np.int64(1), np.float64("nan"), None])
def test_success_has_three_values(tmp_path: Path, success: Any) -> None:
    expected = None if success is None or success != success else bool(success)
    assert read_demo(write(tmp_path, ticks=2, success=success)).success is expected


def test_a_tick_that_is_refused_is_not_recorded(tmp_path: Path) -> None:
    with DemoWriter(tmp_path) as writer:
        for bad, message in [
            (np.zeros((4, 4, 3), np.float32), "uint8"),
            (np.zeros((3, 4, 4), np.uint8), "uint8"),
            (np.zeros((4, 4), np.uint8), "uint8"),
            (np.zeros((0, 4, 3), np.uint8), "0x4; H.264 holds sides of 1 to"),
            (np.zeros((2, 16386, 3), np.uint8), "2x16386; H.264"),
            ([[0]], "list"),
        ]:
            with pytest.raises(ValueError, match=message):
                writer.append(bad, no_op())
        writer.append(counter_frame(0), no_op())
        with pytest.raises(ValueError, match="first was"):
            writer.append(counter_frame(0, (50, 80)), no_op())
        with pytest.raises(ValueError, match="jmup"):
            writer.append(counter_frame(0), {"jmup": 1, "camera": [0, 0]})
        with pytest.raises(TypeError):
            writer.append(counter_frame(0), no_op(), state={"yaw": object()})
        menu = {"isGuiOpen": True}
        for options, message in [
            *[({"cursor": cursor, "state": menu}, "cursor is .* at tick 1") for cursor in (0.5, (1, 2, 3), ("a", "b"))],
            *[({"reward": reward}, "reward is .* at tick 1") for reward in (None, [1.0], 10**400, float("nan"))],
            *[({"state": state}, "state is .* at tick 1") for state in (5, ["isGuiOpen"])],
            ({"state": {"isGuiOpen": "no"}}, "isGuiOpen is 'no'"),
            ({"state": {"inventory": LOOP}}, "inventory at tick 1"),
        ]:
            with pytest.raises(ValueError, match=message):
                writer.append(counter_frame(0), no_op(), **options)
        writer.append(counter_frame(1), no_op())
        path = writer.close()
    assert path is not None
    assert [read_counter(frame)[0] for frame in read_demo(path).frames()] == [0, 1]
    assert [json.loads(line)["tick"] for line in path.with_suffix(".jsonl").read_text().splitlines()] == [0, 1]


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ticks"):
        DemoWriter(tmp_path, metadata={"ticks": 3})
    with pytest.raises(ValueError, match="success"):
        DemoWriter(tmp_path).close(metadata={"success": 3})
    with pytest.raises(ValueError, match="fps is 0"):
        DemoWriter(tmp_path, fps=0)


@pytest.mark.parametrize(("fps", "milli"), [(20, [0, 50, 100]), (1, [0, 1000, 2000]), (3, [0, 333, 666])])
def test_records_have_the_time_of_the_game(tmp_path: Path, fps: int, milli: list[int]) -> None:
    writer = DemoWriter(tmp_path, fps=fps)
    assert (writer.ticks, writer.pending, writer.closed) == (0, 0, False)
    for t in range(3):
        writer.append(counter_frame(t), no_op(), reward=t + 0.5)
    summary = writer.summary(success=False, ended="reset")
    assert (summary.id, summary.ticks, summary.episode_return) == (writer.files.id, 3, 4.5)
    assert (summary.success, summary.ended, summary.wall_time >= 0) == (False, "reset", True)
    path = writer.close()
    assert path is not None
    assert [json.loads(line)["milli"] for line in path.with_suffix(".jsonl").read_text().splitlines()] == milli
    assert (read_demo(path).metadata["fps"], writer.closed) == (fps, True)


def test_frames_of_a_demo_depend_on_its_cursor_and_its_decoder(tmp_path: Path) -> None:
    path = write(tmp_path, 6)
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    demo = read_demo(path)
    assert demo.cursor is None
    plain = list(demo.frames())
    chosen = list(demo.frames(wanted=np.array([False, True, False, False, False, True])))
    assert all(np.array_equal(one, plain[t]) for one, t in zip(chosen, (1, 5), strict=True))
    digests = {demo.decoding_digest, read_demo(path, compat="openai").decoding_digest}
    for place in (10.0, 20.0):
        for line in lines:
            line["isGuiOpen"], line["mouse"]["x"], line["mouse"]["y"] = True, place, 10.0
        path.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        digests |= {read_demo(path, compat="openai").decoding_digest}
        digests |= {read_demo(path, compat="openai", cursor=np.zeros((4, 4, 4), np.uint8)).decoding_digest}
        assert read_demo(path).decoding_digest == demo.decoding_digest  # its frames have their cursor already
    assert len(digests) == 6
    assert {len(digest) for digest in digests} == {12}


def test_ids_sort_by_the_time_of_recording(tmp_path: Path) -> None:
    paths = [write(tmp_path, 1) for _ in range(5)]
    assert list_demos(tmp_path) == paths
    assert len({path.stem for path in paths}) == 5


def test_importing_demos_does_not_import_torch() -> None:
    code = "import sys, vpt_gym.demos.files.writer, vpt_gym.demos; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_there() -> None:
    assert all(getattr(vpt_gym.demos, name) for name in vpt_gym.demos.__all__)
    with pytest.raises(AttributeError, match="DemoDatset"):
        vpt_gym.demos.DemoDatset  # noqa: B018


FULL_DISK = """
import resource, sys
import numpy as np
from vpt_gym.actions.human import no_op
from vpt_gym.demos import DemoWriteError, DemoWriter

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
writer, rng = DemoWriter(sys.argv[1]), np.random.default_rng(0)
try:
    for _ in range(200):
        writer.append(rng.integers(0, 256, (64, 64, 3), np.uint8), no_op())
    writer.close()
except DemoWriteError as error:
    print(writer.closed, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("limit", [100, 5_000, 30_000, 150_000])
def test_a_full_disk_is_a_clear_error_and_finished_demos_stay(tmp_path: Path, limit: int) -> None:
    finished = write(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), str(limit)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("True cannot write demo")
    assert "Free disk space" in run.stdout
    assert {file: file.read_bytes() for file in before} == before
    assert list_demos(tmp_path) == [finished]
    vpt_gym.demos.repair(tmp_path)
    assert check(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("lossless", [False, True])
def test_a_video_whose_end_cannot_be_written_is_an_error(tmp_path: Path, lossless: bool) -> None:
    def unfinished(path: Path) -> VideoWriter:
        writer = VideoWriter(path, (48, 80), lossless=lossless)
        for frame in panned(12, (48, 80)):
            writer.append(frame)
        return writer

    whole, torn = tmp_path / "whole.mp4", tmp_path / "torn.mp4"
    writer = unfinished(whole)
    first_fragment = whole.stat().st_size
    writer.close()
    assert count_frames(whole) == 12
    for limit in (first_fragment, first_fragment + 1_000, whole.stat().st_size - 1):
        writer = unfinished(torn)
        with files_end_at(limit), pytest.raises(OSError, match=re.escape(f"the end of {torn} could not be written")):
            writer.close()
        writer.close()  # does nothing


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_demo_whose_last_ticks_cannot_be_written_is_an_error_and_can_be_repaired(tmp_path: Path) -> None:
    writer = DemoWriter(tmp_path)
    for frame in panned(12):
        writer.append(frame, no_op())
    while writer.pending:
        time.sleep(0.01)
    first_fragment = partial(writer.files.video).stat().st_size
    with files_end_at(first_fragment + 1_000), pytest.raises(DemoWriteError, match="could not be written"):
        writer.close(success=True)
    assert (writer.closed, list_demos(tmp_path)) == (True, [])
    (repaired,) = vpt_gym.demos.repair(tmp_path)
    assert (repaired.ticks, check(tmp_path)) == (10, [])


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(vpt_gym.demos.DemoWriteError, match="cannot write demo"):
        DemoWriter(tmp_path / "file").append(counter_frame(0), no_op())


def test_a_build_without_the_encoder_is_rejected_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.codecs_available", {"mpeg4"})
    with pytest.raises(RuntimeError, match="no libx264 encoder"):
        DemoWriter(tmp_path)
    monkeypatch.setattr("av.codecs_available", {"libx264"})
    DemoWriter(tmp_path)
    with pytest.raises(RuntimeError, match="no libx264rgb encoder"):
        DemoWriter(tmp_path, lossless=True)


def rewrite(path: Path, **changes: Any) -> None:
    metadata = json.loads(path.read_text())
    metadata.update(changes)
    path.write_text(json.dumps({key: value for key, value in metadata.items() if value is not ...}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "x"}, "not a demo's metadata"),
        ({"format_version": 99}, "update vpt-gym"),
        ({"frame_size": ...}, "lacks"),
        ({"ticks": 7}, "says 7 ticks"),
    ],
)
def test_metadata_that_does_not_fit_is_a_clear_error(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path)
    rewrite(path, **changes)
    with pytest.raises(DemoError, match=message):
        read_demo(path)


def test_the_frames_are_counted_while_they_are_read(tmp_path: Path) -> None:
    demo = read_demo(write(tmp_path, 30))
    longer = write(tmp_path, 31).with_suffix(".mp4")
    demo.files.video.write_bytes(longer.read_bytes())
    frames = demo.frames()
    assert len([next(frames) for _ in range(30)]) == 30
    with pytest.raises(DemoError, match="holds 31 frames"):
        next(frames)


def test_listing_what_is_not_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a directory of demos"):
        list_demos(tmp_path / "absent")
    with pytest.raises(DemoError, match="is missing"):
        read_demo(tmp_path / "absent")


def test_a_demo_knows_its_length_and_its_success(tmp_path: Path) -> None:
    demo: Demo = read_demo(write(tmp_path, 5))
    assert len(demo) == 5
    assert demo.success is None


def test_metadata_is_json_that_every_reader_accepts(tmp_path):
    values = {"loss": float("nan"), "limit": np.float32("inf"), "sizes": (np.int64(3), [float("-inf"), 0.5]), 4: "four"}
    write_metadata(tmp_path / "a.json", values)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "loss": None,
        "limit": None,
        "sizes": [3, [None, 0.5]],
        "4": "four",
    }
