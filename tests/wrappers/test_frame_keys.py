"""Where the frame is: known names, nested keys, and environments that return it elsewhere than they declare."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym import RecorderWrapper, VPTObsWrapper
from vpt_gym.actions.human import human_action_space, no_op
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.frames import find_frame, find_frame_space
from vpt_gym.wrappers import FrameKeyWrapper, MineCLIPReward, VideoRecorderWrapper

PICTURE = spaces.Box(0, 255, (36, 64, 3), np.uint8)
NUMBER = spaces.Box(-1, 1, (2,), np.float32)


class Peer(gym.Env):
    """Returns a frame of one value, in the dictionaries that it is made with."""

    action_space = human_action_space()

    def __init__(self, declared: spaces.Space, returned: Any = None) -> None:
        self.observation_space = declared
        self.returned = returned or (lambda frame: frame)

    def _observe(self) -> Any:
        return self.returned(np.full((36, 64, 3), self.value, np.uint8))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.value = 10
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self.value += 10
        return self._observe(), 0.0, self.value == 40, False, {"success": True}


def nested(frame: Any) -> dict[str, Any]:
    return {"eyes": {"left": frame}, "speed": np.zeros(2, np.float32)}


NESTED = spaces.Dict(eyes=spaces.Dict(left=PICTURE), speed=NUMBER)


@pytest.mark.parametrize("name", ["img", "rgb", "pov", "image", "frame", "screen"])
def test_known_names_are_found_at_the_top_and_one_level_below(name: str) -> None:
    flat = Peer(spaces.Dict({name: PICTURE, "speed": NUMBER}), lambda frame: {name: frame, "speed": np.zeros(2)})
    below = Peer(spaces.Dict(obs=spaces.Dict({name: PICTURE})), lambda frame: {"obs": {name: frame}})
    for env in (flat, below):
        observation, _ = VPTObsWrapper(env).reset(seed=0)
        assert observation.shape == (128, 128, 3)
        assert (observation == 10).all()


@pytest.mark.parametrize("key", [("eyes", "left"), "eyes.left", "eyes/left"])
def test_a_key_may_name_a_nested_frame(key: Any, tmp_path: Any) -> None:
    with pytest.raises(ValueError, match=r"'eyes\.left', 'speed'"):
        VPTObsWrapper(Peer(NESTED, nested))
    env = VPTObsWrapper(Peer(NESTED, nested), key=key, keep=["speed"])
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert (observation["img"] == 10).all()
    recorder = RecorderWrapper(Peer(NESTED, nested), tmp_path, key=key, lossless=True)
    recorder.reset(seed=0)
    while not recorder.step(no_op())[2]:
        pass
    recorder.close()
    (demo,) = (read_demo(path) for path in list_demos(tmp_path))
    assert [int(frame[0, 0, 0]) for frame in demo.frames()] == [10, 20, 30]
    with pytest.raises(ValueError, match=r"key='eyes\.right' is not in the observation; it has the keys"):
        VPTObsWrapper(Peer(NESTED, nested), key="eyes.right")


def test_a_key_with_a_dot_in_its_name_comes_before_a_nested_one() -> None:
    space = spaces.Dict({"a.b": PICTURE, "a": spaces.Dict(b=NUMBER)})
    assert find_frame_space(space, "a.b").key == "a.b"
    frame = find_frame({"a.b": np.ones((4, 8, 3), np.uint8), "a": {"b": 0}}, "a.b")
    assert frame.shape == (4, 8, 3)


def test_two_nested_frames_need_a_key() -> None:
    with pytest.raises(ValueError, match="under several"):
        VPTObsWrapper(Peer(spaces.Dict(one=spaces.Dict(rgb=PICTURE), two=spaces.Dict(rgb=PICTURE))))


def test_a_frame_that_is_returned_elsewhere_than_declared_is_found_if_its_size_fits() -> None:
    """CraftGround 2.7 declares obs.image, and returns pov and rgb."""
    declared = spaces.Dict(obs=spaces.Dict(image=PICTURE))
    env = VPTObsWrapper(Peer(declared, lambda frame: {"pov": frame, "rgb": frame, "full": object()}))
    assert (env.reset(seed=0)[0] == 10).all()
    assert (env.step(no_op())[0] == 20).all()
    small = VPTObsWrapper(Peer(declared, lambda frame: {"rgb": frame[:18]}))
    with pytest.raises(ValueError, match=r"declares frames of \(36, 64\).*a frame of \(18, 64\)"):
        small.reset(seed=0)
    named = VPTObsWrapper(Peer(declared, lambda frame: {"rgb": frame}), key="obs.image")
    with pytest.raises(ValueError, match=r"key=.*is not in the observation"):
        named.reset(seed=0)


def test_the_first_frame_tells_the_sides_where_they_may_be_declared_the_wrong_way_round() -> None:
    """Craftium declares (width, height, 3), and returns (height, width, 3)."""
    tall = spaces.Box(0, 255, (64, 36, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert VPTObsWrapper(Peer(tall)).reset(seed=0)[0].shape == (128, 128, 3)
    env = VPTObsWrapper(Peer(tall, lambda frame: frame.swapaxes(0, 1)))
    with pytest.warns(UserWarning, match="36x64.*see these frames distorted"):
        env.reset(seed=0)


def test_a_reward_of_frames_finds_them_where_craftground_returns_them() -> None:
    declared = spaces.Dict(obs=spaces.Dict(image=PICTURE))
    arguments: dict[str, Any] = {
        "mode": "delta",
        "scorer": lambda videos, texts: np.zeros((len(videos), 1)),
        "key": "rgb",
    }
    with pytest.warns(UserWarning, match="must be enlarged"):
        env = MineCLIPReward(Peer(declared, lambda frame: {"pov": frame, "rgb": frame}), "light", **arguments)
    env.reset(seed=0)
    assert env.step(no_op())[1] == 0.0


gym.register("frame_keys/Nested-v0", lambda: Peer(NESTED, nested), max_episode_steps=9)


def test_the_key_of_the_command_line_serves_recording_playing_and_training() -> None:
    args = EnvArgs("frame_keys/Nested-v0", key="eyes.left")
    base = args.base()
    observation, _ = base.reset(seed=0)
    assert base.observation_space.contains(observation)
    assert (find_frame(observation) == 10).all()
    env = args.make()
    assert (env.reset(seed=0)[0] == 10).all()
    assert isinstance(FrameKeyWrapper(Peer(NESTED, nested), ("eyes", "left")).observation_space, spaces.Dict)
    with pytest.raises(ValueError, match="not in the observation"):
        EnvArgs("frame_keys/Nested-v0", key="nose").base()


def test_a_key_of_a_dictionary_is_no_frame() -> None:
    with pytest.raises(ValueError, match=r"under key='eyes' is a dictionary with the keys \['left', 'right'\]"):
        find_frame({"eyes": {"left": PICTURE.sample(), "right": PICTURE.sample()}}, "eyes")


@pytest.mark.parametrize("key", [3, 3.5, True, b"img", {"img"}, ("img", 3), [["img"]], np.array(["img"])], ids=repr)
@pytest.mark.parametrize("space", [PICTURE, spaces.Dict({"img": PICTURE})], ids=["array", "dict"])
def test_a_key_that_is_no_text_is_named_wherever_it_is_given(key: Any, space: spaces.Space, tmp_path: Any) -> None:
    for refused in (
        lambda: find_frame(space.sample(), key=key),
        lambda: find_frame_space(space, key),
        lambda: VPTObsWrapper(Peer(space), key=key),
        lambda: RecorderWrapper(Peer(space), tmp_path, key=key),
        lambda: VideoRecorderWrapper(Peer(space), tmp_path, key=key),
        lambda: FrameKeyWrapper(Peer(space), key=key),
        lambda: MineCLIPReward(Peer(space), "chop a tree", "delta", scorer=lambda frames: 0.0, key=key),
    ):
        with pytest.raises(TypeError, match=r"key is .*; it must be a text, or a tuple of texts"):
            refused()


@pytest.mark.parametrize("key", ["", (), ("img", "")])
def test_an_empty_key_names_nothing(key: Any) -> None:
    with pytest.raises(ValueError, match="which names nothing"):
        find_frame({"img": np.zeros((36, 64, 3), np.uint8)}, key=key)


@pytest.mark.parametrize("keep", [3, None, [3], b"img"])
def test_keys_to_keep_that_are_no_texts(keep: Any) -> None:
    with pytest.raises(TypeError, match=r"keep is .*; it must be a sequence of keys"):
        VPTObsWrapper(Peer(spaces.Dict({"img": PICTURE})), keep=keep)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"key": 3}, "env key is 3"),
        ({"key": ""}, "env key is ''"),
        ({"kwargs": {"level": "easy"}}, "env kwargs are {'level': 'easy'}; they must be JSON"),
        ({"id": 3}, "env id is 3"),
    ],
)
def test_options_of_the_environment_that_are_no_texts(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        EnvArgs(**wrong)
