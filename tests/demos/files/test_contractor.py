"""OpenAI's recordings, compared with the output of the public loader and with its intended output."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.support.av1_video import write_av1
from tests.support.contractor_files import (
    GOLDENS,
    golden_actions,
    golden_arrays,
    golden_cursor,
    golden_frame,
    golden_records,
    record,
    write_recording,
)
from vpt_gym.actions import codec
from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos import DemoDataset, DemoError, DemoWriter, FrameCache, list_demos, read_demo
from vpt_gym.demos.files.contractor import WINDOW_HEIGHT, read_ticks
from vpt_gym.demos.files.cursor import CURSOR, CursorTrack, check_sprite, draw
from vpt_gym.frames import to_size


def action_at(actions: dict[str, Any], t: int) -> dict[str, Any]:
    return {**{name: int(actions[name][t]) for name in BUTTONS}, "camera": actions["camera"][t].tolist()}


def pressed(actions: dict[str, Any], t: int = 0) -> set[str]:
    return {name for name in BUTTONS if actions[name][t]}


def json_cases() -> list[dict[str, Any]]:
    return json.loads((GOLDENS / "json_action_golden.json").read_text())["cases"]


def alone(case: dict[str, Any]) -> dict[str, Any]:
    """The golden case without the loader's other rules: the stuck button and the hotbar."""
    return case["record"] | {"hotbar": 0, "mouse": case["record"]["mouse"] | {"newButtons": []}}


def test_compat_reads_each_record_as_the_public_loader_does() -> None:
    cases = json_cases()
    assert len(cases) > 200
    for case in cases:
        ticks = read_ticks([alone(case)], compat="openai")
        assert action_at(ticks.actions, 0) == case["env_action"]
        assert ticks.actions["camera"].dtype == np.int64
        assert bool(ticks.skipped[0]) == case["is_null"]


def test_without_compat_only_the_camera_differs_from_the_public_conversion() -> None:
    finer = 0
    for case in json_cases():
        ticks = read_ticks([alone(case)])
        assert pressed(ticks.actions) == {name for name in BUTTONS if case["env_action"][name]}
        assert bool(ticks.skipped[0]) == case["is_null"]
        mouse = case["record"]["mouse"]
        degrees = np.array([mouse["dy"], mouse["dx"]]) * 0.15
        degrees[np.abs(degrees) > 180] = 0
        assert ticks.actions["camera"][0] == pytest.approx(degrees, rel=1e-6)
        public = codec.encode(case["env_action"] | {"camera": np.array(case["env_action"]["camera"])})
        finer += (codec.encode({k: v[0] for k, v in ticks.actions.items()}) != public).any()
    assert finer > 20  # the truncation mislabels many of these


def test_compat_emits_of_an_episode_what_the_public_loader_emits() -> None:
    ticks = read_ticks(golden_records(), compat="openai")
    emitted = np.flatnonzero(~ticks.skipped)
    assert emitted.tolist() == golden_arrays()["emitted_idx"].tolist()
    assert [action_at(ticks.actions, t) for t in emitted] == golden_actions()


def test_compat_draws_and_scales_the_frames_that_the_public_loader_emits() -> None:
    arrays = golden_arrays()
    ticks = read_ticks(golden_records(), compat="openai")
    track = CursorTrack(ticks.cursor, golden_cursor(), WINDOW_HEIGHT, clip=False)
    drawn = 0
    for t, expected in zip(arrays["emitted_idx"], arrays["frames128_rgb"], strict=True):
        frame = track.draw(golden_frame(t), t)
        drawn += not np.array_equal(frame, golden_frame(t))
        assert np.array_equal(to_size(frame), expected)
    assert drawn == 5


