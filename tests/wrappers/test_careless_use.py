"""Careless uses of the wrappers: each error has the value and the remedy, and comes at once."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import Autoreset, TimeLimit

from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym import (
    HumanActionWrapper,
    RecorderWrapper,
    ResilientEnv,
    VPTActionWrapper,
    VPTObsWrapper,
    as_gymnasium,
)
from vpt_gym.actions.codec import code_space
from vpt_gym.actions.human import no_op
from vpt_gym.demos import check, list_demos, read_demo
from vpt_gym.wrappers import EpisodeSeeds, FrameKeyWrapper, ItemRewardWrapper, MineCLIPReward, VideoRecorderWrapper
from vpt_gym.wrappers.vector.thread_vector_env import ThreadVectorEnv

SIZE = (36, 64)
PICTURE = spaces.Box(0, 255, (*SIZE, 3), np.uint8)
RECORDERS = [RecorderWrapper, VideoRecorderWrapper]


class Fixed(gym.Env[Any, Any]):
    """Shows one observation, in episodes of three ticks."""

    def __init__(self, space: spaces.Space[Any], observation: Any = None) -> None:
        self.observation_space, self.action_space = space, code_space()
        self.shown = space.sample() if observation is None else observation

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.tick = 0
        return self.shown, {}

    def step(self, action: Any) -> Any:
        self.tick += 1
        return self.shown, 0.0, False, self.tick == 3, {}


def box(*shape: int, dtype: Any = np.uint8, high: float = 255) -> Fixed:
    return Fixed(spaces.Box(0, high, shape, dtype))


def craftground() -> Fixed:
    """Declares ``obs.image``, and returns ``rgb`` and ``pov``, as CraftGround 2.7 does."""
    rgb, pov = np.full((*SIZE, 3), 1, np.uint8), np.full((*SIZE, 3), 2, np.uint8)
    return Fixed(spaces.Dict(obs=spaces.Dict(image=PICTURE)), {"pov": pov, "rgb": rgb})


@pytest.mark.parametrize(("key", "value"), [(None, 1), ("rgb", 1), ("pov", 2)])
def test_a_frame_is_taken_from_what_comes_not_from_what_is_declared(key: Any, value: int, tmp_path: Path) -> None:
    assert (VPTObsWrapper(craftground(), key=key).reset()[0] == value).all()
    assert (FrameKeyWrapper(craftground(), key).reset()[0]["img"] == value).all()
    for recorder in RECORDERS:
        env = recorder(craftground(), tmp_path / recorder.__name__, key=key, lossless=True)
        env.reset(seed=0)
        for _ in range(3):
            env.step([0, 60])
        env.close()
    (demo,) = list_demos(tmp_path / "RecorderWrapper")
    assert all((frame == value).all() for frame in read_demo(demo).frames())


def test_a_frame_that_comes_in_another_size_than_declared_is_refused() -> None:
    env = craftground()
    env.shown = {"rgb": np.zeros((18, 64, 3), np.uint8)}
    with pytest.raises(ValueError, match=r"declares frames of \(36, 64\) .*; the observation has the keys \['rgb'\]"):
        VPTObsWrapper(env, key="rgb").reset()
    with pytest.raises(ValueError, match=r"key='pov' is not in the observation; it has the keys \['rgb'\]"):
        VPTObsWrapper(env, key="pov").reset()


def test_a_wrong_key_is_refused_at_once_where_the_frame_is_declared() -> None:
    for key in ("rbg", "nose", "obs.img"):
        with pytest.raises(ValueError, match=f"key='{key}' is not in the observation"):
            VPTObsWrapper(craftground(), key=key)


class DummyVecEnv:
    """What Stable-Baselines3's vectors have."""

    num_envs = 2
    observation_space, action_space = PICTURE, code_space()

    def reset(self) -> Any:
        return np.zeros((2, *SIZE, 3), np.uint8)

    def step_async(self, actions: Any) -> None:
        pass

    def step_wait(self) -> Any:
        return self.reset(), np.zeros(2), np.zeros(2, bool), [{}, {}]

    def step(self, actions: Any) -> Any:
        self.step_async(actions)
        return self.step_wait()


