"""Finding the frame, scaling it, and VPTObsWrapper."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from tests.support.view_env import ViewEnv
from vpt_gym import VPTObsWrapper
from vpt_gym.frames import find_frame, find_frame_space, to_size

RNG = np.random.default_rng(0)
HWC = RNG.integers(0, 256, (36, 64, 3), np.uint8)
CHW = np.ascontiguousarray(HWC.transpose(2, 0, 1))


def box(*shape: int, dtype: Any = np.uint8) -> spaces.Box:
    return spaces.Box(0, 255, shape, dtype)


class FixedEnv(gym.Env):
    """Gives one observation for ever."""

    action_space = spaces.Discrete(2)

    def __init__(self, observation_space: spaces.Space, observation: Any = None) -> None:
        self.observation_space, self._given = observation_space, observation

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._given, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._given, 0.0, False, False, {}


# -- find_frame


@pytest.mark.parametrize(
    "observation",
    [
        HWC,
        CHW,
        {"rgb": CHW},
        {"pov": HWC},
        {"image": HWC, "other": 3},
        {"img": HWC},
        {"img": HWC, "rgb": np.zeros((3, 8, 8), np.uint8)},  # what VPTObsWrapper gives beside a kept original
    ],
)
def test_frame_is_found(observation: Any) -> None:
    frame = find_frame(observation)
    assert np.array_equal(frame, HWC)
    assert any(np.shares_memory(frame, array) for array in (HWC, CHW))


def test_frame_under_another_key() -> None:
    assert np.array_equal(find_frame({"rgb": CHW[:, ::2], "camera_0": CHW}, key="camera_0"), HWC)


def test_leading_axes_are_kept() -> None:
    assert find_frame(np.zeros((5, 3, 36, 64), np.uint8)).shape == (5, 36, 64, 3)
    assert find_frame({"pov": np.zeros((2, 7, 36, 64, 3), np.uint8)}).shape == (2, 7, 36, 64, 3)


def test_ambiguous_layout_is_an_error_unless_it_is_passed() -> None:
    frame = np.zeros((3, 8, 3), np.uint8)
    with pytest.raises(ValueError, match=r"\(3, 8, 3\).*layout='HWC' or 'CHW'"):
        find_frame(frame)
    assert find_frame(frame, layout="CHW").shape == (8, 3, 3)
    assert find_frame(frame, layout="HWC").shape == (3, 8, 3)


@pytest.mark.parametrize(
    ("observation", "options", "error", "message"),
    [
        ({"depth": HWC, "audio": 1}, {}, ValueError, r"\['audio', 'depth'\].*key="),
        ({"rgb": CHW}, {"key": "pov"}, ValueError, r"key='pov' is not in.*\['rgb'\]"),
        (HWC, {"key": "rgb"}, ValueError, "not a mapping"),
        (HWC.astype(np.float32), {}, TypeError, "uint8 in 0..255, got float32"),
        (HWC[..., :1], {}, ValueError, "neither"),
        (HWC[0], {}, ValueError, "neither"),
        (HWC[:0], {}, ValueError, "neither"),
        (HWC, {"layout": "WHC"}, ValueError, "layout='WHC'"),
        (HWC, {"layout": "CHW"}, ValueError, "does not fit"),
    ],
)
def test_what_is_no_frame_is_refused(observation: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        find_frame(observation, **options)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Dict(rgb=box(3, 144, 256)), ("rgb", "CHW", (144, 256))),
        (spaces.Dict(pov=box(360, 640, 3), inventory=spaces.Discrete(3)), ("pov", "HWC", (360, 640))),
        (box(144, 256, 3), (None, "HWC", (144, 256))),
    ],
)
def test_frame_is_found_in_a_space(space: spaces.Space, expected: tuple) -> None:
    assert find_frame_space(space) == expected


@pytest.mark.parametrize(
    ("space", "key", "error", "message"),
    [
        (spaces.Dict(depth=box(3, 8, 8)), None, ValueError, "key="),
        (spaces.Dict(rgb=box(3, 8, 8)), "pov", ValueError, "'pov'"),
        (box(3, 8, 8), "rgb", ValueError, "not a Dict"),
        (spaces.Dict(image=spaces.Discrete(4)), None, ValueError, "under 'image' is Discrete"),
        (spaces.Discrete(4), None, ValueError, "the observation space is Discrete"),
        (box(4, 3, 8, 8), None, ValueError, "one frame per tick"),
        (box(8, 8, 3, dtype=np.float32), None, TypeError, "float32"),
        (box(3, 8, 3), None, ValueError, "layout"),
    ],
)
def test_space_without_a_frame_is_refused(
    space: spaces.Space, key: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        find_frame_space(space, key)


# -- to_size


@pytest.mark.parametrize("size", [(128, 128), (20, 100)])
def test_scaling_is_opencv_linear(size: tuple[int, int]) -> None:
    scaled = to_size(HWC, size)
    assert np.array_equal(scaled, cv2.resize(HWC, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))
    assert scaled.flags["C_CONTIGUOUS"]
    assert (scaled.dtype, scaled.shape) == (np.uint8, (*size, 3))


def test_scaling_known_values() -> None:
    """Linear between pixel centres, rounded; nothing is averaged when shrinking."""
    ramp = np.repeat(np.array([0, 100, 200, 40], np.uint8)[None, :, None], 3, axis=2)
    assert to_size(ramp, (1, 8))[0, :, 0].tolist() == [0, 25, 75, 125, 175, 160, 80, 40]
    assert to_size(np.repeat(ramp, 2, axis=0), (2, 2))[0, :, 0].tolist() == [50, 120]


@pytest.mark.parametrize("frame", [HWC[::-1], HWC[:, ::-1], HWC[..., ::-1], CHW[:, ::-1].transpose(1, 2, 0), HWC[::2]])
def test_any_strides(frame: np.ndarray) -> None:
    assert np.array_equal(to_size(frame), to_size(frame.copy()))


def test_same_size_is_a_copy() -> None:
    frame = RNG.integers(0, 256, (128, 128, 3), np.uint8)
    same = to_size(frame[:, ::-1])
    assert np.array_equal(same, frame[:, ::-1])
    assert same.flags["C_CONTIGUOUS"]
    assert not np.shares_memory(to_size(frame), frame)


@pytest.mark.parametrize(
    ("frame", "error"),
    [(CHW, ValueError), (HWC[0], ValueError), (HWC[:0], ValueError), (HWC / 255, TypeError)],
)
def test_to_size_refuses_other_arrays(frame: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error):
        to_size(frame)


# -- the wrapper


def test_wrapper_gives_the_frame() -> None:
    env = VPTObsWrapper(ViewEnv())
    assert env.observation_space == box(128, 128, 3)
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    assert observation.flags["C_CONTIGUOUS"]
    assert (observation[0] == 255).all()  # right side up
    assert observation[-1, 0].tolist() == [round(env.unwrapped.pitch + 90), 0, 0]
    assert env.step(env.action_space.sample())[0][-1, 0, 2] == 1


def test_wrapper_keeps_what_is_named() -> None:
    env = VPTObsWrapper(ViewEnv(), size=(64, 48), keep=("location_stats", "rgb"))
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    assert observation["img"].shape == (64, 48, 3)
    assert observation["location_stats"]["pitch"] == pytest.approx(env.unwrapped.pitch)
    assert observation["rgb"].shape == (3, 36, 64)
    assert env.source_observation["location_stats"] is observation["location_stats"]


def test_wrapper_twice() -> None:
    env = VPTObsWrapper(VPTObsWrapper(ViewEnv(image_size=(90, 160)), size=(45, 80)))
    assert env.reset(seed=0)[0].shape == (128, 128, 3)


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version.*")
class MineRLTask:
    """The settings of MineRL 1.0's ``HumanSurvival``, which its environments have as ``task``."""

    resolution, fov_range, gamma_range = [640, 360], [70.0, 70.0], [2, 2]
    guiscale_range, cursor_size_range = [1, 1], [16.0, 16.0]