def test_the_cursor_is_blended_as_published_and_cut_at_every_edge() -> None:
    golden = json.loads((GOLDENS / "composite_golden.json").read_text())
    base, cursor = golden_frame(3), golden_cursor()
    for place, sha in golden["sha256"].items():
        x, y = map(int, place.split("_"))
        bgr = np.ascontiguousarray(draw(base.copy(), cursor, x, y)[..., ::-1])
        assert hashlib.sha256(bgr.tobytes()).hexdigest() == sha
    for x, y in ((-1, 5), (5, -3)):
        with pytest.raises(ValueError, match="public loader fails"):
            draw(base.copy(), cursor, x, y, clip=False)
        whole = draw(np.zeros((40, 40, 3), np.uint8), CURSOR, 10, 10)
        cut = draw(np.zeros((40, 40, 3), np.uint8), CURSOR, x, y)
        assert np.array_equal(cut[:12, :12], whole[10 - y : 22 - y, 10 - x : 22 - x])
    wrapped = draw(base.copy(), cursor, -20, -20, clip=False)
    assert (wrapped[:300, :600] == base[:300, :600]).all()
    assert (wrapped != base).any()
    assert np.array_equal(draw(base.copy(), cursor, -20, -20), base)


def test_our_own_cursor_is_not_the_published_one() -> None:
    assert CURSOR.shape == (16, 16, 4)
    assert not np.array_equal(CURSOR, golden_cursor())
    assert not CURSOR.flags.writeable  # all demos share it
    frame = draw(np.full((40, 40, 3), 90, np.uint8), CURSOR, 20, 20)
    assert (frame[20, 20] == 0).all()  # the tip
    assert (frame == 255).any()


def test_corrected_an_episode_differs_where_the_public_loader_is_wrong_and_nowhere_else() -> None:
    records = golden_records()
    right, public = read_ticks(records), read_ticks(records, compat="openai")
    null = codec.is_null(codec.encode(right.actions))
    # 8: nothing but a scroll; 13: the slot changes a tick after its key. Both are null for the public loader
    assert [t for t in range(26) if pressed(right.actions, t) != pressed(public.actions, t)] == [0]
    assert not null[[8, 13]].any()
    assert public.skipped[[8, 13]].all()
    assert pressed(right.actions, 8) == {"hotbar.6"}
    # 0: what was selected before the recording was not selected in its first tick
    assert pressed(public.actions, 0) == {"hotbar.4"}
    assert pressed(right.actions, 0) == set()
    assert right.actions["camera"][14].tolist() == pytest.approx([0.0, 0.45])
    assert public.actions["camera"][14].tolist() == [0, 0]
    assert right.actions["camera"][15].tolist() == pytest.approx([-1.5, 4.5])


PUBLISHED_FACTORS = {"5.7": 0.5, "5.8": 0.5, "6.7": 2.0, "6.8": 2.0, "6.9": 2.0}


@pytest.mark.parametrize(
    ("version", "factor"),
    [*PUBLISHED_FACTORS.items(), *((other, 1.0) for other in ("5.9", "6.10", "6.13", "10.0", None))],
)
def test_mouse_counts_in_menus_are_scaled_by_the_recorders_version(version: str | None, factor: float) -> None:
    records = [record(mouse={"dx": 20.0, "dy": -10.0}, isGuiOpen=gui) for gui in (False, True)]
    camera = read_ticks(records, recorder_version=version).actions["camera"]
    assert camera[0].tolist() == pytest.approx([-1.5, 3.0])
    assert camera[1].tolist() == pytest.approx([-1.5 * factor, 3.0 * factor])
    assert read_ticks(records, compat="openai", recorder_version=version).actions["camera"].tolist() == [[-1, 3]] * 2


def test_the_recorders_version_is_the_directorys_name_or_given(tmp_path: Path) -> None:
    records = [record(mouse={"dx": 20.0}, isGuiOpen=True)]
    old, new = write_recording(tmp_path / "6.9" / "a", records), write_recording(tmp_path / "mixed" / "a", records)
    assert read_demo(old).metadata["recorder_version"] == "6.9"
    assert read_demo(old).actions["camera"][0, 1] == pytest.approx(6.0)
    assert read_demo(new).metadata["recorder_version"] is None
    assert read_demo(new).actions["camera"][0, 1] == pytest.approx(3.0)
    assert read_demo(new, recorder_version="6.8").actions["camera"][0, 1] == pytest.approx(6.0)
    with pytest.raises(ValueError, match="recorder_version is 'newest'"):
        read_demo(new, recorder_version="newest")