def test_a_vector_of_stable_baselines_is_not_an_old_environment(tmp_path: Path) -> None:
    for wrap in (VPTObsWrapper, VPTActionWrapper, lambda env: RecorderWrapper(env, tmp_path)):
        with pytest.raises(TypeError, match=r"wraps one environment, got a vector of 2 \(DummyVecEnv\). Wrap each of"):
            wrap(DummyVecEnv())  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"takes one environment, got a vector of 2 .*as_gymnasium\(make_env\(\)\)"):
        as_gymnasium(DummyVecEnv())


@pytest.mark.parametrize(
    ("env", "error", "message"),
    [
        (box(84, 84), ValueError, "This is a grey image, and VPT policies need colour"),
        (box(84, 84, 1), ValueError, "This is a grey image"),
        (box(1, 84, 84), ValueError, "This is a grey image"),
        (box(36, 64, 4), ValueError, r"If it is RGBA, leave the alpha channel out, .*obs\[\.\.\., :3\]"),
        (box(4, 84, 84), ValueError, "Frame stacks are not supported"),
        (box(36, 64, 12), ValueError, "Frame stacks are not supported"),
        (box(4, 36, 64, 3), ValueError, "Frame stacks are not supported.*one frame per tick"),
        (box(36, 64, 3, dtype=np.float32, high=1), TypeError, r"a frame is uint8 in 0..255, got float32"),
    ],
)
def test_what_is_no_colour_frame_is_named(env: Fixed, error: type[Exception], message: str, tmp_path: Path) -> None:
    for wrap in (VPTObsWrapper, *(lambda env, r=r: r(env, tmp_path) for r in RECORDERS)):
        with pytest.raises(error, match=message):
            wrap(env)
    assert list(tmp_path.iterdir()) == []


def test_frames_that_become_floats_are_refused_when_they_come() -> None:
    env = VPTObsWrapper(Fixed(PICTURE, np.zeros((*SIZE, 3), np.float32)))
    with pytest.raises(TypeError, match=r"uint8 in 0..255, got float32"):
        env.reset()


def test_a_second_scaling_does_not_hide_the_complete_observation() -> None:
    env = VPTObsWrapper(VPTObsWrapper(Fixed(spaces.Dict({"rgb": PICTURE, "pitch": spaces.Discrete(9)})), SIZE))
    env.reset()
    assert set(env.source_observation) == {"rgb", "pitch"}