def test_other_settings_of_minerl_than_in_the_training_are_named() -> None:
    env = FixedEnv(box(360, 640, 3))
    env.task = task = MineRLTask()  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VPTObsWrapper(env)
        env.task = type("Task", (), {"resolution": (64, 64)})()  # type: ignore[attr-defined] # of another game
        VPTObsWrapper(env)
    env.task = task  # type: ignore[attr-defined]
    task.fov_range, task.gamma_range = [90, 90], [1.0, 2.0]
    wanted = r"has fov_range=\[90, 90\], gamma_range=\[1.0, 2.0\].* with fov_range=\[70, 70\], gamma_range=\[2, 2\]"
    with pytest.warns(UserWarning, match=wanted) as caught:
        VPTObsWrapper(gym.wrappers.TimeLimit(env, 5))
    assert (len(caught), caught[0].filename) == (1, __file__)


@pytest.mark.parametrize("keys", [map(str, ["location_stats"]), {"location_stats": 0}.keys()], ids=["map", "keys"])
def test_keys_to_keep_are_read_once(keys: Any) -> None:
    env = VPTObsWrapper(ViewEnv(), keep=keys)
    assert set(env.observation_space) == set(env.reset()[0]) == {"img", "location_stats"}
    assert env.spec is None or env.spec.additional_wrappers[-1].kwargs["keep"] == ("location_stats",)