def test_an_attack_that_was_held_before_the_recording_counts_only_once_it_is_pressed() -> None:
    def attacks(*mouse: tuple[list[int], list[int]]) -> list[int]:
        records = [record(t, mouse={"buttons": held, "newButtons": new}) for t, (held, new) in enumerate(mouse)]
        return read_ticks(records).actions["attack"].tolist()

    assert attacks(([0], [0]), ([0], []), ([0], [0]), ([0], [])) == [0, 0, 1, 1]
    assert attacks(([0], []), ([0], [])) == [1, 1]
    assert attacks(([0, 1], [0, 1]), ([0], [])) == [1, 1]  # two buttons at once are no stuck one


def test_what_older_recorders_lack_or_wrote_as_null_is_read() -> None:
    bare = {"mouse": {"dx": 4.0, "dy": 0.0, "buttons": [1]}, "keyboard": {"keys": ["key.keyboard.w"]}}
    ticks = read_ticks([bare, {"mouse": None, "keyboard": None}, record(isGuiOpen=True, mouse={"x": None}), bare])
    assert [pressed(ticks.actions, t) for t in range(4)] == [{"forward", "use"}, set(), set(), {"forward", "use"}]
    assert ticks.actions["camera"][0].tolist() == pytest.approx([0, 0.6])
    assert np.isnan(ticks.cursor).all()
    with pytest.raises(ValueError, match=r"line 1: .*KeyError"):
        read_ticks([bare], compat="openai")


def test_more_than_half_a_turn_is_an_error_of_the_recorder() -> None:
    counts = (1200.0, 1201.0, -1200.0, -1201.0)
    ticks = read_ticks([record(mouse={"dx": dx}) for dx in counts])
    assert ticks.actions["camera"][:, 1].tolist() == [180.0, 0.0, -180.0, 0.0]
    # after scaling
    ticks = read_ticks([record(mouse={"dy": dy}, isGuiOpen=True) for dy in (600.0, 601.0)], recorder_version="6.9")
    assert ticks.actions["camera"][:, 0].tolist() == [180.0, 0.0]


@pytest.mark.parametrize(("x", "y"), [(None, 5.0), (5.0, None), (None, None)])
def test_a_cursor_of_which_a_part_is_unknown_is_not_drawn(x: float | None, y: float | None) -> None:
    assert np.isnan(read_ticks([record(isGuiOpen=True, mouse={"x": x, "y": y})]).cursor).all()
    position = np.array([[np.nan if x is None else x, np.nan if y is None else y]])
    frame = np.zeros((40, 40, 3), np.uint8)
    assert not CursorTrack(position, CURSOR, WINDOW_HEIGHT).draw(frame, 0).any()


def test_a_position_is_scaled_to_the_frame_and_rounded_down() -> None:
    sprite = np.full((2, 2, 4), 255, np.uint8)

    def lit(x: float, y: float) -> list[list[int]]:
        frame = CursorTrack(np.array([[x, y]]), sprite, 80).draw(np.zeros((40, 60, 3), np.uint8), 0)
        return np.argwhere(frame.all(axis=-1)).tolist()

    assert lit(5.9, 21.9) == [[10, 2], [10, 3], [11, 2], [11, 3]]
    assert lit(-1.0, 21.9) == [[10, 0], [11, 0]]
    assert lit(5.9, -1.0) == [[0, 2], [0, 3]]
    assert lit(118.0, 78.0) == [[39, 59]]
    assert lit(120.0, 78.0) == lit(118.0, 80.0) == []


@pytest.mark.parametrize(
    "sprite", [np.zeros((16, 16, 3), np.uint8), np.zeros((16, 4), np.uint8), np.zeros((2, 2, 4)), [[0, 0, 0, 0]], None]
)
def test_what_is_no_sprite_is_refused(sprite: Any) -> None:
    with pytest.raises(ValueError, match=r"a cursor is uint8 \(h, w, 4\), RGBA, got"):
        check_sprite(sprite)
    assert check_sprite(CURSOR) is CURSOR
    assert not CURSOR.flags.writeable