@pytest.mark.parametrize(
    "squeeze",
    [VPTObsWrapper, lambda env: gym.wrappers.ResizeObservation(env, (128, 128))],
    ids=["VPTObsWrapper", "ResizeObservation"],
)
def test_wide_frames_that_are_a_square_already_are_not_called_distorted(squeeze: Any) -> None:
    wide, square = squeeze(Fixed(PICTURE)), Fixed(spaces.Box(0, 255, (128, 128, 3), np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twice = VPTObsWrapper(wide)
    assert np.array_equal(twice.reset()[0], wide.reset()[0])
    with pytest.warns(UserWarning, match="see these frames distorted"):
        VPTObsWrapper(square)
    with pytest.warns(UserWarning, match="see these frames distorted"):
        VPTObsWrapper(gym.wrappers.ResizeObservation(Fixed(PICTURE), (64, 80)))


@pytest.mark.parametrize("keep", [True, False, "all", 3])
def test_keep_is_a_function(keep: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=f"keep is {keep!r}; it must be a function of the EpisodeSummary"):
        RecorderWrapper(Fixed(PICTURE), tmp_path, keep=keep)


@pytest.mark.parametrize("recorder", RECORDERS)
def test_a_second_recorder_is_refused(recorder: Any, tmp_path: Path) -> None:
    first = recorder(Fixed(PICTURE), tmp_path / "a")
    said = rf"a {recorder.__name__} below records this environment .*{tmp_path}/a; a second"
    for env in (first, gym.wrappers.TimeLimit(first, 9), VPTObsWrapper(first)):
        with pytest.raises(ValueError, match=said):
            recorder(env, tmp_path / "b")
    other = next(one for one in RECORDERS if one is not recorder)
    other(first, tmp_path / "b").close()  # a video without labels beside the demo


SIZES = [(0, 128), (128,), (1, 2, 3), 128, "128", (1.5, 2), (True, 2), (2, None), (4097, 2), (10**9, 10**9), {1: 2}]


@pytest.mark.parametrize("size", SIZES)
def test_both_recorders_check_the_size(size: Any, tmp_path: Path) -> None:
    for recorder in RECORDERS:
        with pytest.raises(ValueError, match=r"^size is .*; it must be \(height, width\) in pixels.* or None for the"):
            recorder(Fixed(PICTURE), tmp_path, size=size)
    with pytest.raises(ValueError, match=r"^size is .*; it must be \(height, width\) in pixels.* at most 4,096"):
        VPTObsWrapper(Fixed(PICTURE), size=size)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"key": 3}, TypeError, "key is 3; it must be a text, or a tuple of texts"),
        ({"metadata": [1]}, TypeError, r"metadata is \[1\]; it must be a mapping"),
        ({"metadata": {3: 4}}, TypeError, "metadata is {3: 4}; it must be a mapping of names"),
        ({"directory": ""}, ValueError, "the directory of demos is ''; the current folder is"),
        ({"directory": None}, TypeError, "the directory of demos is None; it must be a text or a path"),
    ],
)
def test_both_recorders_name_what_is_wrong(given: Any, error: type[Exception], message: str, tmp_path: Path) -> None:
    for recorder in RECORDERS:
        with pytest.raises(error, match=message):
            recorder(FrameCounterEnv(), **{"directory": tmp_path, **given})


def test_the_directory_of_a_recorder_is_checked_when_it_is_changed(tmp_path: Path) -> None:
    for recorder in RECORDERS:
        env = recorder(FrameCounterEnv(), tmp_path)
        with pytest.raises(TypeError, match="the directory of demos is None; it must be a text or a path"):
            env.directory = None
        env.directory = str(tmp_path / "later")
        assert env.directory == tmp_path / "later"


def test_a_translator_of_a_recorder_is_one(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"translator is 'auto'; it must be a vpt_gym\.actions\.Translator, or None"):
        RecorderWrapper(Fixed(PICTURE), tmp_path, translator="auto")


def test_an_episode_that_is_recorded_is_not_copied(tmp_path: Path) -> None:
    env = RecorderWrapper(FrameCounterEnv(), tmp_path)
    assert copy.deepcopy(env).last_demo is None  # between two episodes
    env.reset()
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="is being recorded; it cannot be copied or pickled: end its episode first"):
            copied(env)
    env.step(no_op())
    env.close()
    assert check(tmp_path) == []


@pytest.mark.parametrize("action", [None, 3, "attack", [1, 2]])
def test_a_human_action_is_a_mapping(action: Any) -> None:
    env = HumanActionWrapper(FrameCounterEnv())
    env.reset()
    with pytest.raises(ValueError, match="a human action is a mapping of camera and buttons, got"):
        env.step(action)
    with pytest.raises(ValueError, match="camera is 'up'; it must be two finite numbers"):
        env.step({**no_op(), "camera": "up"})


def test_both_recorders_refuse_reserved_metadata_at_once(tmp_path: Path) -> None:
    for recorder in RECORDERS:
        with pytest.raises(ValueError, match=r"metadata keys \['ticks'\] are written by DemoWriter itself"):
            recorder(Fixed(PICTURE), tmp_path, metadata={"ticks": 3})


@pytest.mark.parametrize("key", ["seed", "options", "last_seed", "resets_since_seed"])
def test_metadata_that_a_reset_would_overwrite_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=rf"metadata keys \['{key}'\] are written by each reset"):
        RecorderWrapper(Fixed(PICTURE), tmp_path, metadata={key: 7, "player": "ann"})
    env = RecorderWrapper(Fixed(PICTURE), tmp_path)
    with pytest.raises(ValueError, match="are written by each reset"):
        env.annotate({key: 7})


