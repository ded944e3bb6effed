"""Environments with the old gym's interface; those of the real old gym are in tests/integration."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from vpt_gym import HumanActionWrapper, RecorderWrapper, VPTActionWrapper, VPTObsWrapper, as_gymnasium
from vpt_gym.actions.human import human_action, human_action_space
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.legacy_gym import LegacyGymEnv, convert_space


class OldEnv:
    """The interface of gym 0.21: a bare reset, four values from step, seed as a method."""

    observation_space = spaces.Dict({"pov": spaces.Box(0, 255, (36, 64, 3), np.uint8), "on": spaces.Discrete(2)})
    action_space = human_action_space()
    metadata = {"video.frames_per_second": 20}  # noqa: RUF012 (gym's own form)

    def __init__(self, limit: int = 3, ends: bool = False) -> None:
        self.limit, self.ends = limit, ends
        self.seeds: list[int] = []
        self.closed = False

    def seed(self, seed: int) -> None:
        self.seeds.append(seed)

    def reset(self) -> dict[str, Any]:
        self.tick = 0
        return self._look()

    def step(self, action: dict[str, Any]) -> tuple[dict[str, Any], int, bool, dict[str, Any]]:
        self.tick += 1
        done = self.tick == self.limit
        return self._look(), self.tick, done, {"TimeLimit.truncated": not self.ends} if done else {}

    def _look(self) -> dict[str, Any]:
        # a view with negative strides, and a bool where the space says Discrete, as MineDojo has them
        return {"pov": np.full((36, 64, 3), self.tick, np.uint8)[::-1], "on": np.array(True), "extra": "not declared"}

    def render(self, mode: str = "human") -> Any:
        return np.zeros((36, 64, 3), np.uint8) if mode == "rgb_array" else None

    def close(self) -> None:
        self.closed = True


class NewerEnv(OldEnv):
    """The interface of gym 0.26."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[int | None, dict[str, Any] | None]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        self.given.append((seed, options))
        return super().reset(), {}


