"""Videos without labels: what a person's video would have, and no action. A stopped recording is continued."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environments)
from tests.support.file_limit import files_end_at
from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym.actions.human import BUTTONS
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.finished import finished_videos
from vpt_gym.collect.run import Recorded, record
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.collect.session import Recording
from vpt_gym.demos import DemoWriteError, check, list_demos, repair
from vpt_gym.demos.files.names import partial
from vpt_gym.demos.files.unlabelled import read_videos
from vpt_gym.demos.files.video import count_frames
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.world.ids import PLAY
from vpt_gym.wrappers import VideoRecorderWrapper

SHORT = EnvArgs(PLAY, kwargs='{"max_episode_steps": 12, "image_size": [36, 64]}')
FIRST = SEEDS["play"].start


def videos(directory: Path, **fields: object) -> Recording:
    recording = Recording(out=directory, env=SHORT, episodes=3, labels=False)
    return replace(recording, **fields)  # type: ignore[arg-type]


def seeds(directory: Path) -> list[int]:
    return sorted(metadata["seed"] for metadata in read_videos(directory).values())


def test_there_is_a_video_of_each_episode_and_no_action(tmp_path: Path) -> None:
    assert record(videos(tmp_path)) == Recorded(demos=3, ticks=36, played=3, successes=0, unknown=3)
    assert seeds(tmp_path) == [FIRST, FIRST + 1, FIRST + 2]
    assert {episode.success for episode in finished_videos(tmp_path).values()} == {None}  # not known
    found = read_videos(tmp_path)
    files = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert files == {name for path in found for name in (path.name, path.with_suffix(".mp4").name)}
    for path, metadata in found.items():
        assert (metadata["ticks"], metadata["frame_size"], metadata["fps"]) == (12, [36, 64], 20)
        assert count_frames(path.with_suffix(".mp4")) == 12
        assert set(metadata) == {
            *("format", "format_version", "id", "started", "fps", "frame_size", "lossless", "versions"),
            *(
                "env_id",
                "env_kwargs",
                "max_episode_steps",
                "task",
                "frame_key",
                "recorded_by",
                "seed",
                "ticks",
                "ended",
            ),
        }
        words = json.dumps(metadata)
        assert not [name for name in (*BUTTONS, "camera", "mouse", "keyboard", "inventory", "xpos") if name in words]


def test_the_functions_for_demos_ignore_them(tmp_path: Path) -> None:
    record(videos(tmp_path, episodes=1))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert list_demos(tmp_path) == list_demos(tmp_path, lone_videos=True) == []
    assert check(tmp_path) == repair(tmp_path) == []
    assert DemoLibrary(tmp_path).rows() == []
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_stopped_recording_is_continued(tmp_path: Path) -> None:
    record(videos(tmp_path))
    assert record(videos(tmp_path)).played == 0
    # as killed in the second episode, and between the two renames of the third
    second, third = (path for path, metadata in read_videos(tmp_path).items() if metadata["seed"] > FIRST)
    begun = {key: value for key, value in json.loads(second.read_text()).items() if key not in ("ticks", "ended")}
    second.unlink()
    partial(second).write_text(json.dumps(begun))
    os.replace(second.with_suffix(".mp4"), partial(second.with_suffix(".mp4")))
    os.replace(third, partial(third))
    assert record(videos(tmp_path)) == Recorded(demos=3, ticks=36, played=1, successes=0, unknown=1)
    assert seeds(tmp_path) == [FIRST, FIRST + 1, FIRST + 2]
    assert list(tmp_path.glob("*.partial")) == []
    assert third.exists()
    assert not second.exists()
    assert len(list(tmp_path.glob("*.mp4"))) == 3


def test_a_killed_recording_is_continued(tmp_path: Path) -> None:
    env = SHORT.with_kwargs(max_episode_steps=150)
    command = [sys.executable, "-m", "vpt_gym", "record", "--env", env.id, "--env-kwargs", str(env.kwargs)]
    command += ["--video-only", "--episodes", "3", "-o", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and not (read_videos(tmp_path) and list(tmp_path.glob("*.mp4.partial"))):
        time.sleep(0.002)
    process.kill()
    process.wait()
    before = {path: path.read_bytes() for path in read_videos(tmp_path)}
    assert before
    assert record(videos(tmp_path, env=env)).demos == 3
    assert seeds(tmp_path) == [FIRST, FIRST + 1, FIRST + 2]
    assert {path: path.read_bytes() for path in before} == before
    assert list(tmp_path.glob("*.partial")) == []
    assert len(list(tmp_path.glob("*.mp4"))) == 3


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    foreign = {"film.mp4": "a film", "half.mp4.partial": "half a film", "list.json": "[]", "x.json.partial": "{}"}
    for name, content in foreign.items():
        (tmp_path / name).write_text(content)
    record(videos(tmp_path, episodes=1))
    assert {name: (tmp_path / name).read_text() for name in foreign} == foreign


def test_a_directory_holds_demos_or_videos(tmp_path: Path) -> None:
    record(videos(tmp_path / "videos", episodes=1))
    record(videos(tmp_path / "demos", episodes=1, labels=True))
    assert len(list_demos(tmp_path / "demos")) == 1
    for folder, labels in (("videos", True), ("demos", False)):
        with pytest.raises(ValueError, match="into another directory"):
            record(videos(tmp_path / folder, labels=labels))
    with pytest.raises(ValueError, match="into another directory"):
        record(videos(tmp_path / "videos", env=SHORT.with_kwargs(max_episode_steps=13)))


def test_the_video_is_that_of_the_labelled_play(tmp_path: Path) -> None:
    record(videos(tmp_path / "videos", episodes=1))
    record(videos(tmp_path / "demos", episodes=1, labels=True))
    (video,), (demo,) = (list((tmp_path / folder).glob("*.mp4")) for folder in ("videos", "demos"))
    assert video.read_bytes() == demo.read_bytes()


def test_metadata_that_the_recorder_writes_are_refused(tmp_path: Path) -> None:
    for key in ("seed", "ticks"):
        with pytest.raises(ValueError, match=rf"metadata keys? \[?'{key}'\]? (is|are) written by"):
            VideoRecorderWrapper(FrameCounterEnv(), tmp_path, metadata={key: 1})


def test_an_unfinished_episode_leaves_nothing(tmp_path: Path) -> None:
    env = VideoRecorderWrapper(gym.make(PLAY, image_size=(36, 64)), tmp_path)
    env.reset(seed=FIRST)
    env.step(env.action_space.sample())
    assert list(tmp_path.iterdir())
    env.reset(seed=FIRST)
    env.step(env.action_space.sample())
    env.close()
    assert list(tmp_path.iterdir()) == []
    assert finished_videos(tmp_path) == {}


@pytest.mark.parametrize("seed", [SEEDS["evaluation"].start, SEEDS["validation"].start, SEEDS["dagger"].start, -1])
def test_worlds_of_other_purposes_are_refused(tmp_path: Path, seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed is {seed}; demos have seeds from 0 to 999999, play"):
        videos(tmp_path, seed=seed)


@pytest.mark.parametrize("purpose", ["demos", "play"])
def test_a_recording_ends_with_its_worlds(tmp_path: Path, purpose: str) -> None:
    last = SEEDS[purpose][-1]
    with pytest.raises(RuntimeError, match=f"used up: {last + 1}"):
        record(videos(tmp_path, seed=last, episodes=2))
    assert seeds(tmp_path) == [last]


def test_seeds_and_what_is_kept_follow_from_the_env(tmp_path: Path) -> None:
    play, task = Recording(out=tmp_path, env=SHORT), Recording(out=tmp_path)
    assert (play.seed, play.keep, play.disturbance) == (FIRST, "all", 0.0)
    assert (task.seed, task.keep, task.disturbance) == (0, "success", 0.02)
    assert Recording(out=tmp_path, labels=False).keep == "all"
    with pytest.raises(ValueError, match="keep is success"):
        videos(tmp_path, keep="success")


class Noise(gym.Env[Any, Any]):
    """Pictures that compress badly."""

    observation_space = gym.spaces.Box(0, 255, (72, 128, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.tick = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.tick += 1
        return self._look(), 0.0, self.tick == 15, False, {}

    def _look(self) -> Any:
        return self.np_random.integers(0, 256, (72, 128, 3), np.uint8)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_video_that_cannot_be_written_is_an_error_and_the_next_episode_is_recorded(tmp_path: Path) -> None:
    env = VideoRecorderWrapper(Noise(), tmp_path)

    def play() -> None:
        env.reset(seed=0)
        for _ in range(15):
            env.step(0)

    for limit in (2_000, 20_000):
        with files_end_at(limit), pytest.raises(DemoWriteError, match=r"cannot write video.* Free disk space"):
            play()
        assert list(tmp_path.iterdir()) == []
    play()
    assert [metadata["ticks"] for metadata in read_videos(tmp_path).values()] == [15]
    env.close()


class OddFrame(Noise):
    """One frame is of the wrong type."""

    def _look(self) -> Any:
        frame = super()._look()
        return frame.astype(np.float32) if self.tick == 2 else frame


def test_a_frame_that_cannot_be_recorded_ends_the_video(tmp_path: Path) -> None:
    env = VideoRecorderWrapper(OddFrame(), tmp_path)
    env.reset(seed=0)
    env.step(0)
    with pytest.raises(TypeError, match="a frame is uint8"):
        env.step(0)
    while not env.step(0)[2]:  # the frame before the wrong one was recorded again in its place
        pass
    env.close()
    assert list(tmp_path.iterdir()) == []
