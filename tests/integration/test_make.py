"""`vpt_gym.minedojo.make` with the real MineDojo on the embedded world, and MineDojo environments that users made."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
from gymnasium.utils.env_checker import check_env

from vpt_gym import HumanActionWrapper, RecorderWrapper, VPTActionWrapper, VPTObsWrapper, as_gymnasium, minedojo
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.minedojo import MineDojoEnv, shims
from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.minedojo.game import GameError, embedded_command

REST = {"camera": [0.0, 0.0]}
DOWN = {"camera": [90.0, 0.0]}
RIGHT = {"camera": [0.0, 10.0]}


def differs(first: Any, second: Any) -> bool:
    return not np.array_equal(first["rgb"], second["rgb"])


@pytest.mark.parametrize("actions", ["human", "minedojo"])
def test_it_is_a_gymnasium_environment_whose_spaces_hold(make_env: Any, actions: str) -> None:
    env = make_env(actions=actions, use_lidar=True, cam_interval=15)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # check_env recommends other spaces
        check_env(env, skip_render_check=True)
    observation, info = env.reset(seed=3)
    env.action_space.seed(0)
    for _ in range(60):
        assert env.observation_space.contains(observation)
        assert observation["rgb"].flags["C_CONTIGUOUS"]
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert isinstance(reward, float)
        assert not truncated
        assert info["success"] is terminated is False
    assert env.render().shape == (64, 96, 3)
    assert np.array_equal(env.render(), observation["rgb"].transpose(1, 2, 0))


@pytest.mark.parametrize("task", ["combat_pig_plains_barehand", "survival", "creative:7", "playthrough", "open-ended"])
def test_every_kind_of_task_is_made_with_its_prompt(make_env: Any, task: str) -> None:
    env = make_env(task)
    assert env.spec.kwargs["task_id"] == task
    if task not in ("open-ended",):
        assert env.unwrapped.task_prompt


def test_playthrough_can_be_stepped_and_has_its_limit(make_env: Any) -> None:
    env = make_env("playthrough")
    env.reset(seed=1)
    task = env.unwrapped._parts.task
    assert task._max_episode_steps == task.time_limit  # as from PyPI, its step looks for an attribute that it lacks
    task._max_episode_steps = 2
    assert [env.step(REST)[2:4] for _ in range(2)] == [(False, False), (False, True)]


@pytest.mark.parametrize("event_level", [True, False])
def test_the_simulator_alone_takes_its_own_actions_and_a_persons(event_level: bool) -> None:
    from minedojo.sim import MineDojoSim

    for actions in ("minedojo", "human"):
        sim = MineDojoSim(image_size=(64, 96), event_level_control=event_level)
        env = MineDojoEnv(sim, actions=actions, command=partial(embedded_command, "easy"))
        yaw = env.reset(seed=1)[0]["location_stats"]["yaw"][0]
        action = {**sim.action_space.no_op(), "camera": np.array([0.0, 10.0])} if actions == "minedojo" else RIGHT
        observation, *_ = env.step(action)
        assert abs((observation["location_stats"]["yaw"][0] - yaw - 10.0 + 180) % 360 - 180) < 1e-3
        with pytest.raises(ValueError, match="the action"):
            env.step({"forwards": 1})
        env.close()


@pytest.mark.parametrize(
    "told",
    [
        {"air": -19},  # who drowns
        {"xp": 5000},
        {"life": 24.0},
        {"yaw": 539.9999999},
        {"damage_source": {"damage_amout": 3.4028235e38, "is_unblockable": True}},  # /kill
    ],
)
def test_what_minecraft_can_say_is_in_the_space(make_env: Any, told: dict[str, Any]) -> None:
    env = make_env()
    env.reset(seed=1)
    bridge = env.unwrapped._bridge
    parse = bridge._parse
    bridge._parse = lambda text: {**parse(text), **told}
    assert env.observation_space.contains(env.step(REST)[0])


def test_statistics_are_left_out_of_infos_and_of_the_vectors_that_copy_them(make_env: Any) -> None:
    counts = {"stat", "achievement"}
    infos = [info for kept in (True, False) for info in _infos(make_env(statistics=kept))]
    for everything, info in zip(infos[:2], infos[2:], strict=True):
        assert counts < set(everything)
        assert info == {name: value for name, value in everything.items() if name not in counts}
    env = make_env(statistics=False)
    vector = gym.vector.SyncVectorEnv([lambda: env])
    _, found = vector.reset(seed=1)
    assert not counts & set(found)
    assert env.spec.kwargs["statistics"] is False


def _infos(env: gym.Env[Any, Any]) -> list[dict[str, Any]]:
    return [env.reset(seed=1)[1], env.step(REST)[4]]


def test_the_same_task_can_be_made_twice(make_env: Any) -> None:
    first, second = make_env(), make_env()
    assert differs(first.reset(seed=1)[0], second.reset(seed=2)[0])


def test_gymnasium_makes_it_by_its_id() -> None:
    env = gym.make(
        "vpt_gym/MineDojo-v0", task_id="harvest_1_log", backend="embedded", image_size=(64, 96), max_episode_steps=5
    )
    env.reset(seed=1)
    ends = [env.step({**dict.fromkeys(set(env.action_space.spaces) - {"camera"}, 0), "camera": np.zeros(2, "f4")})[2:4]]
    while not any(ends[-1]):
        ends.append(env.step({"camera": np.zeros(2, np.float32)})[2:4])
    assert ends == [(False, False)] * 4 + [(False, True)]
    env.close()


def test_trainers_and_evaluations_make_it_by_its_id() -> None:
    env = EnvArgs(
        "vpt_gym/MineDojo-v0", kwargs='{"task_id": "harvest_1_log", "backend": "embedded", "image_size": [64, 96]}'
    ).make()
    frame, _ = env.reset(seed=1)
    assert frame.shape == (128, 128, 3)
    assert env.step(np.zeros(2, np.int64))[2:4] == (False, False)
    env.close()


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"no task 'harvest_1_logs'\. Similar: harvest_1_log"):
        minedojo.make("harvest_1_logs")
    with pytest.raises(ValueError, match=r"no task 'HARVEST_1_LOG'\. Similar: harvest_1_log"):
        minedojo.make("HARVEST_1_LOG")
    with pytest.raises(ValueError, match="backend is 'rust'"):
        minedojo.make("harvest_1_log", backend="rust")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level='easy' is for backend='embedded'"):
        minedojo.make("harvest_1_log", level="easy")
    with pytest.raises(ValueError, match="actions is 'keys'"):
        minedojo.make("harvest_1_log", actions="keys")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="step_timeout is 0"):
        minedojo.make("harvest_1_log", step_timeout=0)
    with pytest.raises(ValueError, match="step_timeout is None"):
        minedojo.make("harvest_1_log", step_timeout=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"the no-op turns the camera by \+2°"):
        minedojo.make("harvest_1_log", actions="minedojo", cam_interval=7)
    with pytest.raises(ValueError, match="render_mode is 'human'"):
        minedojo.make("harvest_1_log", render_mode="human")


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_same_seed_and_actions_give_the_embedded_world_tick_by_tick(make_env: Any, seed: int) -> None:
    there = make_env(image_size=(144, 256), level="default")
    here = gym.make("vpt_gym/Harvest1Log-v0", image_size=(144, 256)).unwrapped
    there_sees, info = there.reset(seed=seed)
    assert info["reset"]["seed"] == "world"
    here_sees, _ = here.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(150):
        for name in ("rgb", "inventory", "equipment", "location_stats", "life_stats", "voxels"):
            there_part, here_part = there_sees[name], here_sees[name]
            parts = [(there_part, here_part)] if name == "rgb" else [(there_part[k], here_part[k]) for k in there_part]
            assert all(np.array_equal(a, b) for a, b in parts), name
        action = {name: int(rng.random() < 0.3) for name in there.action_space.spaces if name != "camera"}
        action["camera"] = rng.normal(0, 6, 2).astype(np.float32)
        there_sees, there_reward, there_done, *_ = there.step(action)
        here_sees, here_reward, here_done, *_ = here.step(action)
        assert (there_reward, there_done) == (here_reward, here_done)
        if here_done:
            break


def test_a_fast_reset_keeps_the_world_and_a_full_one_restores_it(make_env: Any) -> None:
    env = make_env("open-ended", fast_reset=True, fast_reset_random_teleport_range=0)

    def dig_a_hole() -> None:
        for _ in range(40):
            env.step({"attack": 1, **(DOWN if _ == 0 else REST)})

    def looks_down() -> Any:
        return env.step(DOWN)[0]

    env.reset(seed=7)
    fresh = looks_down()
    dig_a_hole()
    _, info = env.reset()
    assert info["reset"] == {"kind": "fast", "restarted": False, "seed": None}
    assert differs(looks_down(), fresh)
    _, info = env.reset(seed=7)
    assert info["reset"] == {"kind": "full", "restarted": False, "seed": "world"}
    assert not differs(looks_down(), fresh)
    with pytest.warns(UserWarning, match=r"seed 7 was ignored: a fast reset keeps the world"):
        _, info = env.reset(seed=7, options={"reset": "fast"})
    assert info["reset"]["seed"] == "ignored"
    _, info = env.reset(options={"reset": "full"})
    assert info["reset"]["kind"] == "full"
    with pytest.raises(ValueError, match=r"\{'reset': 'quick'\}"):
        env.reset(options={"reset": "quick"})


def test_without_fast_reset_every_reset_is_full(make_env: Any) -> None:
    env = make_env(fast_reset=False)
    assert [env.reset()[1]["reset"]["kind"] for _ in range(2)] == ["full", "full"]
    with pytest.raises(ValueError, match="fast_reset=True"):
        env.reset(options={"reset": "fast"})


def test_a_seed_given_to_make_holds_until_another_is_asked_for(make_env: Any) -> None:
    env, other = make_env(world_seed="5", fast_reset=False), make_env()
    first = env.reset()[0]
    assert not differs(first, other.reset(seed=5)[0])
    assert differs(first, env.reset(seed=6)[0])
    assert not differs(first, env.reset()[0])


def test_damage_in_the_games_data_is_observed(make_env: Any) -> None:
    env = make_env()
    env.reset(seed=1)
    told = {"damage_amout": 4.0, "is_projectile": True, "damage_yaw": -90.0}
    damage = env.unwrapped._damage(told)
    assert damage["damage_amount"].tolist() == [4.0]
    assert (bool(damage["is_projectile"]), bool(damage["is_explosion"])) == (True, False)
    assert env.observation_space["damage_source"].contains(damage)


def test_the_complete_stack_plays_and_records(make_env: Any, tmp_path: Path) -> None:
    env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(make_env(image_size=(144, 256)), tmp_path / "demos")))
    frame, _ = env.reset(seed=1)
    assert frame.shape == (128, 128, 3)
    codes = [np.array([button, 60]) for button in (0, 2, 500, 8000)]
    for code in codes:
        env.step(code)
    env.close()
    (path,) = list_demos(tmp_path / "demos")
    demo = read_demo(path)
    assert len(demo.actions["forward"]) == len(codes)
    assert demo.metadata["env_id"] == "vpt_gym/MineDojo-v0"
    assert demo.metadata["task"] == "harvest_1_log"


def test_an_environment_that_the_user_made_is_taken_by_every_wrapper(tmp_path: Path) -> None:
    env = make_legacy("harvest_1_log", image_size=(144, 256))
    wrapped = VPTActionWrapper(VPTObsWrapper(env))
    assert wrapped.unwrapped is not env
    assert wrapped.get_wrapper_attr("cam_interval") == 15
    assert (
        HumanActionWrapper(make_legacy("harvest_1_log", image_size=(144, 256))).translator.coverage().buttons_lost == 1
    )
    stock = as_gymnasium(make_legacy("harvest_1_log", image_size=(144, 256)), actions="minedojo")
    assert stock.action_space == gym.spaces.MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])


def test_a_strange_wrapper_inside_is_refused_by_name() -> None:
    import gym as old_gym

    class Mine(old_gym.Wrapper):
        pass

    with pytest.raises(ValueError, match=r"Mine inside the MineDojo environment.*actions=\"minedojo\""):
        as_gymnasium(Mine(make_legacy("harvest_1_log", image_size=(64, 96))))
    assert as_gymnasium(Mine(make_legacy("harvest_1_log", image_size=(64, 96))), actions="minedojo")


def test_in_its_own_process_it_survives_a_kill_of_all_processes(make_env: Any) -> None:
    env = VPTActionWrapper(VPTObsWrapper(make_env(resilient=True, image_size=(144, 256))))
    assert env.spec.kwargs["resilient"]
    assert env.translator.coverage().buttons_kept == 8640
    first, info = env.reset(seed=3)
    assert info["reset"] == {"kind": "full", "restarted": True, "seed": "world"}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    *_, terminated, truncated, info = env.step([0, 60])
    assert (terminated, truncated) == (False, True)
    assert "env_error" in info
    again, _ = env.reset(seed=3)
    assert np.array_equal(first, again)


def test_importing_and_installing_change_only_what_is_documented() -> None:
    code = """
