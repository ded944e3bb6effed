"""Demos to npz files of MineDojo's actions, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support.contractor_files import record, write_recording
from tests.support.counter_demos import write_counter_demo
from tests.support.folders import content_of
from tests.support.frame_counter_env import counter_frame, read_counter
from vpt_gym.actions.human import BUTTONS, human_action
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.collect.directory import locked
from vpt_gym.demos import DemoWriter, check, export_npz, import_npz, list_demos, read_demo
from vpt_gym.demos.exchange import npz
from vpt_gym.demos.exchange.importing import SourceError
from vpt_gym.demos.exchange.minedojo_actions import minedojo_space, to_minedojo
from vpt_gym.demos.exchange.npz_episode import NpzEpisode
from vpt_gym.demos.files.records import stack_actions
from vpt_gym.demos.library.library import DemoLibrary

NO_OP = [0, 0, 0, 12, 12, 0, 0, 0]


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def frames_of(path: Path) -> np.ndarray:
    return np.stack(list(read_demo(path).frames()))


def same_actions(a: dict, b: dict) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in (*BUTTONS, "camera"))


def save(path: Path, actions: list, **arrays: object) -> Path:
    frames = np.stack([np.moveaxis(counter_frame(tick), -1, 0) for tick in range(len(actions))])
    np.savez(path, **{"rgb": frames, "action": np.array(actions), "cam_interval": 15.0, **arrays})
    return path


def test_a_file_holds_what_users_of_minedojo_have(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=50)
    done = export_npz(tmp_path / "demos", tmp_path / "out")
    assert (done.episodes, done.ticks) == (1, 50)
    (file,) = (tmp_path / "out").iterdir()
    demo, arrays = read_demo(path), arrays_of(file)
    assert file.name == f"{demo.id}.npz"
    assert sorted(arrays) == ["action", "cam_interval", "metadata", "reward", "rgb"]
    assert (arrays["rgb"].dtype, arrays["rgb"].shape) == (np.uint8, (50, 3, 48, 80))
    assert np.array_equal(np.moveaxis(arrays["rgb"], 1, -1), frames_of(path))
    assert (arrays["action"].dtype, arrays["action"].shape) == (np.int64, (50, 8))
    assert all(minedojo_space().contains(action) for action in arrays["action"])
    assert arrays["action"][17].tolist() == [1, 0, 0, 12, 12, 3, 0, 0]  # forward, attack
    assert np.array_equal(arrays["reward"], demo.rewards)
    assert arrays["cam_interval"] == 15
    metadata = json.loads(str(arrays["metadata"]))
    assert (metadata["id"], metadata["seed"], metadata["success"], metadata["task"]) == (demo.id, 7, True, "count")


def test_size_layout_and_compression_can_be_chosen(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=12)
    export_npz(tmp_path / "demos", tmp_path / "a", size=(64, 96), layout="HWC")
    export_npz(tmp_path / "demos", tmp_path / "b", size=(64, 96), layout="HWC", compress=True)
    (a,), (b,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    assert arrays_of(a)["rgb"].shape == (12, 64, 96, 3)
    assert np.array_equal(arrays_of(a)["rgb"], arrays_of(b)["rgb"])
    assert b.stat().st_size < a.stat().st_size / 2
    (demo,) = import_npz([b], tmp_path / "back", lossless=True).demos
    assert np.array_equal(frames_of(demo), arrays_of(a)["rgb"])


@pytest.mark.parametrize("lossless", [False, True])
def test_a_round_trip_keeps_frames_rewards_and_metadata(tmp_path: Path, lossless: bool) -> None:
    paths = [write_counter_demo(tmp_path / "demos", ticks=40, success=ok) for ok in (True, False, None)]
    export_npz(tmp_path / "demos", tmp_path / "out", cam_interval=0.15)
    files = sorted((tmp_path / "out").iterdir())
    imported = import_npz(files, tmp_path / "back", lossless=lossless)
    assert imported.ticks == 120
    assert list(imported.demos) == list_demos(tmp_path / "back")
    assert check(tmp_path / "back") == []
    for old, new in zip(map(read_demo, paths), map(read_demo, imported.demos), strict=True):
        assert np.array_equal(old.rewards, new.rewards)
        assert old.success == new.success
        kept = ("task", "seed", "ended", "fps", "return", "frame_size")
        assert [old.metadata[name] for name in kept] == [new.metadata[name] for name in kept]
        assert new.metadata["imported_from"]["name"] == f"{old.id}.npz"
        assert all(np.array_equal(old.actions[name], new.actions[name]) for name in BUTTONS)
        assert np.abs(old.actions["camera"] - new.actions["camera"]).max() <= 0.15  # and what was carried over
        before, after = frames_of(old.files.metadata), frames_of(new.files.metadata)
        if lossless:
            assert np.array_equal(before, after)
        error = np.mean((before.astype(float) - after) ** 2)
        assert error < 255**2 / 10**3.8  # 38 dB
        assert [read_counter(frame)[0] for frame in after] == list(range(40))


# all that the translator can invert: crafting and so on have no key, and the last two entries are arguments
SAYABLE = st.tuples(
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 3),
    st.integers(0, 24),
    st.integers(0, 24),
    st.sampled_from([0, 1, 2, 3, 5]),
    st.just(0),
    st.integers(0, 8),
).map(lambda a: (*a[:7], a[7] if a[5] == 5 else 0))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(SAYABLE, min_size=1, max_size=6))
def test_minedojos_actions_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, actions: list) -> None:
    folder = tmp_path_factory.mktemp("trip")
    rewards = np.linspace(-1, 1e300, len(actions))
    import_npz([save(folder / "a.npz", actions, reward=rewards)], folder / "demos")
    export_npz(folder / "demos", folder / "out")
    (file,) = (folder / "out").iterdir()
    assert arrays_of(file)["action"].tolist() == [list(action) for action in actions]
    assert np.array_equal(arrays_of(file)["reward"], rewards)


@settings(max_examples=25, deadline=None)
@given(
    keys=st.lists(st.sets(st.sampled_from(BUTTONS), max_size=4), min_size=1, max_size=8),
    bins=st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=8, max_size=8),
)
def test_everything_not_reported_as_lost_comes_back(keys: list, bins: list) -> None:
    actions = stack_actions(
        human_action(*held, camera=tuple(15.0 * k for k in turn)) for held, turn in zip(keys, bins, strict=False)
    )
    said, loss = to_minedojo(actions)
    assert loss.rounded_ticks == loss.zeroed_ticks == 0
    assert loss.view_off_most < 1e-3
    translator = MineDojoTranslator(minedojo_space(), 15.0)
    back = stack_actions(translator.to_human(action) for action in said)
    assert np.array_equal(back["camera"], actions["camera"])
    # opposite keys cancel in the game too; jump with sprint is said by a jump that keeps the sprint
    assume(
        not any({"jump", "sprint"} <= held or {"forward", "back"} <= held or {"left", "right"} <= held for held in keys)
    )
    differ = {name: int((back[name] != actions[name]).sum()) for name in BUTTONS}
    assert {name: count for name, count in differ.items() if count} == loss.dropped


def test_the_loss_is_measured(tmp_path: Path) -> None:
    slow = [human_action("inventory", "forward", camera=(0.0, 2.0))] * 30 + [human_action("jump", "sneak")] * 10
    with DemoWriter(tmp_path / "demos") as writer:
        for tick, action in enumerate(slow):
            writer.append(counter_frame(tick), action)
    loss = export_npz(tmp_path / "demos", tmp_path / "out").loss
    assert (loss.ticks, loss.moving_ticks) == (40, 30)
    # 60 degrees are 4 turns of 15 in 30 ticks, none of them of 2
    assert (loss.rounded_ticks, loss.zeroed_ticks) == (30, 26)
    assert loss.view_off_most == pytest.approx(7.0, abs=1e-3)
    assert loss.dropped == {"inventory": 30, "sneak": 10}
    assert loss.dropped_ticks == 40
    assert "of 30 moving ticks 100.0 % are rounded, 86.7 % to no movement" in str(loss)
    assert "100.0 % of ticks hold one that is lost (inventory 30, sneak 10)" in str(loss)
    fine = export_npz(tmp_path / "demos", tmp_path / "fine", cam_interval=0.15).loss
    assert fine.zeroed_ticks == 0
    assert fine.view_off_most <= 0.075 + 1e-3


def test_labels_and_executed_actions_are_both_kept(tmp_path: Path) -> None:
    with DemoWriter(tmp_path / "demos") as writer:
        for tick in range(4):
            done = human_action("back") if tick == 2 else None
            writer.append(counter_frame(tick), human_action("forward", camera=(15.0, 0.0)), executed=done)
        path = writer.close()
    export_npz(tmp_path / "demos", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    assert arrays_of(file)["executed_action"][:, 0].tolist() == [1, 1, 2, 1]
    (back,) = import_npz([file], tmp_path / "back").demos
    assert same_actions(read_demo(back).actions, read_demo(path).actions)
    assert same_actions(read_demo(back).executed, read_demo(path).executed)


def test_contractors_recordings_can_be_exported(tmp_path: Path) -> None:
    write_recording(
        tmp_path / "6.9" / "a", [record(keyboard={"keys": ["key.keyboard.w"]}), record(mouse={"dx": 100.0})]
    )
    export_npz(tmp_path / "6.9", tmp_path / "out")
    assert arrays_of(tmp_path / "out" / "a.npz")["action"].tolist() == [
        [1, 0, 0, 12, 12, 0, 0, 0],
        [0, 0, 0, 12, 13, 0, 0, 0],
    ]
    (back,) = import_npz([tmp_path / "out" / "a.npz"], tmp_path / "back").demos
    assert read_demo(back).success is None


def test_npz_files_of_other_programs_are_read(tmp_path: Path) -> None:
    frames = np.stack([counter_frame(tick) for tick in range(4)])
    np.savez(tmp_path / "a.npz", video=frames, actions=np.array([NO_OP, NO_OP, [1, *NO_OP[1:]]], np.uint8))
    with pytest.raises(ValueError, match=r"no frames: it contains \['actions', 'video'\].*--frames-key"):
        import_npz([tmp_path / "a.npz"], tmp_path / "demos")
    with pytest.raises(ValueError, match=r"the degrees per camera bin.*--cam-interval.*15"):
        import_npz([tmp_path / "a.npz"], tmp_path / "demos", frames_key="video")
    (path,) = import_npz([tmp_path / "a.npz"], tmp_path / "demos", frames_key="video", cam_interval=15).demos
    demo = read_demo(path)
    assert len(demo) == 3  # the frame after the last action has none
    assert demo.actions["forward"].tolist() == [0, 0, 1]
    assert demo.rewards.tolist() == [0, 0, 0]
    assert (demo.success, demo.metadata["ended"]) == (None, "close")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"action": np.zeros((2, 7), int)}, r"action is int64 \(2, 7\); MineDojo's actions are integers"),
        ({"action": np.zeros((2, 8))}, r"action is float64"),
        ({"rgb": np.zeros((2, 3, 48, 80))}, r"rgb is float64 .*frames are uint8"),
        ({"rgb": np.zeros((2, 48, 80), np.uint8)}, r"rgb is uint8 \(2, 48, 80\)"),
        ({"rgb": np.zeros((2, 4, 48, 80), np.uint8)}, "does not contain RGB frames"),
        ({"rgb": np.zeros((5, 3, 48, 80), np.uint8)}, "5 frames and 2 actions"),
        ({"reward": np.zeros(3)}, "3 rewards and 2 actions"),
        ({"reward": np.array([0.0, np.nan])}, "rewards must be finite"),
        ({"metadata": np.array("[1]")}, "JSON object"),
        ({"metadata": np.array('{"success": "yes"}')}, "success is 'yes'"),
        ({"metadata": np.array({"a": 1}, dtype=object)}, "cannot be read"),
        ({"cam_interval": 7.0}, "no-op turns the camera"),
        ({"cam_interval": 10.0, "action": np.full((2, 8), 40)}, "tick 0"),
    ],
)
def test_what_a_file_lacks_is_named_and_nothing_is_imported(tmp_path: Path, arrays: dict, message: str) -> None:
    good = save(tmp_path / "good.npz", [NO_OP] * 2)
    bad = save(tmp_path / "bad.npz", [NO_OP] * 2, **arrays)
    with pytest.raises(ValueError, match=message):
        import_npz([good, bad], tmp_path / "demos")
    assert content_of(tmp_path / "demos") == []


def test_a_file_that_is_not_npz_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.npz"):
        import_npz([tmp_path / "a.npz"], tmp_path / "demos")
    whole = save(tmp_path / "b.npz", [NO_OP] * 5)
    whole.write_bytes(whole.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"b\.npz is not an \.npz file, or is damaged"):
        import_npz([whole], tmp_path / "demos")
    (tmp_path / "c.npz").touch()
    with pytest.raises(ValueError, match=r"c\.npz is not an \.npz file, or is damaged"):
        import_npz([tmp_path / "c.npz"], tmp_path / "demos")
    with pytest.raises(ValueError, match="no two with the same name"):
        import_npz([whole, tmp_path / "c" / "b.npz"], tmp_path / "demos")


@pytest.mark.parametrize("compress", [False, True])
def test_a_damaged_file_is_named_and_nothing_of_it_is_imported(tmp_path: Path, compress: bool) -> None:
    write_counter_demo(tmp_path / "demos", ticks=30)
    export_npz(tmp_path / "demos", tmp_path / "out", compress=compress)
    (file,) = (tmp_path / "out").iterdir()
    content = bytearray(file.read_bytes())
    middle = len(content) * 2 // 3  # among the frames
    content[middle : middle + 50] = bytes(255 - byte for byte in content[middle : middle + 50])
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{file.name} is damaged, rgb cannot be read"):
        import_npz([file], tmp_path / "back")
    assert content_of(tmp_path / "back") == []


def test_actions_without_a_key_are_an_error_or_are_counted(tmp_path: Path) -> None:
    file = save(tmp_path / "a.npz", [NO_OP, [1, 0, 0, 12, 12, 4, 29, 0], [0, 0, 0, 12, 12, 5, 0, 20]])
    with pytest.raises(ValueError, match=r"a\.npz, tick 1: no key .*--drop-unsupported"):
        import_npz([file], tmp_path / "demos")
    done = import_npz([file], tmp_path / "demos", drop_unsupported=True)
    assert done.dropped == 2
    assert read_demo(done.demos[0]).actions["forward"].tolist() == [0, 1, 0]


def test_existing_targets_are_only_replaced_if_asked(tmp_path: Path) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=5)
    export_npz(tmp_path / "demos", tmp_path / "out")
    before = sorted(tmp_path.rglob("*.npz"))
    write_counter_demo(tmp_path / "demos", ticks=6)
    with pytest.raises(FileExistsError, match=rf"{path.stem}\.npz exists, and 0 others.*--overwrite"):
        export_npz(tmp_path / "demos", tmp_path / "out")
    assert sorted(tmp_path.rglob("*.npz")) == before  # nothing of the new one either
    export_npz(tmp_path / "demos", tmp_path / "out", overwrite=True)
    files = sorted(tmp_path.rglob("*.npz"))
    assert len(files) == 2

    own = write_counter_demo(tmp_path / "back", ticks=4)
    first = import_npz(files, tmp_path / "back").demos
    with pytest.raises(FileExistsError, match=r"imported from .* already"):
        import_npz(files[:1], tmp_path / "back")
    second = import_npz(files[:1], tmp_path / "back", overwrite=True).demos
    assert list_demos(tmp_path / "back") == sorted([own, first[1], *second])


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_rejected_demo_is_not_imported_again(tmp_path: Path, overwrite: bool) -> None:
    file, demos = save(tmp_path / "a.npz", [NO_OP] * 3), tmp_path / "demos"
    (path,) = import_npz([file], demos).demos
    DemoLibrary(demos).reject(path.stem)
    with pytest.raises(FileExistsError, match=rf"{path.stem}.json was imported from a.npz and rejected.*restore it"):
        import_npz([file], demos, overwrite=overwrite)
    assert list_demos(demos) == []
    DemoLibrary(demos).restore(path.stem)
    (again,) = import_npz([file], demos, overwrite=True).demos
    assert list_demos(demos) == [again]


def test_an_export_that_is_killed_never_looks_finished(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=60)
    code = (
        "import os, signal\n"
        "import vpt_gym.demos.exchange.npz as m\n"
        "sized = m.sized_frames\n"
        "def killed(*args):\n"
        "    for tick, frame in enumerate(sized(*args)):\n"
        "        if tick == 40: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield frame\n"
        "m.sized_frames = killed\n"
        f"m.export_npz({str(tmp_path / 'demos')!r}, {str(tmp_path / 'out')!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    (left,) = (tmp_path / "out").iterdir()
    assert left.suffix == ".partial"
    os.utime(left, (0, 0))
    export_npz(tmp_path / "demos", tmp_path / "out")
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".npz"]


def test_the_next_import_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=6)
    export_npz(tmp_path / "demos", tmp_path / "out")
    (file,) = (tmp_path / "out").iterdir()
    code = (
        "import os, signal\n"
        "import vpt_gym.demos.exchange.importing as m\n"
        "m.DemoWriter.close = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from vpt_gym.demos import import_npz\n"
        f"import_npz([{str(file)!r}], {str(tmp_path / 'back')!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    (left,) = content_of(tmp_path / "back")
    assert left.startswith(".import-")
    os.utime(tmp_path / "back" / left, (0, 0))
    (demo,) = import_npz([file], tmp_path / "back").demos
    assert {Path(name).stem for name in content_of(tmp_path / "back")} == {demo.stem}


def test_two_imports_into_one_directory_do_not_write_everything_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, demos = save(tmp_path / "a.npz", [NO_OP] * 3), tmp_path / "demos"
    read = NpzEpisode.__enter__

    def slowly(episode: NpzEpisode) -> NpzEpisode:
        with pytest.raises(BlockingIOError, match=f"another program is writing demos into {demos}"):
            import_npz([file], demos)
        return read(episode)

    monkeypatch.setattr(NpzEpisode, "__enter__", slowly)
    import_npz([file], demos)
    monkeypatch.undo()
    assert len(list_demos(demos)) == 1
    with locked(demos), pytest.raises(BlockingIOError):  # as vpt-gym record and label do
        import_npz([file], demos, overwrite=True)
    assert len(import_npz([file], demos, overwrite=True).demos) == len(list_demos(demos)) == 1


def test_two_exports_into_one_directory_do_not_write_into_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_counter_demo(tmp_path / "demos", ticks=6)
    alone = export_npz(tmp_path / "demos", tmp_path / "alone").target
    write = npz.write_npz

    def during_another(*arguments: Any) -> None:
        monkeypatch.undo()

        def frames() -> Iterator[Any]:
            for tick, frame in enumerate(arguments[2]):
                if tick == 3:
                    export_npz(tmp_path / "demos", tmp_path / "out")
                yield frame

        write(*arguments[:2], frames(), *arguments[3:])

    monkeypatch.setattr(npz, "write_npz", during_another)
    assert export_npz(tmp_path / "demos", tmp_path / "out").episodes == 1
    assert content_of(tmp_path / "out") == content_of(alone)
    (file,) = (tmp_path / "out").iterdir()
    assert np.array_equal(arrays_of(file)["rgb"], arrays_of(alone / file.name)["rgb"])


def test_a_name_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path, name = write_counter_demo(tmp_path / "demos", ticks=6), "a" * 249
    for suffix in (".mp4", ".jsonl", ".json"):
        path.with_suffix(suffix).rename(tmp_path / "demos" / f"{name}{suffix}")
    write_counter_demo(tmp_path / "demos", ticks=7)
    assert export_npz(tmp_path / "demos", tmp_path / "out").episodes == 2
    back = import_npz((tmp_path / "out").iterdir(), tmp_path / "back").demos
    assert sorted(len(read_demo(demo)) for demo in back) == [6, 7]


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_full_disk_is_reported_and_leaves_no_partial_file(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=60)
    code = (
        "import resource, signal\n"
        "from vpt_gym.demos import export_npz\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"  # writing on is an error then, as on a full disk
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        f"export_npz({str(tmp_path / 'demos')!r}, {str(tmp_path / 'out')!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "DemoWriteError: cannot write" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_memory_does_not_grow_with_the_episode(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=300, size=(96, 160))
    tracemalloc.start()
    try:
        export_npz(tmp_path / "demos", tmp_path / "out")
        tracemalloc.reset_peak()
        import_npz((tmp_path / "out").iterdir(), tmp_path / "back")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300 * 96 * 160 * 3 / 2


def test_an_array_that_its_file_cannot_hold_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    good = save(tmp_path / "good.npz", [NO_OP] * 2)
    for name, shape in (("action", (48_000_000, 8)), ("rgb", (2, 3, 10**6, 10**6)), ("cam_interval", (10**12,))):
        bad = tmp_path / f"{name}.npz"
        header = {"descr": "|u1" if name == "rgb" else "<i8", "fortran_order": False, "shape": shape}
        with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as target:
            for member in source.namelist():
                if member != f"{name}.npy":
                    target.writestr(member, source.read(member))
            with target.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(file, header)
        tracemalloc.start()
        with pytest.raises(SourceError, match=rf"{name}.npz: {name} is damaged: it would be .*; export it again"):
            import_npz([bad], tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()


@pytest.mark.parametrize("cam_interval", [1e-300, 0.0, -15.0, np.nan, np.inf, 1e300, 1j, [15.0, 15.0], "15"])
def test_a_camera_interval_that_is_none_names_the_file(tmp_path: Path, cam_interval: object) -> None:
    with pytest.raises(SourceError, match=r"bad\.npz.*cam_interval"):
        import_npz([save(tmp_path / "bad.npz", [NO_OP] * 2, cam_interval=cam_interval)], tmp_path / "out")
