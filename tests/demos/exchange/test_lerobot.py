"""Demos to LeRobot's format v3.0 and back, read by pyarrow, and a dataset that LeRobot itself wrote."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.counter_demos import counter_action, write_counter_demo
from tests.support.folders import content_of
from tests.support.frame_counter_env import counter_frame
from tests.support.missing_package import run_without
from tests.support.paths import DATA
from tests.support.videos import TURNS, turn, write_video
from vpt_gym.actions.human import BUTTONS, HumanAction, human_action
from vpt_gym.cli import main
from vpt_gym.demos import DemoWriter, SourceError, check, export_lerobot, import_lerobot, list_demos, read_demo
from vpt_gym.demos.exchange.lerobot_layout import NAMES, place
from vpt_gym.demos.exchange.lerobot_stats import PixelStats, combined, vector_stats

WRITTEN_BY_LEROBOT = DATA / "lerobot"
"""Two episodes of ``counter_action`` and ``counter_frame`` at 10 frames a second, written by lerobot 0.4.4 (AV1)."""
FRAME = "observation.images.pov"


def read_info(dataset: Path) -> dict[str, Any]:
    return json.loads((dataset / "meta/info.json").read_text())


def rows(dataset: Path, folder: str) -> list[dict[str, Any]]:
    return [row for path in sorted((dataset / folder).glob("*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def frames_of(path: Path) -> np.ndarray:
    return np.stack(list(read_demo(path).frames()))


def same_actions(a: dict, b: dict) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in (*BUTTONS, "camera"))


def write_walk(directory: Path, ticks: int, state: bool = True, person: bool = False) -> Path:
    with DemoWriter(directory, metadata={"env_id": "vpt_gym/Harvest-v0"}) as writer:
        for t in range(ticks):
            where = {"xpos": 0.5 + t, "ypos": 64.0, "zpos": -3.25, "yaw": 90.0, "pitch": -10.0}
            writer.append(
                counter_frame(t, (48, 80)),
                human_action("forward", camera=(0.1, -0.7)),
                reward=1 / 3,
                intervention=person and t == 2,
                state=where if state else None,
            )
        path = writer.close()
    assert path is not None
    return path


def test_the_dataset_is_what_lerobot_expects(tmp_path: Path) -> None:
    paths = [write_counter_demo(tmp_path / "demos", ticks=50), write_counter_demo(tmp_path / "demos", ticks=20)]
    write_counter_demo(tmp_path / "demos", ticks=30, task="walk", success=False)
    dataset = tmp_path / "dataset"
    done = export_lerobot(tmp_path / "demos", dataset)
    assert (done.target, done.episodes, done.ticks, done.notes) == (dataset, 3, 100, ())

    info = read_info(dataset)
    assert (info["codebase_version"], info["fps"], info["splits"]) == ("v3.0", 20, {"train": "0:3"})
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 100, 2)
    features = info["features"]
    assert (features[FRAME]["dtype"], features[FRAME]["shape"]) == ("video", [48, 80, 3])
    assert (features["action"]["shape"], features["action"]["names"]) == ([25], NAMES["human"])
    assert features["next.success"] == {"dtype": "bool", "shape": [1], "names": None}
    assert "observation.state" not in features

    data = rows(dataset, "data")
    assert [row["index"] for row in data] == list(range(100))
    assert [row["episode_index"] for row in data] == [0] * 50 + [1] * 20 + [2] * 30
    assert [row["frame_index"] for row in data] == [*range(50), *range(20), *range(30)]
    assert [row["timestamp"] for row in data[:50]] == [np.float32(t / 20) for t in range(50)]
    demo = read_demo(paths[0])
    for t, row in enumerate(data[:50]):
        assert row["action"] == [*(demo.actions[name][t] for name in BUTTONS), *demo.actions["camera"][t]]
        assert (row["next.reward"], row["next.done"], row["next.success"]) == (demo.rewards[t], t == 49, t == 49)
    assert not data[99]["next.success"]

    episodes = rows(dataset, "meta/episodes")
    assert [row["tasks"] for row in episodes] == [["count"], ["count"], ["walk"]]
    assert [(row["dataset_from_index"], row["dataset_to_index"]) for row in episodes] == [(0, 50), (50, 70), (70, 100)]
    assert [row[f"videos/{FRAME}/from_timestamp"] for row in episodes] == [0, 2.5, 3.5]
    assert [row[f"videos/{FRAME}/to_timestamp"] for row in episodes] == [2.5, 3.5, 5]
    assert json.loads(episodes[0]["vpt_gym_demo"])["seed"] == 7
    tasks = pq.read_table(dataset / "meta/tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "count"}, {"task_index": 1, "task": "walk"}]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]

    with av.open(str(dataset / f"videos/{FRAME}/chunk-000/file-000.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.frames == 100  # in the header, for decoders that seek by it
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(stream)]
    assert np.abs(pictures[69].astype(int) - frames_of(paths[1])[19]).mean() < 2


def test_statistics_are_of_all_ticks_and_of_each_episode(tmp_path: Path) -> None:
    paths = [write_counter_demo(tmp_path / "demos", ticks=ticks) for ticks in (40, 25)]
    export_lerobot(tmp_path / "demos", tmp_path / "dataset")
    stats = json.loads((tmp_path / "dataset/meta/stats.json").read_text())
    camera = np.concatenate([read_demo(path).actions["camera"] for path in paths]).astype(np.float64)
    found = {name: np.array(values)[-2:] for name, values in stats["action"].items()}
    for name in ("min", "max", "mean", "std"):
        assert np.allclose(found[name], getattr(camera, name)(axis=0))
    assert stats["action"]["count"] == [65]
    pixels = np.concatenate([frames_of(path) for path in paths]) / 255
    assert np.shape(stats[FRAME]["mean"]) == (3, 1, 1)
    assert np.allclose(np.ravel(stats[FRAME]["mean"]), pixels.mean(axis=(0, 1, 2)), atol=0.01)
    assert np.allclose(np.ravel(stats[FRAME]["std"]), pixels.std(axis=(0, 1, 2)), atol=0.02)
    assert stats[FRAME]["count"] == [65]
    episode = rows(tmp_path / "dataset", "meta/episodes")[1]
    assert episode["stats/action/count"] == [25]
    assert np.allclose(episode["stats/action/max"][-1], read_demo(paths[1]).actions["camera"][:, 1].max())


def test_pixel_and_vector_statistics_agree() -> None:
    frames = np.random.default_rng(0).integers(0, 200, (30, 6, 8, 3), np.uint8)
    counted = PixelStats(30)
    for frame in frames:
        counted.add(frame)
    exact = vector_stats(frames.reshape(-1, 3) / 255)
    for name, value in counted.result().items():
        assert name == "count" or np.allclose(value.ravel(), exact[name], atol=1.1 / 255)
    parts = [{"a": vector_stats(np.arange(n, n + 7.0))} for n in (0, 7)]
    together = combined(*parts)["a"]
    assert np.allclose(together["std"], np.arange(14).std())
    assert (together["mean"], together["count"]) == (6.5, 14)


def test_a_round_trip_keeps_actions_rewards_and_metadata(tmp_path: Path) -> None:
    paths = [
        write_counter_demo(tmp_path / "demos", ticks=30, disturbed=3),
        write_counter_demo(tmp_path / "demos", ticks=20, success=None),
        write_walk(tmp_path / "demos", 25, person=True),
    ]
    done = export_lerobot(tmp_path / "demos", tmp_path / "dataset")
    assert any("1 episode the labels differ" in note for note in done.notes)
    back = import_lerobot(tmp_path / "dataset", tmp_path / "back")
    assert (len(back.demos), back.ticks) == (3, 75)
    assert check(tmp_path / "back") == []
    for path, new in zip(map(read_demo, paths), map(read_demo, back.demos), strict=True):
        assert same_actions(path.actions, new.actions)
        assert same_actions(path.executed, new.executed)
        assert np.array_equal(path.rewards, new.rewards)
        assert np.array_equal(path.intervention, new.intervention)
        for key in ("success", "ended", "task", "seed", "env_id", "fps"):
            assert path.metadata.get(key) == new.metadata.get(key)
        pixels, again = (np.stack(list(demo.frames())).astype(int) for demo in (path, new))
        assert np.abs(pixels - again).mean() < 3
    assert read_demo(back.demos[2]).intervention.sum() == 1


@pytest.mark.parametrize("kind", ["factored", "codes"])
def test_other_kinds_of_action(tmp_path: Path, kind: Any) -> None:
    path = write_counter_demo(tmp_path / "demos", ticks=30, disturbed=3)
    export_lerobot(tmp_path / "demos", tmp_path / "dataset", actions=kind)
    action = read_info(tmp_path / "dataset")["features"]["action"]
    assert (action["dtype"], action["names"]) == ("int64", NAMES[kind])
    old, new = read_demo(path), read_demo(import_lerobot(tmp_path / "dataset", tmp_path / "back").demos[0])
    assert np.array_equal(old.codes, new.codes)
    assert not np.array_equal(new.executed["camera"], new.actions["camera"])


def test_the_state_is_exported_where_all_demos_have_it(tmp_path: Path) -> None:
    write_walk(tmp_path / "demos", 5)
    export_lerobot(tmp_path / "demos", tmp_path / "dataset", task="walk on")
    feature = read_info(tmp_path / "dataset")["features"]["observation.state"]
    assert (feature["shape"], feature["names"]) == ([5], ["x", "y", "z", "yaw", "pitch"])
    data = rows(tmp_path / "dataset", "data")
    assert [row["observation.state"] for row in data] == [[0.5 + t, 64, -3.25, 90, -10] for t in range(5)]
    assert rows(tmp_path / "dataset", "meta/episodes")[0]["tasks"] == ["walk on"]
    write_walk(tmp_path / "demos", 5, state=False)
    done = export_lerobot(tmp_path / "demos", tmp_path / "dataset", overwrite=True)
    assert "1 of 2 demos do not have observation.state" in " ".join(done.notes)
    assert "observation.state" not in read_info(tmp_path / "dataset")["features"]
    assert rows(tmp_path / "dataset", "meta/episodes")[0]["tasks"] == ["vpt_gym/Harvest-v0"]


def test_full_files_are_followed_by_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        with DemoWriter(tmp_path / "demos") as writer:
            for _ in range(20):
                writer.append(rng.integers(0, 256, (240, 320, 3), np.uint8), human_action("forward"))
            writer.close()
    export_lerobot(tmp_path / "demos", tmp_path / "dataset", video_mb=1)
    files = sorted((tmp_path / f"dataset/videos/{FRAME}").glob("*/*"))
    assert [file.name for file in files] == [f"file-00{n}.mp4" for n in range(3)]
    episodes = rows(tmp_path / "dataset", "meta/episodes")
    assert [row[f"videos/{FRAME}/file_index"] for row in episodes] == [0, 1, 2]
    assert [row[f"videos/{FRAME}/from_timestamp"] for row in episodes] == [0, 0, 0]
    old = [frames_of(path) for path in list_demos(tmp_path / "demos")]
    new = [frames_of(path) for path in import_lerobot(tmp_path / "dataset", tmp_path / "back").demos]
    assert all(np.abs(a.astype(int) - b).mean() < 10 for a, b in zip(old, new, strict=True))
    assert [place(n) for n in (0, 999, 1000, 2001)] == [(0, 0), (0, 999), (1, 0), (2, 1)]


def test_a_dataset_that_lerobot_wrote(tmp_path: Path) -> None:
    done = import_lerobot(WRITTEN_BY_LEROBOT, tmp_path / "demos")
    assert [len(read_demo(path)) for path in done.demos] == [12, 8]
    for episode, demo in enumerate(map(read_demo, done.demos)):
        for t, frame in enumerate(demo.frames()):
            assert np.abs(frame.astype(int) - counter_frame(t, (48, 80), episode)).mean() < 4
            wanted = counter_action(t)
            assert all(np.array_equal(demo.actions[name][t], wanted[name]) for name in wanted)
        assert demo.rewards.tolist() == [t / 2 for t in range(len(demo))]
        assert (demo.metadata["task"], demo.metadata["fps"]) == (["walk", "count"][episode], 10)
        assert (demo.metadata["ended"], demo.success) == ("terminated", None)


class _Doubled:
    """A translator of another package's actions: its camera is in half degrees."""

    def to_human(self, action: np.ndarray) -> HumanAction:
        return human_action("jump", camera=(float(action[-2]) * 2, float(action[-1]) * 2))