import sys, numpy as np
import vpt_gym.minedojo.factory
before = set(vars(np))
assert "unicode_" not in before and "minedojo" not in sys.modules and "gym" not in sys.modules
from vpt_gym.minedojo import shims
first = shims.install()
again = dict(vars(np)), dict(vars(first.sim.spaces.Dict)), dict(vars(first.sim.spaces.MultiDiscrete))
shims.install()
assert again == (dict(vars(np)), dict(vars(first.sim.spaces.Dict)), dict(vars(first.sim.spaces.MultiDiscrete)))
print(sorted(set(vars(np)) - before))
space = first.sim.spaces.MultiDiscrete([3, 5])
assert all(space.contains(space.sample()) for _ in range(100)) and space.sample(4).shape == (4, 2)
assert {tuple(space.sample()) for _ in range(300)} == {(a, b) for a in range(3) for b in range(5)}
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "unicode_" in ran.stdout


def test_shims_are_not_set_where_nothing_is_missing() -> None:
    spaces = shims.install().sim.spaces
    assert "no_op" in vars(spaces.Dict)
    assert list(spaces.Dict({"a": spaces.Discrete(2)}).keys()) == ["a"]


def test_an_evaluation_without_a_time_limit_is_warned_of(make_env: Any) -> None:
    from gymnasium.wrappers import TimeLimit

    from vpt_gym import VPTAgent
    from vpt_gym.learning.evaluate import evaluate

    agent = VPTAgent.from_config("nano", seed=0)

    def limited(inside: bool) -> gym.Env:
        env = make_env(image_size=(144, 256))
        return (
            VPTActionWrapper(VPTObsWrapper(TimeLimit(env, 3)))
            if inside
            else ThreeTicks(VPTActionWrapper(VPTObsWrapper(env)))
        )

    class ThreeTicks(gym.Wrapper):
        """A limit of its own kind, which cannot be seen."""

        def reset(self, **kwargs: Any) -> Any:
            self.ticks = 0
            return self.env.reset(**kwargs)

        def step(self, action: Any) -> Any:
            self.ticks += 1
            *rest, _, info = self.env.step(action)
            return *rest, self.ticks == 3, info

    with pytest.warns(UserWarning, match=r"no visible time limit.*max_episode_steps"):
        assert evaluate(agent, lambda: limited(False), [1]).mean_ticks == 3
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*no visible time limit.*")
        assert evaluate(agent, lambda: limited(True), [1]).mean_ticks == 3


@pytest.mark.parametrize(
    ("task", "lacking"),
    [
        ("harvest_1_diamond", "diamond"),
        ("harvest_1_obsidian", "obsidian"),
        ("harvest_1_wheat", "wheat"),
        ("harvest_1_snowball", "snowball"),
        ("combat_bat_forest_iron_armors_iron_sword_shield", "bat"),
    ],
)
def test_a_task_of_what_the_embedded_world_lacks_is_refused_by_name(task: str, lacking: str) -> None:
    with pytest.raises(
        ValueError, match=f"'{task}' needs {lacking}, which the embedded world lacks: use backend='java'"
    ):
        minedojo.make(task, backend="embedded")


def test_a_biome_that_covers_no_world_is_refused_by_name() -> None:
    env = minedojo.make("harvest_1_log", backend="embedded", specified_biome="desert", image_size=(64, 96))
    with contextlib.closing(env), pytest.raises(GameError, match="no land that is all desert"):
        env.reset(seed=0)