@pytest.mark.parametrize("keep", [(), ("location_stats",)])
def test_wrapper_passes_the_env_checker(keep: tuple[str, ...]) -> None:
    check_env(VPTObsWrapper(ViewEnv(render_mode="rgb_array"), keep=keep))


@pytest.mark.parametrize("size", [(144, 256), (160, 256), (360, 640), (128, 228)])
def test_near_16_to_9_no_warning(size: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VPTObsWrapper(FixedEnv(box(3, *size)))


@pytest.mark.parametrize("size", [(128, 128), (160, 210), (144, 300)])
def test_other_aspect_ratios_warn_and_name_the_remedy(size: tuple[int, int]) -> None:
    with pytest.warns(UserWarning, match=rf"{size[1]}x{size[0]}.*16:9.*image_size=\(144, 256\)") as caught:
        VPTObsWrapper(FixedEnv(box(3, *size)))
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 128)}, "size="),
        ({"size": (128,)}, "size="),
        ({"size": (12.5, 128)}, "size="),
        ({"keep": "rgb"}, r"keep=\['rgb'\]"),
        ({"keep": ("inventory",)}, r"lacks.*\['location_stats', 'rgb'\]"),
        ({"keep": ("img",)}, "must not name 'img'"),
        ({"key": "pov"}, "'pov'"),
        ({"key": "location_stats"}, "key="),
    ],
)
def test_bad_arguments_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    env = ViewEnv()
    if options.get("keep") == ("img",):
        env = FixedEnv(spaces.Dict(img=box(36, 64, 3)))
    with pytest.raises(ValueError, match=message):
        VPTObsWrapper(env, **options)


def test_keep_needs_a_dict() -> None:
    with pytest.raises(ValueError, match="needs a Dict"):
        VPTObsWrapper(FixedEnv(box(36, 64, 3)), keep=("rgb",))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (gym.vector.SyncVectorEnv([ViewEnv]), "wraps one environment, got a vector of 1"),
        ("vpt_gym/Harvest1Log-v0", "got str"),
    ],
)
def test_what_is_no_gymnasium_env_is_refused(env: Any, message: str) -> None:
    with pytest.raises(TypeError, match=rf"VPTObsWrapper.*{message}|{message}"):
        VPTObsWrapper(env)


def test_importing_the_package_loads_neither_opencv_nor_torch() -> None:
    code = (
        "import sys, vpt_gym, vpt_gym.wrappers; dir(vpt_gym.wrappers);"
        "sys.exit(', '.join({'cv2', 'torch', 'av'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