@pytest.mark.parametrize(
    "broken",
    [
        {"keyboard": {"keys": []}},
        {"mouse": 3, "keyboard": {"keys": []}},
        {"mouse": {"dx": "1"}, "keyboard": {}},
        {"mouse": {"dx": float("inf")}, "keyboard": {}},
        {"mouse": {}, "keyboard": {}, "hotbar": 9},
    ],
)
def test_what_is_no_record_is_refused_with_its_line(broken: dict[str, Any]) -> None:
    good = record()
    for compat in (None, "openai"):
        with pytest.raises(ValueError, match="line 2: not a record"):
            read_ticks([good, broken], compat=compat)


def public_loader(jsonl: Path, cursor: np.ndarray) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """The output of openai/Video-Pre-Training's loader for two files, by its documented rules."""
    keys = json.loads((GOLDENS / "json_action_golden.json").read_text())["mapping"]
    video = cv2.VideoCapture(str(jsonl.with_suffix(".mp4")))
    alpha, emitted, stuck, slot = cursor[..., 3:] / 255.0, [], False, 0
    for t, one in enumerate(map(json.loads, jsonl.read_text().splitlines())):
        mouse = one["mouse"]
        stuck = mouse["newButtons"] == [0] if t == 0 else stuck and 0 not in mouse["newButtons"]
        held = [number for number in mouse["buttons"] if number in (0, 1, 2) and not (stuck and number == 0)]
        names = {keys[key] for key in one["keyboard"]["keys"] if key in keys}
        names |= {["attack", "use", "pickItem"][number] for number in held}
        null = not names and mouse["dx"] == 0 and mouse["dy"] == 0
        if one["hotbar"] != slot:
            names.add(f"hotbar.{one['hotbar'] + 1}")
        slot = one["hotbar"]
        camera = np.array([0, 0])
        camera[0], camera[1] = mouse["dy"] * (360 / 2400), mouse["dx"] * (360 / 2400)
        ok, frame = video.read()
        assert ok
        if null:
            continue
        if one["isGuiOpen"]:
            x, y = (int(mouse[axis] * (frame.shape[0] / 720)) for axis in "xy")
            h, w = max(0, min(frame.shape[0] - y, 16)), max(0, min(frame.shape[1] - x, 16))
            if h and w:
                part, blend = frame[y : y + h, x : x + w], alpha[:h, :w]
                part[:] = (part * (1 - blend) + cursor[:h, :w, 2::-1] * blend).astype(np.uint8)
        picture = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), (128, 128), interpolation=cv2.INTER_LINEAR)
        emitted.append((picture, {**{name: int(name in names) for name in BUTTONS}, "camera": camera.tolist()}))
    return emitted


def test_compat_reads_files_bit_for_bit_like_the_public_loader(tmp_path: Path) -> None:
    jsonl = write_recording(tmp_path / "10.0" / "a", golden_records() * 2)
    demo = read_demo(jsonl, compat="openai", cursor=golden_cursor())
    ours = [(to_size(frame), action_at(demo.actions, t)) for t, frame in enumerate(demo.frames()) if not demo.null[t]]
    public = public_loader(jsonl, golden_cursor())
    assert [action for _, action in ours] == [action for _, action in public]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(ours, public, strict=True))
    assert len(ours) == len(public) > 30


def test_compat_reads_our_own_recordings_as_the_public_loader_would(tmp_path: Path) -> None:
    from vpt_gym.actions.human import human_action, no_op

    with DemoWriter(tmp_path) as writer:
        for camera in ((0.0, 0.3), (2.9, -2.9), (0.0, 0.05)):
            writer.append(golden_frame(0), human_action("jump", camera=camera))
        writer.append(golden_frame(0), no_op())
    (path,) = list_demos(tmp_path)
    demo = read_demo(path, compat="openai")
    assert demo.actions["camera"].tolist() == [[0, 0], [2, -2], [0, 0], [0, 0]]
    assert demo.null.tolist() == [False, False, False, True]
    assert read_demo(path).actions["camera"][1].tolist() == pytest.approx([2.9, -2.9])
    public = public_loader(path.with_suffix(".jsonl"), golden_cursor())
    assert [action["camera"] for _, action in public] == demo.actions["camera"][:3].tolist()