class OldWrapper:
    """A wrapper of gym 0.21 to 0.25."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def __getattr__(self, name: str) -> Any:
        return getattr(self.env, name)

    def reset(self, **kwargs: Any) -> Any:
        return self.env.reset(**kwargs)


class SeedOfGym(OldEnv):
    """An environment with the method ``seed`` of gym 0.21 itself, which does nothing."""

    __module__ = "gym.core"

    def seed(self, seed: int) -> None:
        pass


class WithoutSeed(OldEnv):
    seed = None  # type: ignore[assignment]


def rollout(env: gym.Env) -> list[tuple[bool, bool]]:
    ends, (observation, _) = [], env.reset(seed=3)
    assert env.observation_space.contains(observation)
    while not ends or not any(ends[-1]):
        observation, reward, terminated, truncated, _ = env.step(human_action("forward"))
        assert env.observation_space.contains(observation)
        assert isinstance(reward, float)
        ends.append((terminated, truncated))
    return ends


def test_the_time_limit_truncates_and_all_else_terminates() -> None:
    assert rollout(as_gymnasium(OldEnv())) == [(False, False)] * 2 + [(False, True)]
    assert rollout(as_gymnasium(OldEnv(ends=True))) == [(False, False)] * 2 + [(True, False)]


def test_a_seed_is_passed_on_or_reported_as_ignored() -> None:
    old = OldEnv()
    env = as_gymnasium(old)
    assert env.reset(seed=5)[1]["reset"] == {"seed": "passed"}
    assert env.reset()[1]["reset"] == {"seed": None}
    assert old.seeds == [5]
    for deaf in (SeedOfGym(), WithoutSeed()):
        with pytest.warns(UserWarning, match="did not accept the seed 5"):
            assert as_gymnasium(deaf).reset(seed=5)[1]["reset"] == {"seed": "ignored"}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_reset_that_takes_a_seed_and_options_gets_them(wrapped: bool) -> None:
    newer, options = NewerEnv(), {"biome": "plains"}
    env = as_gymnasium(OldWrapper(newer) if wrapped else newer)
    assert env.reset(seed=5, options=options)[1]["reset"] == {"seed": "passed"}
    assert env.reset()[1]["reset"] == {"seed": None}
    assert newer.given == [(5, options), (None, None)]
    assert newer.seeds == []
    old = OldEnv()
    env = as_gymnasium(OldWrapper(old) if wrapped else old)
    assert env.reset(seed=5, options=options)[1]["reset"] == {"seed": "passed"}
    assert old.seeds == [5]


def test_it_renders_closes_and_has_a_frame_rate() -> None:
    old = OldEnv()
    env = as_gymnasium(old)
    env.reset()
    assert env.render().shape == (36, 64, 3)
    assert env.metadata == {"render_modes": ["rgb_array"], "render_fps": 20}
    env.close()
    assert old.closed


def test_every_wrapper_takes_an_old_environment_as_it_is(tmp_path: Any) -> None:
    env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(OldEnv(), tmp_path)))  # type: ignore[arg-type]
    env.reset(seed=1)
    frame, *_ = env.step(np.array([0, 60]))
    assert frame.shape == (128, 128, 3)
    env.close()
    (path,) = list_demos(tmp_path)
    assert len(read_demo(path).actions["forward"]) == 1
    assert HumanActionWrapper(OldEnv()).action_space == human_action_space()  # type: ignore[arg-type]


def test_a_gymnasium_environment_is_returned_as_it_is() -> None:
    env = gym.make("vpt_gym/Harvest1Log-v0", image_size=(64, 64))
    assert as_gymnasium(env) is env


class Sim(gym.Env):
    """What is odd in MineStudio's ``MinecraftSim``: a bare reset, sides declared swapped, and it empties actions."""

    def __init__(self, obs_size: tuple[int, int] = (224, 224)) -> None:
        self.obs_size, self.render_size, self.seed = obs_size, (640, 360), 0

    @property
    def action_space(self) -> spaces.Dict:
        return spaces.Dict(buttons=spaces.MultiDiscrete([8641]), camera=spaces.MultiDiscrete([121]))

    @property
    def observation_space(self) -> spaces.Dict:
        return spaces.Dict(image=spaces.Box(0, 255, (*self.obs_size, 3), np.uint8))

    def _look(self) -> dict[str, Any]:
        return {"image": np.full((*self.obs_size[::-1], 3), self.tick, np.uint8)}

    def reset(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self.tick = 0
        return self._look(), {}

    def step(self, action: dict[str, Any]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        assert (action.pop("buttons").shape, action.pop("camera").shape) == ((1,), (1,))
        self.tick += 1
        done = self.tick == 3
        return self._look(), 0.0, done, done, {}


@pytest.mark.filterwarnings("error:the frames")
@pytest.mark.parametrize("size", [(224, 224), (640, 360)])
@pytest.mark.parametrize("limited", [False, True], ids=["alone", "under a wrapper"])
def test_a_reset_without_seed_and_options_is_called_without_them(
    size: tuple[int, int], limited: bool, tmp_path: Any
) -> None:
    sim: gym.Env = Sim(size)
    env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(gym.wrappers.TimeLimit(sim, 9) if limited else sim, tmp_path)))
    with pytest.warns(UserWarning, match="takes no seed, so that 3 changes nothing"):
        env.reset(seed=3)
    frame, _ = env.reset(options={})
    assert frame.shape == (128, 128, 3)
    while not env.step(np.array([4320, 60]))[2]:
        pass
    env.close()
    (path,) = list_demos(tmp_path)
    assert read_demo(path).codes.tolist() == [[4320, 60]] * 3


def test_arguments_that_reset_takes_are_passed_on() -> None:
    class Seeded(Sim):
        def reset(self, seed: int | None = None) -> Any:  # type: ignore[override]
            return super().reset()[0], {"seed": seed}

    class Open(Sim):
        def reset(self, **arguments: Any) -> Any:
            return super().reset()[0], arguments

    assert as_gymnasium(Seeded()).reset(seed=4, options={"a": 1})[1] == {"seed": 4}
    assert as_gymnasium(Open()).reset(seed=4, options={"a": 1})[1] == {"seed": 4, "options": {"a": 1}}