def test_other_names_need_a_translator(tmp_path: Path) -> None:
    dataset = shutil.copytree(WRITTEN_BY_LEROBOT, tmp_path / "dataset")
    info = read_info(dataset)
    info["features"]["action"]["names"] = [f"motor_{n}" for n in range(25)]
    (dataset / "meta/info.json").write_text(json.dumps(info))
    with pytest.raises(SourceError, match=r"motor_0.*translator"):
        import_lerobot(dataset, tmp_path / "demos")
    (path, _) = import_lerobot(dataset, tmp_path / "demos", translator=_Doubled()).demos  # type: ignore[arg-type]
    assert read_demo(path).actions["camera"][5].tolist() == [-3.0, 1.0]
    assert read_demo(path).actions["jump"].all()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "meta/info.json").unlink(), "is not a LeRobot dataset"),
        (lambda d: (d / "meta/info.json").write_text("{"), "info.json is damaged"),
        (lambda d: change(d, codebase_version="v2.1"), "v2.1.*reads v3.0.*convert_dataset"),
        (lambda d: change(d, data_path="../../{chunk_index}{file_index}"), "leads out of the dataset"),
        (lambda d: change(d, data_path="{nothing}"), "data_path cannot be used"),
        (lambda d: change(d, data_path="\x1b[31m{chunk_index}"), r"data_path cannot be used.*\\x1b"),
        (lambda d: change(d, features={}), "has no action"),
        (lambda d: next(d.glob("data/*/*")).write_bytes(b"PAR1"), "is damaged, episode 0"),
        (lambda d: next(d.glob("data/*/*")).unlink(), "is missing; download"),
        (lambda d: next(d.glob("videos/*/*/*")).unlink(), "is missing; download"),
        (lambda d: next(d.glob("videos/*/*/*")).write_bytes(b"no video"), "frames of episode 0 cannot be decoded"),
        (
            lambda d: turn(next(d.glob("videos/*/*/*")), TURNS["90"]),
            r"turns its pictures by \d+ degrees .*upright\.mp4",
        ),
        (lambda d: slow_down(next(d.glob("videos/*/*/*"))), "does not have 10 evenly spaced frames a second"),
        (lambda d: next(d.glob("meta/episodes/*/*")).write_bytes(b"PAR1"), "is damaged"),
        (lambda d: next(d.glob("meta/episodes/*/*")).unlink(), "has no episode"),
        (lambda d: change(d, fps=0), "info.json is damaged"),
        (lambda d: change(d, fps=10.5), "fps is 10.5; a demo has a whole number of frames a second"),
        (lambda d: change(d, fps="10"), "fps is '10'"),
        (lambda d: change(d, fps=20), "does not fit 12 ticks at 20 a second"),
        (lambda d: change(d, data_path="{chunk_index:999999999d}{file_index}"), "data_path cannot be used"),
        (lambda d: change(d, data_path=5000 * "x"), "data_path cannot be used|is missing"),
        (lambda d: rewrite(d, EPISODES, "length", lambda n, old: 1 << 40), "has 12 ticks, not the 1099511627776"),
        (lambda d: rewrite(d, EPISODES, "episode_index", lambda n, old: 0), "has an episode twice"),
        (lambda d: rewrite(d, EPISODES, START, lambda n, old: math.inf), "is damaged"),
        (lambda d: rewrite(d, EPISODES, START, lambda n, old: math.nan), "negative number"),
        (lambda d: rewrite(d, DATA_FILES, "next.done", lambda n, old: [old, old]), r"next.done of shape \(12, 2\)"),
        (lambda d: rewrite(d, DATA_FILES, "next.done", lambda n, old: math.nan), "next.done has NaN or infinity"),
        (lambda d: rewrite(d, DATA_FILES, "action", lambda n, old: [None, *old[1:]]), "missing values"),
        # as many numbers in all as 25 in each row
        (lambda d: rewrite(d, DATA_FILES, "action", lambda n, old: [*old, 0.0][: 24 + n % 2 * 2]), "several lengths"),
    ],
)
def test_damage_is_named_and_nothing_is_imported(tmp_path: Path, damage: Any, message: str) -> None:
    dataset = shutil.copytree(WRITTEN_BY_LEROBOT, tmp_path / "dataset")
    damage(dataset)
    with pytest.raises((SourceError, FileNotFoundError), match=message):
        import_lerobot(dataset, tmp_path / "demos")
    assert content_of(tmp_path / "demos") == []


