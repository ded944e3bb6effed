"""The wrappers among Gymnasium's own: above and below, in vectors, and through specs."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import registry
from gymnasium.wrappers import RecordEpisodeStatistics, RecordVideo, TimeLimit

import vpt_gym.wrappers
from tests.support.view_env import DIALECTS, ViewEnv
from vpt_gym import HumanActionWrapper, VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.codec import encode
from vpt_gym.actions.human import human_action

pytestmark = pytest.mark.filterwarnings("ignore:(VPT|Human)ActionWrapper. MineDojo:UserWarning")

ATTACK = encode(human_action("attack"))
ID = "vpt_gym_tests/View-v0"


@pytest.fixture
def registered() -> Any:
    gym.register(ID, entry_point="tests.support.view_env:ViewEnv", max_episode_steps=7)
    yield
    del registry[ID]


def wrapped(env: gym.Env) -> gym.Env:
    return VPTActionWrapper(VPTObsWrapper(env))


@pytest.mark.parametrize(
    "build",
    [
        lambda env: wrapped(TimeLimit(RecordEpisodeStatistics(env), 5)),
        lambda env: TimeLimit(RecordEpisodeStatistics(wrapped(env)), 5),
        lambda env: RecordEpisodeStatistics(VPTObsWrapper(TimeLimit(VPTActionWrapper(env), 5))),
    ],
    ids=["below", "above", "between"],
)
def test_time_limit_and_statistics(build: Any) -> None:
    env = build(ViewEnv())
    for episode in range(2):
        env.reset(seed=episode)
        ends = [env.step(ATTACK)[2:] for _ in range(5)]
        assert [truncated for _, truncated, _ in ends] == [False] * 4 + [True]
        assert not any(terminated for terminated, _, _ in ends)
    if "episode" in ends[-1][2]:
        assert (ends[-1][2]["episode"]["r"], ends[-1][2]["episode"]["l"]) == (5, 5)
    assert env.get_wrapper_attr("translator").unexpressed == {}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("above", [True, False])
def test_record_video(tmp_path: Path, above: bool) -> None:
    env: gym.Env = ViewEnv(render_mode="rgb_array", length=6)
    options = {"video_folder": str(tmp_path), "episode_trigger": lambda episode: True, "disable_logger": True}
    env = RecordVideo(wrapped(env), **options) if above else wrapped(RecordVideo(env, **options))
    env.reset(seed=0)
    while not env.step(ATTACK)[2]:
        pass
    env.close()
    (video,) = tmp_path.glob("*.mp4")
    assert video.stat().st_size > 500


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sync_vector_env(dialect: str) -> None:
    venv = gym.vector.SyncVectorEnv([lambda: wrapped(ViewEnv(dialect, length=3)) for _ in range(2)])
    assert venv.single_action_space == gym.spaces.MultiDiscrete([8641, 121])
    observations, _ = venv.reset(seed=0)
    assert (observations.shape, observations.dtype) == ((2, 128, 128, 3), np.uint8)
    lossy = encode(human_action("attack", "use", camera=(0, 10)))
    for _ in range(5):  # over the end of an episode
        _, rewards, _, _, infos = venv.step(np.stack([lossy, ATTACK]))
    assert rewards.tolist() == [1, 1]
    if dialect == "minedojo":
        assert infos["translation"]["_dropped"].tolist() == [True, False]
        assert infos["translation"]["dropped"][0] == ("use",)
    else:
        assert "translation" not in infos
    venv.close()


def test_async_vector_env() -> None:
    venv = gym.vector.AsyncVectorEnv([lambda: wrapped(ViewEnv("minedojo"))] * 2)
    venv.reset(seed=0)
    assert venv.step(np.stack([ATTACK, ATTACK]))[1].tolist() == [1, 1]
    venv.close()


@pytest.mark.parametrize("wrapper", [VPTActionWrapper, HumanActionWrapper])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_spec_round_trip(registered: None, wrapper: type[gym.Wrapper], dialect: str) -> None:
    env = wrapper(VPTObsWrapper(gym.make(ID, dialect=dialect), size=(64, 96), keep=("location_stats",)))
    spec = env.spec
    assert spec is not None
    assert spec.to_json() == type(spec).from_json(spec.to_json()).to_json()
    for again in (gym.make(spec), gym.make(type(spec).from_json(spec.to_json()))):
        assert str(again) == str(env)
        assert again.observation_space == env.observation_space
        assert again.action_space == env.action_space
        assert type(again.translator) is type(env.translator)
        first, second = env.reset(seed=4)[0], again.reset(seed=4)[0]
        assert np.array_equal(first["img"], second["img"])


@pytest.mark.parametrize("name", [name for name in vpt_gym.wrappers.__all__ if name.endswith("Wrapper")])
def test_every_wrapper_records_its_constructor_arguments(name: str, tmp_path: Path) -> None:
    wrapper = getattr(vpt_gym.wrappers, name)
    assert issubclass(wrapper, gym.Wrapper)
    assert issubclass(wrapper, gym.utils.RecordConstructorArgs)
    parameters = {n: p for n, p in inspect.signature(wrapper).parameters.items() if n != "env"}
    needed = {"directory": str(tmp_path)}
    given = {n: needed[n] for n, p in parameters.items() if p.default is inspect.Parameter.empty}
    dialect = {"dialect": "minedojo"} if name == "ChoicesActionWrapper" else {}  # it takes no Dict
    env = wrapper(ViewEnv(render_mode="rgb_array", **dialect), **given)
    assert set(env._saved_kwargs) == set(parameters)
    defaults = {n: p.default for n, p in parameters.items() if n not in given}
    assert {n: env._saved_kwargs[n] for n in defaults} == defaults
    env.close()


def test_the_wrappers_package_lists_its_names() -> None:
    assert sorted(vpt_gym.wrappers.__all__) == dir(vpt_gym.wrappers)
    with pytest.raises(AttributeError, match="VPTObsWrapper"):
        _ = vpt_gym.wrappers.ObsWrapper