def test_a_directory_of_recordings_is_read_with_its_menus_drawn(tmp_path: Path) -> None:
    folder = tmp_path / "9.0"
    jsonl = write_recording(folder / "a-20220315-122354", golden_records())
    (folder / "a-20220315-122354-options.json").write_text("{}")
    (folder / "a-20220315-122354.zip").write_bytes(b"PK")
    assert list_demos(folder) == [jsonl]
    demo = read_demo(folder / "a-20220315-122354.mp4")
    assert (len(demo), demo.frame_size, demo.success, demo.id) == (26, (360, 640), None, "a-20220315-122354")
    assert demo.metadata["format"] == "contractor"
    assert demo.rewards.tolist() == [0.0] * 26
    frames, plain = list(demo.frames()), list(read_demo(jsonl, cursor=np.zeros((16, 16, 4), np.uint8)).frames())
    drawn = [t for t in range(26) if not np.array_equal(frames[t], plain[t])]
    assert drawn == [16, 17, 18, 19, 21]  # at 20 the cursor is outside
    with pytest.raises(ValueError, match="compat is 'public'"):
        read_demo(jsonl, compat="public")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a cursor is uint8"):
        read_demo(jsonl, cursor=np.zeros((16, 16, 3), np.uint8))


def test_a_cursor_position_on_which_the_public_loader_fails_is_an_error(tmp_path: Path) -> None:
    jsonl = write_recording(
        tmp_path / "a", [record(isGuiOpen=True, mouse={"x": -9.0, "y": 50.0}, keys=["key.keyboard.w"])]
    )
    assert len(list(read_demo(jsonl).frames())) == 1
    with pytest.raises(DemoError, match="public loader fails"):
        list(read_demo(jsonl, compat="openai").frames())


@pytest.mark.skipif("libsvtav1" not in av.codecs_available, reason="this PyAV cannot write AV1")
def test_a_codec_that_opencv_cannot_decode_is_no_damage(tmp_path: Path) -> None:
    jsonl = write_recording(tmp_path / "a", [record(t) for t in range(12)])
    write_av1(jsonl.with_suffix(".mp4"), np.stack([golden_frame(t) for t in range(12)]))
    assert len(list(read_demo(jsonl).frames())) == 12
    try:
        assert len(list(read_demo(jsonl, compat="openai").frames())) == 12  # an OpenCV that decodes AV1
    except DemoError as error:
        assert "stops after 0 of 12 frames" in error.problem  # noqa: PT017
        assert "delete" not in error.remedy  # noqa: PT017


def test_a_dataset_learns_from_recordings_by_either_rule(tmp_path: Path) -> None:
    folder = tmp_path / "6.9"
    write_recording(folder / "a", golden_records())
    cache = FrameCache()
    right = DemoDataset(folder, seq_len=26, batch_size=1, cache=cache)
    public = DemoDataset(folder, seq_len=26, batch_size=1, compat="openai", drop_null="cut", cache=cache)
    assert len(cache) == 2  # decoded by different decoders
    assert public.n_ticks == len(golden_actions())
    one = right.next_batch()
    demo = read_demo(folder / "a")
    assert one.codes[0].tolist() == demo.codes.tolist()
    assert one.weight[0].bool().tolist() == (~demo.null).tolist()
    assert demo.codes[17, 1] != codec.NULL_CAMERA  # 1 count, doubled: 0.3 degrees
    assert DemoDataset(folder, recorder_version="6.13").n_ticks == 26
    with pytest.raises(ValueError, match="compat is 'public'"):
        DemoDataset(folder, compat="public")  # type: ignore[arg-type]