def test_actions_that_an_environment_does_not_have_are_refused() -> None:
    human = gym.make("vpt_gym/Harvest1Log-v0", image_size=(64, 64))
    native = gym.make("vpt_gym/Harvest1Log-v0", image_size=(64, 64), actions="minedojo")
    assert as_gymnasium(native, actions="minedojo") is as_gymnasium(native) is native
    for env in (human, OldEnv()):
        with pytest.raises(ValueError, match=r"which only an environment of minedojo\.make can have"):
            as_gymnasium(env, actions="minedojo")
        with pytest.raises(ValueError, match="actions is 'codes'; it must be 'human' or 'minedojo'"):
            as_gymnasium(env, actions="codes")  # type: ignore[arg-type]


def test_other_objects_and_unknown_spaces_are_refused() -> None:
    with pytest.raises(TypeError, match="int is not an environment: 3"):
        as_gymnasium(3)
    with pytest.raises(TypeError, match="not an environment of the old gym"):
        LegacyGymEnv(gym.make("vpt_gym/Harvest1Log-v0", image_size=(64, 64)))
    with pytest.raises(ValueError, match="not a space of the old gym"):
        convert_space(range(3))


def old_space(kind: str, **attributes: Any) -> Any:
    """Returns a space of the old gym, which is recognised by the name of its class."""
    return type(kind, (), attributes)()


def test_each_old_space_keeps_its_values() -> None:
    assert convert_space(old_space("Discrete", n=3)) == spaces.Discrete(3)
    assert convert_space(old_space("Discrete", n=3, start=5)) == spaces.Discrete(3, start=5)  # since gym 0.22
    letters = frozenset("ab")
    for name in ("charset", "character_set"):  # gym 0.25, gym 0.26
        text = old_space("Text", min_length=0, max_length=4, shape=None, **{name: letters})
        assert convert_space(text) == spaces.Text(4, min_length=0, charset="ab")
    # gym 0.21 casts infinity to an integer
    smallest, largest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    for low in (0, smallest):
        bounds = {"low": np.full(2, low), "high": np.full(2, smallest), "shape": (2,), "dtype": np.int64}
        assert convert_space(old_space("Box", **bounds)) == spaces.Box(low, largest, (2,), np.int64)


class Parts(OldEnv):
    """An environment whose observation is a tuple of two parts, in types that the space does not declare."""

    observation_space = spaces.Tuple([spaces.MultiDiscrete([3, 4]), spaces.MultiBinary(2)])  # type: ignore[assignment]

    def _look(self) -> Any:
        return [2.0, 3.0], [True, False]


def test_an_observation_of_two_parts_is_no_pair_of_observation_and_info() -> None:
    env = LegacyGymEnv(Parts())
    observation, info = env.reset()
    assert observation in env.observation_space
    assert info == {"reset": {"seed": None}}
    assert env.step(None)[0] in env.observation_space


class ChosenMode(NewerEnv):
    """An environment of gym 0.26, which is made for one mode of rendering."""

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 12}  # noqa: RUF012

    def __init__(self, render_mode: str | None) -> None:
        super().__init__()
        self.render_mode = render_mode

    def render(self) -> Any:  # type: ignore[override]
        return None if self.render_mode is None else np.ones((36, 64, 3), np.uint8)


@pytest.mark.parametrize("mode", [None, "rgb_array"])
def test_an_environment_of_gym_026_renders_in_the_mode_that_it_was_made_for(mode: str | None) -> None:
    env = LegacyGymEnv(OldWrapper(ChosenMode(mode)))
    assert (env.render_mode, env.metadata["render_fps"]) == (mode, 12)
    picture = env.render()
    assert picture is None if mode is None else picture.all()


def test_an_environment_before_gym_026_renders_pictures() -> None:
    env = LegacyGymEnv(OldEnv())
    assert (env.render_mode, env.metadata) == ("rgb_array", {"render_modes": ["rgb_array"], "render_fps": 20})
    assert env.render().shape == (36, 64, 3)


def test_demos_name_the_old_environment(tmp_path: Any) -> None:
    named = OldEnv()
    named.spec = type("EnvSpec", (), {"id": "Old-v3"})()  # type: ignore[attr-defined]
    for env, name in ((OldWrapper(OldEnv()), "OldWrapper"), (named, "Old-v3 (gym)")):
        recorder = RecorderWrapper(env, tmp_path / name)
        recorder.reset()
        recorder.step(human_action())
        recorder.close()
        (path,) = list_demos(tmp_path / name)
        assert read_demo(path).metadata["env_id"] == name