def test_a_recorder_hides_no_attribute_of_gymnasium(tmp_path: Path) -> None:
    env = Fixed(PICTURE)
    for recorder in RECORDERS:
        assert recorder(env, tmp_path).metadata == env.metadata


@pytest.mark.parametrize("num_envs", [0, -1, 2.0, "2", True])
def test_a_vector_has_at_least_one_environment(num_envs: Any) -> None:
    with pytest.raises(ValueError, match=f"num_envs is {num_envs!r}; it must be a positive number"):
        gym.make_vec("vpt_gym/Harvest1Log-v0", num_envs=num_envs)


def test_a_vector_environment_is_not_made_of_more_worlds_than_memory_holds() -> None:
    with pytest.raises(ValueError, match="num_envs is 1000000000; one process takes at most 16,384 worlds"):
        gym.make_vec("vpt_gym/Harvest1Log-v0", num_envs=10**9)
    with pytest.raises(ValueError, match="env_fns is empty"):
        ThreadVectorEnv([])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"level": None}, "level is None; it must be 'default' or one of default, easy"),
        ({"level": "esay"}, r"level is 'esay' \(did you mean 'easy'\?\); the levels are"),
        ({"task": "harvest_1_logs"}, r"task is 'harvest_1_logs' \(did you mean 'harvest_1_log'\?\)"),
        ({"task": "Harvest_1_Log"}, r"\(did you mean 'harvest_1_log'\?\)"),
    ],
)
def test_levels_and_tasks_with_a_typing_error(kwargs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gym.make("vpt_gym/World-v0", **{"task": "harvest_1_log", **kwargs})


def test_a_recorder_around_a_resilient_env_that_records_is_refused(tmp_path: Path) -> None:
    """Recorders in the other process are found at any depth, and a recorder of another kind is none of them."""

    def recorded() -> gym.Env[Any, Any]:
        return TimeLimit(RecorderWrapper(FrameCounterEnv(), tmp_path / "inner"), 5)

    env = ResilientEnv(recorded)
    try:
        with pytest.raises(ValueError, match=f"a RecorderWrapper below records .* to {tmp_path / 'inner'}"):
            RecorderWrapper(env, tmp_path / "outer")
        both = VideoRecorderWrapper(env, tmp_path / "videos")
        assert [name for name, _ in both.recorders] == ["VideoRecorderWrapper", "RecorderWrapper"]
    finally:
        env.close()


def frame_brightness(videos: Any, texts: Any) -> Any:
    return videos.mean(axis=(1, 2, 3, 4))[:, None]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env, out: RecorderWrapper(env, out),
        lambda env, out: VideoRecorderWrapper(env, out),
        lambda env, out: ItemRewardWrapper(env, {"log": (1.0,)}),
        lambda env, out: MineCLIPReward(env, "chop a tree", mode="delta", scorer=frame_brightness),
        lambda env, out: EpisodeSeeds(env, range(3)),
    ],
    ids=["RecorderWrapper", "VideoRecorderWrapper", "ItemRewardWrapper", "MineCLIPReward", "EpisodeSeeds"],
)
def test_a_wrapper_that_must_see_each_reset_is_not_above_an_autoreset(
    wrap: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # a recorder recorded the first episode alone
    elsewhere = box(160, 256, 3)  # as a ResilientEnv shows an Autoreset in its process
    elsewhere.stands_for_wrappers, elsewhere.autoreset = True, False  # type: ignore[attr-defined]
    for inside in (TimeLimit(Autoreset(box(160, 256, 3)), 2), TimeLimit(elsewhere, 2)):
        with pytest.raises(ValueError, match=f"put Autoreset around {request.node.callspec.id}"):
            wrap(inside, tmp_path)
    assert wrap(box(160, 256, 3), tmp_path) is not None
