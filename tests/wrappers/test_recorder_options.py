"""The options of a recorder, and its behaviour when something breaks."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from tests.support.frame_counter_env import FrameCounterEnv, counter_frame, read_counter
from vpt_gym import RecorderWrapper, VPTObsWrapper
from vpt_gym.actions.human import human_action_space, no_op
from vpt_gym.demos import Demo, DemoDataset, EpisodeSummary, check, list_demos, read_demo
from vpt_gym.frames import to_size


class Noise(gym.Env[Any, Any]):
    """Ten frames that no lossy codec keeps."""

    action_space = human_action_space()
    observation_space = spaces.Box(0, 255, (53, 91, 3), np.uint8)

    def __init__(self) -> None:
        self.frames = np.random.default_rng(0).integers(0, 256, (11, 53, 91, 3), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.tick = 0
        return self.frames[0], {}

    def step(self, action: Any) -> Any:
        self.tick += 1
        return self.frames[self.tick], 0.0, self.tick == 10, False, {}


def recorded(env: gym.Env[Any, Any]) -> Demo:
    env.reset(seed=3)
    over = False
    while not over:
        _, _, terminated, truncated, _ = env.step(no_op())
        over = terminated or truncated
    path: Path = env.get_wrapper_attr("last_demo")
    env.close()
    return read_demo(path)


def test_lossless_video_has_every_pixel(tmp_path: Path) -> None:
    noise = Noise()
    demo = recorded(RecorderWrapper(noise, tmp_path / "lossless", lossless=True))
    assert np.array_equal(np.stack(list(demo.frames())), noise.frames[:10])
    assert demo.metadata["lossless"] is True
    assert check(tmp_path / "lossless") == []
    lossy = recorded(RecorderWrapper(Noise(), tmp_path / "lossy"))
    assert not np.array_equal(np.stack(list(lossy.frames())), noise.frames[:10])
    assert lossy.metadata["lossless"] is False
    batch = next(iter(DemoDataset(tmp_path / "lossless", seq_len=10, batch_size=1, drop_null=False)))
    assert np.array_equal(batch.frames[0].numpy(), np.stack([to_size(frame) for frame in noise.frames[:10]]))


def test_policy_size_records_the_frames_of_a_policy(tmp_path: Path) -> None:
    seen = []
    env = VPTObsWrapper(Noise())
    seen.append(env.reset()[0])
    for _ in range(9):
        seen.append(env.step(no_op())[0])
    demo = recorded(RecorderWrapper(Noise(), tmp_path, size=(128, 128), lossless=True))
    assert demo.frame_size == (128, 128)
    assert np.array_equal(np.stack(list(demo.frames())), np.stack(seen))


@pytest.mark.parametrize("size", [(0, 128), (128,), (1, 2, 3)])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: Any) -> None:
    with pytest.raises(ValueError, match=r"it must be \(height, width\) in pixels"):
        RecorderWrapper(Noise(), tmp_path, size=size)


def test_metadata_have_the_env_the_outcome_and_the_duration(tmp_path: Path) -> None:
    before = datetime.now(timezone.utc)
    env = RecorderWrapper(
        gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(32, 48), max_episode_steps=5), tmp_path
    )
    env.reset(seed=11, options={"anything": 1})
    for _ in range(5):
        time.sleep(0.02)
        env.step(no_op())
    env.reset()
    env.step(no_op())
    env.close()
    first, second = (read_demo(path).metadata for path in list_demos(tmp_path))
    assert first["env_id"] == "vpt_gym/Harvest1Log-v0"
    assert first["env_kwargs"] == {"task": "harvest_1_log", "level": "easy", "image_size": [32, 48]}
    assert first["max_episode_steps"] == 5
    assert first["task"] == "harvest_1_log"
    assert (first["seed"], first["last_seed"], first["resets_since_seed"]) == (11, 11, 0)
    assert (second["seed"], second["last_seed"], second["resets_since_seed"]) == (None, 11, 1)
    assert first["options"] == {"anything": 1}
    assert (first["ticks"], first["return"], first["success"], first["ended"]) == (5, 0.0, False, "truncated")
    assert set(first["versions"]) >= {"python", "vpt-gym", "gymnasium", "av", "numpy"}
    assert 0.1 <= first["wall_time"] < 60
    assert before <= datetime.fromisoformat(first["started"]) <= datetime.now(timezone.utc)
    # the world can be had again from what the metadata say
    again = gym.make(first["env_id"], **first["env_kwargs"])
    again.reset(seed=second["last_seed"])
    for _ in range(second["resets_since_seed"]):
        frame, _ = again.reset()
    world = next(read_demo(list_demos(tmp_path)[1]).frames()).astype(int)
    assert np.abs(world - np.moveaxis(frame["rgb"], 0, -1)).mean() < 6


def test_a_keep_that_raises_loses_no_demo(tmp_path: Path) -> None:
    def keep(episode: EpisodeSummary) -> bool:
        raise KeyError(episode.id)

    env = RecorderWrapper(FrameCounterEnv(length=3), tmp_path, keep=keep)
    env.reset()
    env.step(no_op())
    env.step(no_op())
    with pytest.raises(KeyError):
        env.step(no_op())
    (demo,) = [read_demo(path) for path in list_demos(tmp_path)]
    assert (len(demo), demo.metadata["ended"]) == (3, "terminated")
    with pytest.raises(KeyError):
        recorded(env)
    assert len(list_demos(tmp_path)) == 2
    assert check(tmp_path) == []


class Fragile(FrameCounterEnv):
    """Its fifth step raises, before the world has moved or after it; then it goes on."""

    def __init__(self, moves: bool, error: BaseException) -> None:
        super().__init__(length=12)
        self.moves, self.error, self.broken = moves, error, False

    def step(self, action: Any) -> Any:
        if self._tick == 4 and not self.broken:
            self.broken = True
            if self.moves:
                super().step(action)
            raise self.error
        return super().step(action)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("error", [ValueError("no such action"), KeyboardInterrupt()])
def test_a_step_that_breaks_ends_the_demo_before_frames_and_actions_part(
    tmp_path: Path, moves: bool, error: BaseException
) -> None:
    env = RecorderWrapper(Fragile(moves, error), tmp_path)
    env.reset()
    for _ in range(4):
        env.step(no_op())
    with pytest.raises(type(error)):
        env.step(no_op())
    env.step(no_op())  # the episode can go on, without a demo
    env.reset()
    env.step(no_op())
    env.close()
    demos = [read_demo(path) for path in list_demos(tmp_path)]
    assert [(len(demo), demo.metadata["ended"]) for demo in demos] == [(4, "error"), (1, "close")]
    assert [read_counter(frame)[0] for frame in demos[0].frames()] == [0, 1, 2, 3]


def test_frames_are_those_of_their_tick_though_they_are_encoded_later(tmp_path: Path) -> None:
    """The env draws into one array again and again, and steps faster than large frames are encoded."""
    size = (360, 640)
    pictures = [counter_frame(tick, size) for tick in range(61)]

    class Fast(FrameCounterEnv):
        def _observe(self) -> Any:
            self._buffer[...] = pictures[self._tick]
            return {"rgb": np.moveaxis(self._buffer, -1, 0)}

    demo = recorded(RecorderWrapper(Fast(length=60, size=size), tmp_path))
    assert [read_counter(frame)[0] for frame in demo.frames()] == list(range(60))
