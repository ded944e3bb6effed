"""VPTActionWrapper and HumanActionWrapper on each dialect."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from tests.support.frame_counter_env import FrameCounterEnv
from tests.support.view_env import DIALECTS, ViewEnv
from vpt_gym import HumanActionWrapper, RecorderWrapper, VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.codec import NULL_CODE, canonical, decode, encode
from vpt_gym.actions.human import HumanAction, human_action, human_action_space, is_checked, no_op
from vpt_gym.actions.minerl import MineRLTranslator
from vpt_gym.actions.translate import Coverage, Translator
from vpt_gym.demos import list_demos, read_demo

pytestmark = pytest.mark.filterwarnings("ignore:(VPT|Human)ActionWrapper. MineDojo:UserWarning")
COMPLETE = ("human", "craftground")


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version.*")
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("wrapper", [VPTActionWrapper, HumanActionWrapper])
def test_wrappers_pass_the_env_checker(wrapper: type[gym.Wrapper], dialect: str) -> None:
    check_env(wrapper(ViewEnv(dialect, render_mode="rgb_array")))


def test_action_spaces() -> None:
    codes = VPTActionWrapper(ViewEnv()).action_space
    assert codes == spaces.MultiDiscrete([8641, 121])
    assert codes.dtype == np.int64
    assert HumanActionWrapper(ViewEnv("minedojo")).action_space == human_action_space()


@pytest.mark.parametrize("code", [(0, 60), (8640, 60), (1, 0), (4321, 77)])
def test_a_code_reaches_the_env_as_its_human_action(code: tuple[int, int]) -> None:
    env = VPTActionWrapper(ViewEnv("human"))
    env.reset(seed=0)
    info = env.step(np.array(code))[4]
    expected = decode(code)
    assert {name: value for name, value in env.unwrapped.taken.items() if name != "camera"} == {
        name: value for name, value in expected.items() if name != "camera"
    }
    assert np.array_equal(env.unwrapped.taken["camera"], expected["camera"])
    assert info == {}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_same_keys_in_every_dialect(dialect: str) -> None:
    env = VPTActionWrapper(ViewEnv(dialect))
    env.reset(seed=0)
    code = encode(human_action("attack", "forward", "sprint", camera=(0, 10)))
    _, reward, _, _, _ = env.step(code)
    assert reward == 1
    assert env.unwrapped.yaw == (15 if dialect == "minedojo" else 10)
    assert env.reverse_action(env.unwrapped.taken).tolist() == code.tolist()


def test_info_reports_what_a_tick_could_not_express() -> None:
    env = VPTActionWrapper(ViewEnv("minedojo"))
    env.reset(seed=0)
    info = env.step(encode(human_action("attack", "use", camera=(0, 10))))[4]
    assert info == {"translation": {"dropped": ("use",), "camera_residual": (0.0, pytest.approx(-5))}}
    # the 5 degrees too many are made up for by the next movement
    info = env.step(encode(human_action("attack", camera=(0, -10))))[4]
    assert env.unwrapped.yaw == 0
    assert info == {}


def test_info_is_not_shared_between_ticks() -> None:
    env = HumanActionWrapper(ViewEnv("native"))
    env.reset(seed=0)
    first = env.step(human_action("ESC"))[4]
    env.step(human_action("inventory"))
    assert first["translation"] == {"dropped": ("ESC",)}


def test_observation_given_as_info_is_left_alone() -> None:
    class Same(ViewEnv):  # CraftGround gives the observation as info
        def step(self, action: Any) -> Any:
            observation, reward, terminated, truncated, _ = super().step(action)
            return observation, reward, terminated, truncated, observation

    env = HumanActionWrapper(Same("native"))
    env.reset(seed=0)
    observation, _, _, _, info = env.step(human_action("ESC"))
    assert "translation" in info
    assert "translation" not in observation


def test_extra_ticks_are_passed_on() -> None:
    env = VPTActionWrapper(ViewEnv("minedojo"))
    env.reset(seed=0)
    assert env.step(encode(human_action("drop")))[4] == {"ticks": 3}


def test_an_episode_that_an_autoreset_inside_begins_has_no_camera_of_the_one_before() -> None:
    inner = ViewEnv("minedojo", length=3)
    env = HumanActionWrapper(gym.wrappers.Autoreset(inner))
    turn = human_action(camera=(0.0, 5.0))  # a third of a bin
    fresh, taken = HumanActionWrapper(ViewEnv("minedojo")), []
    fresh.reset(seed=0)
    for _ in range(3):
        fresh.step(turn)
        taken.append(fresh.unwrapped.taken[4])
    env.reset(seed=0)
    for _ in range(2):
        episode = []
        for _ in range(3):
            *_, terminated, _, _ = env.step(turn)
            episode.append(inner.taken[4])
        assert terminated
        assert episode == taken
        env.step(turn)  # Autoreset resets here, and leaves the action out


@pytest.mark.parametrize("hidden", [False, True], ids=["bare", "below_VPTObsWrapper"])
def test_view_keeps_to_half_a_bin_at_the_poles(hidden: bool) -> None:
    """The translator sees the pitch, also where VPTObsWrapper stands between it and the environment."""
    env: gym.Env = ViewEnv("minedojo")
    env = VPTActionWrapper(gym.wrappers.TimeLimit(VPTObsWrapper(env), 900) if hidden else env)
    env.reset(seed=5)
    rng, wanted = np.random.default_rng(0), env.unwrapped.pitch
    for tick in range(300):
        code = canonical((1, 11 * rng.integers(0, 11) + 5) if tick // 30 % 2 else (1, 11 * 9 + 5))
        env.step(code)
        wanted = min(max(wanted + float(decode(code)["camera"][0]), -90.0), 90.0)
        assert abs(wanted - env.unwrapped.pitch) <= 7.5 + 1e-3


def test_reset_resets_the_translator() -> None:
    env = VPTActionWrapper(ViewEnv("minedojo"))
    env.reset(seed=0)
    env.step(encode(human_action(camera=(0, 5.8))))
    env.reset(seed=0)
    assert env.step(encode(human_action(camera=(0, 3.2))))[4]["translation"]["camera_residual"][1] == pytest.approx(
        3.215, abs=1e-3
    )
    assert env.unwrapped.yaw == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("wrapper", [VPTActionWrapper, HumanActionWrapper])
def test_warns_once_with_coverage_where_something_is_lost(wrapper: type[gym.Wrapper], dialect: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env = wrapper(ViewEnv(dialect))
        env.reset(seed=0)
        env.step(env.action_space.sample())
    assert len(caught) == (0 if dialect in COMPLETE else 1)
    for warning in caught:
        assert str(env.translator.coverage()) in str(warning.message)
        assert warning.filename == __file__


@pytest.mark.parametrize("dialect", DIALECTS)
def test_strict_raises_where_something_is_lost(dialect: str) -> None:
    if dialect in COMPLETE:
        VPTActionWrapper(ViewEnv(dialect), strict=True)
    else:
        with pytest.raises(ValueError, match=r"strict=True, but MineDojo.*keeps"):
            VPTActionWrapper(ViewEnv(dialect), strict=True)


def test_stock_bins_are_warned_of_with_the_remedy() -> None:
    with pytest.warns(UserWarning, match=r"cam_interval=0\.15"):
        VPTActionWrapper(ViewEnv("minedojo", cam_interval=15))


# -- a translator of one's own


class TwoKeys(Translator):
    """For an environment of Discrete(3): nothing, forward, attack."""

    def __init__(self) -> None:
        self.action_space = spaces.Discrete(3)
        self.reset()

    def to_env(self, human: HumanAction) -> int:
        self.unexpressed = {"dropped": ("jump",)} if human["jump"] else {}
        return 2 if human["attack"] else int(human["forward"])

    def to_human(self, env_action: int) -> HumanAction:
        return human_action(*((), ("forward",), ("attack",))[env_action])

    def coverage(self) -> Coverage:
        return Coverage("two keys", 6, 8000, 635, 0, 1, 120)


class SmallEnv(gym.Env):
    observation_space, action_space = spaces.Box(0, 255, (36, 64, 3), np.uint8), spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return np.zeros((36, 64, 3), np.uint8), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros((36, 64, 3), np.uint8), float(action), False, False, {}


def test_a_custom_translator() -> None:
    with pytest.raises(ValueError, match=r"Discrete\(3\).*(?s:.*)translator="):
        VPTActionWrapper(SmallEnv())
    with pytest.warns(UserWarning, match="two keys keeps 6 of"):
        env = VPTActionWrapper(SmallEnv(), translator=TwoKeys())
    env.reset()
    _, reward, _, _, info = env.step(encode(human_action("attack", "jump")))
    assert (reward, info) == (2, {"translation": {"dropped": ("jump",)}})
    assert env.reverse_action(1).tolist() == encode(human_action("forward")).tolist()


def test_translator_for_another_space_is_refused() -> None:
    with pytest.raises(ValueError, match=r"for the action space.*Discrete\(3\)"):
        VPTActionWrapper(SmallEnv(), translator=MineRLTranslator())
    with pytest.raises(TypeError, match="'auto' or a"):
        VPTActionWrapper(ViewEnv(), translator="minedojo")  # type: ignore[arg-type]


class LagsBehind(TwoKeys):
    """Remembers how many actions of its episode it has seen."""

    def reset(self) -> None:
        super().reset()
        self.seen = 0

    def to_env(self, human: Any) -> Any:
        self.seen += 1
        return super().to_env(human)


@pytest.mark.filterwarnings("ignore:(VPT|Human)ActionWrapper. two keys:UserWarning")
def test_environments_of_one_spec_have_a_translator_each() -> None:
    gym.register("tests/Small-v0", SmallEnv, disable_env_checker=True)
    try:
        mine = LagsBehind()
        spec = VPTActionWrapper(gym.make("tests/Small-v0"), translator=mine).spec
        assert spec is not None
        first, second = gym.make(spec), gym.make(spec)
        for env in (first, second):
            env.reset()
        first.step(np.array(NULL_CODE))
        assert [env.get_wrapper_attr("translator").seen for env in (first, second)] == [1, 0]
        again = VPTActionWrapper(SmallEnv(), translator=mine)
        assert again.translator is not mine
        assert HumanActionWrapper(SmallEnv(), translator=again.translator).translator is not again.translator
    finally:
        del gym.registry["tests/Small-v0"]


# -- bad input


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ((8641, 60), "buttons id"),
        ((0, 121), "camera id"),
        ((-1, 60), "buttons id"),
        ((0.0, 60.0), "integers"),
        ((0, 60, 0), "shape"),
        (60, "last axis"),
        ([[0, 60]], r"shape \(2,\)"),
        (no_op(), "integers"),
    ],
)
def test_what_is_no_code_is_refused(code: Any, message: str) -> None:
    env = VPTActionWrapper(ViewEnv())
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(code)


def test_codes_of_any_integer_type_are_taken() -> None:
    env = VPTActionWrapper(ViewEnv())
    env.reset(seed=0)
    for code in (NULL_CODE, list(NULL_CODE), np.array(NULL_CODE, np.int32), np.array(NULL_CODE, np.uint16)):
        assert env.step(code)[4] == {}


def test_what_is_no_human_action_is_refused() -> None:
    env = HumanActionWrapper(ViewEnv("minedojo"))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'forward' is 2"):
        env.step({**no_op(), "forward": 2})
    with pytest.raises(ValueError, match="camera"):
        env.step({**no_op(), "camera": np.array([0.0, 181.0])})


class _Listening(gym.ActionWrapper):
    """Keeps the last action."""

    def action(self, action: HumanAction) -> HumanAction:
        self.taken = action
        return action


@pytest.mark.parametrize("wrapper", [VPTActionWrapper, HumanActionWrapper])
def test_an_action_that_a_wrapper_checked_is_not_checked_below_it(wrapper: type[gym.Wrapper], tmp_path: Path) -> None:
    listening = _Listening(FrameCounterEnv())
    env = wrapper(RecorderWrapper(listening, tmp_path))
    env.reset(seed=0)
    env.step(NULL_CODE if wrapper is VPTActionWrapper else no_op())
    assert is_checked(listening.taken)
    env.close()


class _Held(gym.ActionWrapper):
    """Sets one key of each action, in place."""

    def __init__(self, env: gym.Env, key: str, value: Any) -> None:
        super().__init__(env)
        self.key, self.value = key, value

    def action(self, action: HumanAction) -> HumanAction:
        action[self.key] = self.value
        return action


def test_a_wrapper_between_may_change_the_action_and_its_errors_are_found() -> None:
    def make(key: str, value: Any) -> gym.Env:
        return VPTActionWrapper(_Held(gym.make("vpt_gym/Harvest1Log-v0", image_size=(32, 64)), key, value))

    env = make("forward", 1)
    env.reset(seed=0)
    env.step(NULL_CODE)
    for key, value in (("forward", 2), ("run", 1), ("camera", np.array([0.0, 181.0]))):
        env = make(key, value)
        env.reset(seed=0)
        with pytest.raises(ValueError, match=key):
            env.step(NULL_CODE)


def test_what_an_env_does_to_its_action_is_not_recorded(tmp_path: Path) -> None:
    env = VPTActionWrapper(RecorderWrapper(_Held(FrameCounterEnv(), "forward", 1), tmp_path))
    env.reset(seed=0)
    env.step(encode(human_action("jump", camera=(0.0, 10.0))))
    env.close()
    (demo,) = (read_demo(path) for path in list_demos(tmp_path))
    assert (demo.actions["jump"].tolist(), demo.actions["forward"].tolist()) == ([1], [0])


def test_reverse_action_gives_the_human_action() -> None:
    env = HumanActionWrapper(ViewEnv("minedojo"))
    human = env.reverse_action(np.array([1, 0, 1, 13, 12, 3, 0, 0]))
    assert {name for name, value in human.items() if name != "camera" and value} == {"attack", "forward", "jump"}
    assert human["camera"].tolist() == [15, 0]
    with pytest.raises(ValueError, match="no key"):
        env.reverse_action(np.array([0, 0, 0, 12, 12, 4, 0, 0]))


@pytest.mark.parametrize("wrapper", [VPTActionWrapper, HumanActionWrapper])
def test_what_is_no_environment_is_refused(wrapper: type[gym.Wrapper]) -> None:
    class NoSpaces:
        def reset(self) -> None: ...
        def step(self, action: Any) -> None: ...

    with pytest.raises(TypeError, match=rf"{wrapper.__name__} needs a gymnasium.Env, got NoSpaces"):
        wrapper(NoSpaces())  # type: ignore[arg-type]


class NarrowCamera(ViewEnv):
    """The human action, with a camera of at most 5 degrees per tick."""

    def __init__(self) -> None:
        super().__init__("human")
        self.action_space = spaces.Dict({**self.action_space.spaces, "camera": spaces.Box(-5, 5, (2,), np.float32)})


def test_a_camera_beyond_the_bounds_of_the_env_is_clipped_warned_about_and_reported() -> None:
    with pytest.warns(UserWarning, match="49 of its 121 camera codes.*clipped") as caught:
        env = VPTActionWrapper(NarrowCamera())
    assert len(caught) == 1
    env.reset(seed=0)
    info = env.step(encode(human_action(camera=(-10, 10))))[4]
    assert env.unwrapped.taken["camera"].tolist() == [-5, 5]
    assert env.unwrapped.action_space.contains(env.unwrapped.taken)
    assert info["translation"] == {"camera_lost": (-5.0, 5.0)}
    assert "translation" not in env.step(encode(human_action(camera=(0, 1.61))))[4]
    with pytest.raises(ValueError, match=r"strict=True, but .*49 of its 121 camera codes"):
        VPTActionWrapper(NarrowCamera(), strict=True)