def slow_down(video: Path) -> None:
    """Writes a video again, with a pause of a tick in its middle."""
    frames = np.stack([picture.to_ndarray(format="rgb24") for picture in av.open(str(video)).decode(video=0)])
    write_video(video, frames, 10, [(t + (t > len(frames) // 2)) / 10 for t in range(len(frames))])


def change(dataset: Path, **entries: Any) -> None:
    (dataset / "meta/info.json").write_text(json.dumps({**read_info(dataset), **entries}))


EPISODES, DATA_FILES = "meta/episodes/*/*", "data/*/*"
START = "videos/observation.images.front/from_timestamp"


def rewrite(dataset: Path, pattern: str, column: str, new: Callable[[int, Any], Any]) -> None:
    """Replaces the values of a column by what ``new`` makes of their rows and old values."""
    path = next(dataset.glob(pattern))
    table = pq.read_table(path)
    values = [new(row, old) for row, old in enumerate(table[column].to_pylist())]
    pq.write_table(table.set_column(table.column_names.index(column), column, pa.array(values)), path)


def test_a_flipped_byte_of_the_actions_is_noticed(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=60)
    export_lerobot(tmp_path / "demos", tmp_path / "dataset")
    path = next((tmp_path / "dataset").glob(DATA_FILES))
    group = pq.read_metadata(path).row_group(0)
    (chunk,) = (
        group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema.startswith("action")
    )
    begin = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(path.read_bytes())
    for back in range(1, 40, 5):  # in the last page of the column
        flipped = content.copy()
        flipped[begin + chunk.total_compressed_size - 1 - back] ^= 4
        path.write_bytes(flipped)
        with pytest.raises(SourceError, match="is damaged, episode 0 cannot be read"):
            import_lerobot(tmp_path / "dataset", tmp_path / "back")
    path.write_bytes(content)
    assert import_lerobot(tmp_path / "dataset", tmp_path / "back").ticks == 60


def test_a_choice_of_videos_and_half_pressed_buttons_are_errors(tmp_path: Path) -> None:
    dataset = shutil.copytree(WRITTEN_BY_LEROBOT, tmp_path / "dataset")
    with pytest.raises(SourceError, match=r"no video 'x'; its videos are 'observation\.images\.front'"):
        import_lerobot(dataset, tmp_path / "demos", frames_key="x")
    features = read_info(dataset)["features"]
    change(dataset, features={**features, "observation.images.hand": features["observation.images.front"]})
    with pytest.raises(SourceError, match="choose one video with --frames-key"):
        import_lerobot(dataset, tmp_path / "demos")
    assert import_lerobot(dataset, tmp_path / "demos", frames_key="observation.images.front").ticks == 20
    path = next(dataset.glob("data/*/*"))
    table = pq.read_table(path)
    half = [[0.5, *row[1:]] for row in table["action"].to_pylist()]
    index = table.column_names.index("action")
    pq.write_table(table.set_column(index, "action", [half]), path)
    with pytest.raises(SourceError, match=r"tick 0: ESC is 0\.5; a button is 0 or 1"):
        import_lerobot(dataset, tmp_path / "other", frames_key="observation.images.front")


def test_damaged_demos_are_left_out_and_counted(tmp_path: Path) -> None:
    paths = [write_counter_demo(tmp_path / "demos", ticks=30) for _ in range(3)]
    video = paths[1].with_suffix(".mp4")
    content = bytearray(video.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    video.write_bytes(content)
    write_counter_demo(tmp_path / "demos" / "rejected", ticks=20)
    done = export_lerobot(tmp_path / "demos", tmp_path / "dataset")
    assert (done.episodes, done.left_out.rejected, len(done.left_out.damaged)) == (2, 1, 1)
    back = import_lerobot(tmp_path / "dataset", tmp_path / "back").demos
    for old, new in zip((paths[0], paths[2]), back, strict=True):  # the frames after the damage are the right ones
        assert np.abs(frames_of(old).astype(int) - frames_of(new)).mean() < 3


def test_what_cannot_be_exported_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    demos, out = tmp_path / "demos", tmp_path / "out"
    write_counter_demo(demos, ticks=5, size=(48, 80))
    for options, message in (
        ({"size": (33, 64)}, "need even sizes"),
        ({"crf": 60}, "crf=60"),
        ({"actions": "keys"}, "it must be 'human'"),
        ({"keep": lambda demo: False}, "1 filtered out"),
    ):
        with pytest.raises(ValueError, match=message):
            export_lerobot(demos, out, **options)
    write_counter_demo(demos, ticks=5, size=(32, 32))
    with pytest.raises(ValueError, match="several sizes"):
        export_lerobot(demos, out)
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a LeRobot dataset"):
        export_lerobot(demos, out, size=(32, 32), overwrite=True)
    (out / "mine.txt").unlink()
    export_lerobot(demos, out, size=(32, 32))  # an empty directory is used
    with pytest.raises(FileExistsError, match="--overwrite"):
        export_lerobot(demos, out, size=(32, 32))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demos", "out"]


def test_an_export_does_not_replace_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    demos, other, out = tmp_path / "demos", tmp_path / "other", tmp_path / "dataset"
    write_counter_demo(demos, ticks=5)
    write_counter_demo(other, ticks=3)
    with pytest.raises(FileExistsError, match="exists: it is a LeRobot dataset"):
        export_lerobot(demos, out, keep=lambda _: export_lerobot(other, out).episodes == 1)
    assert import_lerobot(out, tmp_path / "again").ticks == 3


def test_importing_again_is_refused_or_replaces_only_the_same(tmp_path: Path) -> None:
    import_lerobot(WRITTEN_BY_LEROBOT, tmp_path)
    write_counter_demo(tmp_path, ticks=5)
    with pytest.raises(FileExistsError, match="imported from lerobot already"):
        import_lerobot(WRITTEN_BY_LEROBOT, tmp_path)
    import_lerobot(WRITTEN_BY_LEROBOT, tmp_path, overwrite=True)
    assert len(list_demos(tmp_path)) == 3


KILLED = """
import os, signal, sys
from vpt_gym.demos import export_lerobot
from vpt_gym.demos.exchange.lerobot_writer import LeRobotWriter
LeRobotWriter.finish = lambda writer: os.kill(os.getpid(), signal.SIGKILL)
export_lerobot(sys.argv[1], sys.argv[2])
"""


def test_an_export_that_is_killed_never_looks_finished(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=20)
    words = [sys.executable, "-c", KILLED, str(tmp_path / "demos"), str(tmp_path / "dataset")]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".dataset-*.partial/dataset/data/*/*"))) == 1
    assert not (tmp_path / "dataset").exists()
    (left,) = tmp_path.glob(".dataset-*.partial")
    os.utime(left, (0, 0))
    assert export_lerobot(tmp_path / "demos", tmp_path / "dataset").episodes == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "demos"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        status = main(["demos", *map(str, words)])
        return (status, *capsys.readouterr())

    write_counter_demo(tmp_path / "demos", ticks=20)
    write_counter_demo(tmp_path / "demos", ticks=30, success=False)
    export = ("export", tmp_path / "demos", "--to", "lerobot")
    said = f"1 episode, 20 ticks: {tmp_path / 'out'}\nleft out: 1 filtered out\n"
    assert run(*export, "-o", tmp_path / "out", "--task", "count", "--successes-only") == (0, said, "")
    source = f"lerobot:{tmp_path / 'out'}"
    assert run("import", source, "-o", tmp_path / "back") == (0, f"1 episode, 20 ticks: {tmp_path / 'back'}\n", "")
    status, _, error = run("import", tmp_path / "out", "-o", tmp_path / "back")  # found without the prefix
    assert (status, "imported from out already" in error) == (2, True)
    for words, message in (
        ((*export, "-o", tmp_path / "out"), "--overwrite"),
        (export, "--out DIRECTORY"),
        ((*export, "-o", tmp_path / "other", "--jpeg"), "--jpeg has no meaning with --to lerobot"),
        (("export", tmp_path / "demos", "--to", "minari", "--id", "a-v0", "--crf", 20), "--crf has no meaning"),
        (("import", "lerobot:absent", "-o", tmp_path / "back"), "is not a LeRobot dataset"),
        (("import", source, "-o", tmp_path / "back", "--layout", "chw"), "--layout has no meaning"),
    ):
        status, printed, error = run(*words)
        assert (status, printed) == (2, "")
        assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "demos", "out"]


def test_without_pyarrow_the_error_has_the_line_to_install_it(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=5)
    done = run_without("pyarrow", "demos", "export", tmp_path / "demos", "--to", "lerobot", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert 'pip install "vpt-gym[lerobot]"' in done.stderr
    assert not (tmp_path / "out").exists()
