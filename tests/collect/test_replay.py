"""Playing a demo again: the same episode gives the same frames and records; anything else is reported."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 - registers the embedded world
from tests.support.contractor_files import golden_records, write_recording
from tests.support.scripted_counter import ScriptedCounter
from vpt_gym import RecorderWrapper, VPTActionWrapper
from vpt_gym.actions.human import human_action
from vpt_gym.cli import main
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.replay import ReplayError, replay
from vpt_gym.wrappers.labels import label_next_step

TICKS = 12
WORLD = "vpt_gym/Harvest1Log-v0"


def record(folder: Path, env_id: str = WORLD, *, seed: int | None = 3, resets: int = 0, **kwargs: Any) -> Path:
    if env_id == WORLD:
        kwargs = {"image_size": (36, 64), "max_episode_steps": TICKS, "level": "easy", **kwargs}
    env = RecorderWrapper(gym.make(env_id, **kwargs), folder)
    env.reset(seed=seed)
    for _ in range(resets):
        env.reset()
    rng = np.random.default_rng(0)
    for tick in range(TICKS):
        if tick == 4:  # an expert's label, beside another executed action
            label_next_step(env, human_action("attack"))
        if tick == 5:
            env.mark_intervention()
        _, _, terminated, truncated, _ = env.step(human_action("forward", camera=rng.normal(0, 4, 2)))
        if terminated or truncated:
            break
    env.close()
    assert env.last_demo is not None
    return env.last_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("demos"))


def changed(demo: Path, folder: Path, **metadata: Any) -> Path:
    """Copies a demo, with other metadata."""
    for suffix in (".mp4", ".jsonl", ".json"):
        shutil.copy(demo.with_suffix(suffix), folder)
    copy = folder / demo.name
    copy.write_text(json.dumps({**json.loads(copy.read_text()), **metadata}))
    return copy


def test_the_same_episode_is_equal(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in demo.parent.iterdir()}
    assert main(["demos", "replay", str(demo.with_suffix(".mp4"))]) == 0
    assert capsys.readouterr().out == f"{demo.stem}: equal: {TICKS} ticks, all frames, records and the end\n"
    assert main(["demos", "replay", str(demo.with_suffix("")), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["equal"], found["frames"], found["records"], found["frame_difference"]) == (True, TICKS, TICKS, 0.0)
    assert {path: path.read_bytes() for path in demo.parent.iterdir()} == before


@pytest.mark.parametrize("name", ["sprint", "camera"])
def test_a_changed_action_is_found_in_the_tick_after_it(
    demo: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = changed(demo, tmp_path)
    lines = copy.with_suffix(".jsonl").read_text().splitlines()
    record = json.loads(lines[6])
    if name == "camera":
        record["vpt_gym"]["camera"][1] += 30.0
    else:
        record["keyboard"]["keys"] = ["key.keyboard.s"]
    lines[6] = json.dumps(record)
    copy.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
    result = replay(copy)
    assert not result.equal
    assert result.frames < TICKS
    assert result.tick in (6, 7)  # 6: mouse counts are derived from the camera
    assert main(["demos", "replay", str(copy)]) == 1
    assert f"different from tick {result.tick} of {TICKS} on: " in capsys.readouterr().out


def test_another_seed_is_different_from_the_first_frame_on(demo: Path, tmp_path: Path) -> None:
    result = replay(changed(demo, tmp_path, seed=4))
    assert result.tick == 0
    assert "frame" in result.different
    assert result.frame_difference > 1


def test_an_episode_that_ends_elsewhere_is_different_there(demo: Path, tmp_path: Path) -> None:
    result = replay(changed(demo, tmp_path, max_episode_steps=8))
    assert (result.tick, result.played, result.different) == (8, 8, ("ticks",))
    result = replay(changed(demo, tmp_path, max_episode_steps=20))
    assert (result.tick, result.played, result.different) == (TICKS, TICKS, ("ended", "success"))


def test_a_small_difference_of_the_frames_alone_can_be_accepted(demo: Path, tmp_path: Path) -> None:
    copy = changed(demo, tmp_path)
    from vpt_gym.demos import read_demo
    from vpt_gym.demos.files.video import VideoWriter

    frames = list(read_demo(demo).frames())
    writer = VideoWriter(copy.with_suffix(".mp4"), (36, 64), crf=24)
    for frame in frames:
        writer.append(frame)
    writer.close()
    result = replay(copy)
    assert (result.tick, result.different, result.records) == (0, ("frame",), TICKS)
    assert "--tolerance" in str(result)
    assert replay(copy, tolerance=result.frame_difference).equal
    with pytest.raises(ValueError, match="tolerance is -1"):
        replay(copy, tolerance=-1)


def test_resets_without_a_seed_are_made_again(tmp_path: Path) -> None:
    path = record(tmp_path, resets=2)
    metadata = json.loads(path.read_text())
    assert (metadata["seed"], metadata["last_seed"], metadata["resets_since_seed"]) == (None, 3, 2)
    assert replay(path).equal


def test_vpt_codes_on_native_actions_are_played_again(tmp_path: Path) -> None:
    env = gym.make(WORLD, actions="native", image_size=(36, 64), max_episode_steps=TICKS)
    player = VPTActionWrapper(RecorderWrapper(env, tmp_path))
    player.reset(seed=5)
    player.action_space.seed(1)
    for _ in range(TICKS):
        player.step(player.action_space.sample())
    player.close()
    assert replay(player.env.last_demo).equal


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["demos", "replay", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_a_demo_without_a_seed(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "unseeded", seed=None)
    assert "has no seed (seed is None, last_seed is None)" in refused(path, capsys)
    for seed in ("3", -1, True, 3.0):
        copy = changed(demo, tmp_path, seed=seed)
        assert "record with env.reset(seed=...)" in refused(copy, capsys)
    copy = changed(demo, tmp_path, seed=None, last_seed=3, resets_since_seed=10**12)
    assert "began after 1000000000000 resets since the seed, more than 100,000" in refused(copy, capsys)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"env_id": "Elsewhere-v0", "env_kwargs": {}}, "its env Elsewhere-v0 with {} cannot be made here"),
        ({"env_kwargs": {"depth": 7}}, "with {'depth': 7} cannot be made here (TypeError"),
        ({"env_id": None}, "does not name its env (env_id is None); pass --env ID"),
        ({"env_kwargs": 7}, "does not name its env"),
        ({"labelled_by": {"model": "idm"}}, "a model labelled a video here"),
        ({"env_id": "absent_module:Game-v0"}, "its env 'absent_module:Game-v0' is in a module; if you trust it, pass"),
    ],
)
def test_an_env_that_cannot_be_made(
    demo: Path, tmp_path: Path, metadata: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(changed(demo, tmp_path, **metadata), capsys)
    assert message in said
    assert str(tmp_path) in said


def test_no_module_is_imported_because_a_demo_names_it(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.py").write_text("open('imported', 'w')")
    with pytest.raises(ReplayError, match="pass --env MODULE:ID"):
        replay(changed(demo, tmp_path, env_id="beside:Game-v0"))
    assert not Path("imported").exists()
    with pytest.raises(ReplayError, match="there is no module 'absent_module'"):
        replay(demo, env="absent_module:Game-v0")


def test_an_env_of_a_module(tmp_path: Path) -> None:
    path = record(tmp_path, "ScriptedCounter-v0")
    copy = json.loads(path.read_text())
    assert copy["env_id"] == "ScriptedCounter-v0"
    assert copy["frame_key"] is None
    assert replay(path, env="tests.support.scripted_counter:ScriptedCounter-v0").equal


class TwoViews(gym.ObservationWrapper):
    """A game that also shows a negative of its picture."""

    def __init__(self) -> None:
        super().__init__(ScriptedCounter())
        (picture,) = self.env.observation_space.values()
        self.observation_space = gym.spaces.Dict({"rgb": picture, "eyes": gym.spaces.Dict({"left": picture})})

    def observation(self, observation: Any) -> Any:
        return {**observation, "eyes": {"left": 255 - observation["rgb"]}}


gym.register("TwoViews-v0", TwoViews, max_episode_steps=1000)


@pytest.mark.parametrize("given", [("eyes", "left"), None])
def test_a_demo_names_the_key_of_its_frame(given: Any, tmp_path: Path) -> None:
    made = EnvArgs("TwoViews-v0", key=None if given else "eyes.left").base()
    env = RecorderWrapper(made, tmp_path, key=given)
    env.reset(seed=3)
    env.step(human_action("forward"))
    env.close()
    assert tuple(json.loads(env.last_demo.read_text())["frame_key"]) == tuple(given or "eyes.left")
    assert replay(env.last_demo).equal
    assert replay(env.last_demo, key="rgb").frames == 0


class Stopped(ScriptedCounter):
    """Its fifth tick fails."""

    def __init__(self, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self.error = error

    def step(self, action: Any) -> Any:
        if self._tick == 4:
            raise self.error
        return super().step(action)


gym.register("Stopped-v0", Stopped, max_episode_steps=1000)
gym.register("Broken-v0", lambda: Stopped(ZeroDivisionError), max_episode_steps=1000)


def test_ctrl_c_ends_a_command_with_its_status_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "demos", "ScriptedCounter-v0")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    assert main(["demos", "replay", str(path), "--env", "Stopped-v0"]) == 130
    assert capsys.readouterr().err == "vpt-gym demos: stopped; what was finished stays\n"
    assert list((tmp_path / "scratch").iterdir()) == []
    with pytest.raises(ReplayError, match=rf"{path}: its env failed while it was played again \(ZeroDivisionError"):
        replay(path, env="Broken-v0")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_contractor_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_recording(tmp_path / "a", golden_records()[:5])
    assert "a contractor recording names no env and no seed" in refused(path, capsys)


def test_a_path_that_is_no_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is missing; name a file of the demo" in refused(tmp_path / "absent.mp4", capsys)
    assert "is a directory; name a file of one demo" in refused(tmp_path, capsys)


def test_a_replay_error_is_a_value_error() -> None:
    assert issubclass(ReplayError, ValueError)
