"""Tasks: their ids, starts, rewards and ends, and new tasks."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.actions.human import human_action, no_op
from vpt_gym.world.catalog.biomes import DESERT, FOREST, PLAINS, TAIGA
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import ITEMS, STICK
from vpt_gym.world.core.geometry import wrapped
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.ids import ANY_TASK, STEP_LIMITS, env_id
from vpt_gym.world.shaping import NearBlock, NearCreature
from vpt_gym.world.tasks import TASKS, Task, days_survived, has_killed, holds
from vpt_gym.wrappers.success import success_of

SMALL = (32, 48)


def played(env: gym.Env[Any, Any], ticks: int, *keys: str) -> list[float]:
    """Holds keys for some ticks; returns the rewards."""
    return [float(env.step(human_action(*keys))[1]) for _ in range(ticks)]


def test_every_task_is_registered_under_its_limit() -> None:
    assert set(STEP_LIMITS) == set(TASKS)
    for task, limit in STEP_LIMITS.items():
        spec = gym.spec(env_id(task))
        assert spec.kwargs == {"task": task}
        assert spec.max_episode_steps == limit
    assert env_id("harvest_1_log") == "vpt_gym/Harvest1Log-v0"
    assert env_id("vpt_combat_zombie_plains") == "vpt_gym/CombatZombiePlains-v0"


@pytest.mark.parametrize("task", TASKS)
def test_a_task_starts_as_declared(task: str) -> None:
    env = VoxelEnv(task=task, image_size=SMALL)
    wanted = TASKS[task]
    for seed in range(3):
        obs, info = env.reset(seed=seed)
        assert info["prompt"] == wanted.prompt
        assert not info["success"]
        assert not info["death"]
        found = {
            str(name): int(n)
            for name, n in zip(obs["inventory"]["name"], obs["inventory"]["quantity"], strict=False)
            if n
        }
        assert found == {name.replace("_", " "): n for name, n in wanted.inventory.items()}
        creatures = env.state.creatures
        for name, count in wanted.creatures.items():
            kind = next(k for k, known in enumerate(KINDS) if known.name == name)
            near = creatures[creatures["kind"] == kind]
            player = env.state.player[0]
            away = [math.hypot(wrapped(c.x - player.x), wrapped(c.z - player.z)) for c in near]
            least, most = wanted.creature_range
            assert sum(least - 1 <= d <= most + 1 for d in away) >= count
    assert env.observation_space.contains(obs)


@pytest.mark.parametrize(
    ("task", "biome"),
    [("harvest_1_log_plains", PLAINS), ("harvest_1_log_forest", FOREST), ("harvest_1_log_taiga", TAIGA)],
)
def test_the_terrain_of_a_task_has_its_biome(task: str, biome: int) -> None:
    env = VoxelEnv(task=task, image_size=SMALL)
    obs, _ = env.reset(seed=1)
    assert obs["location_stats"]["biome_id"] == biome


def test_a_task_passes_gymnasiums_checker() -> None:
    check_env(VoxelEnv(task="harvest_milk_with_empty_bucket_and_cow", image_size=SMALL), skip_render_check=True)


def test_a_new_task() -> None:
    sticks = Task("hold three sticks", holds("stick"), 3, weight=2.0, terrain="desert_edge", animals=False)
    env = gym.make(ANY_TASK, task=sticks, image_size=SMALL, max_episode_steps=5)
    obs, _ = env.reset(seed=0)
    assert obs["location_stats"]["biome_id"] in (PLAINS, DESERT)
    env.unwrapped.state.inventory[4] = (STICK, 2, 0)  # type: ignore[attr-defined]
    _, reward, terminated, truncated, _ = env.step(human_action())
    assert (reward, terminated, truncated) == (4.0, False, False)
    env.unwrapped.state.inventory[4] = (STICK, 3, 0)  # type: ignore[attr-defined]
    _, reward, terminated, _, info = env.step(human_action())
    assert (reward, terminated, info["success"]) == (2.0, True, True)


def test_losing_an_item_costs_its_reward() -> None:
    env = VoxelEnv(task=Task("sticks", holds("stick"), 5), image_size=SMALL)
    env.reset(seed=0)
    env.state.inventory[0] = (STICK, 2, 0)
    assert played(env, 1) == [2.0]
    assert sum(played(env, 1, "drop")) == -1.0


def test_the_limit_is_a_truncation() -> None:
    env = gym.make(ANY_TASK, task=Task("nothing"), image_size=SMALL, max_episode_steps=2)
    env.reset(seed=0)
    assert env.step(human_action())[2:4] == (False, False)
    assert env.step(human_action())[2:4] == (False, True)


def test_death_ends_an_episode_without_success() -> None:
    env = VoxelEnv(task="survival", image_size=SMALL)
    env.reset(seed=0)
    env.state.player["health"] = 0.5
    env.state.player["fallen"] = 30.0
    env.state.player["y"] += 1.5
    terminated, info = False, {}
    for _ in range(40):
        _, _, terminated, _, info = env.step(human_action())
        if terminated:
            break
    assert terminated
    assert info["death"]
    assert not info["success"]


def test_a_kill_counts_once_and_only_the_players() -> None:
    measure = has_killed("pig")
    env = VoxelEnv(task="combat_pig_plains_barehand", image_size=SMALL)
    env.reset(seed=0)
    kind = next(k for k, known in enumerate(KINDS) if known.name == "pig")
    env.state.creatures["health"][env.state.creatures["kind"] == kind] = 0.0
    played(env, 3)
    assert measure(env.state) == 0.0


def test_dense_rewards_cancel_on_the_way_there_and_back() -> None:
    plain = VoxelEnv(task="harvest_1_dirt", image_size=SMALL)
    dense = VoxelEnv(task="harvest_1_dirt", image_size=SMALL, dense_reward=True)
    keys = ["forward"] * 10 + ["back"] * 10
    for env in (plain, dense):
        env.reset(seed=3)
    assert sum(float(plain.step(human_action(key))[1]) for key in keys) == 0.0
    before = dense.task.potential(dense.state)  # type: ignore[misc]
    total = sum(float(dense.step(human_action(key))[1]) for key in keys)
    assert total == pytest.approx(dense.task.potential(dense.state) - before)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"terrain": "moon"}, "no terrain 'moon'.*plains"),
        ({"inventory": {"diamond": 1}}, "no item 'diamond'.*stick"),
        ({"inventory": {"bucket": 17}}, r"inventory\['bucket'\] is 17.*1 to 16"),
        ({"creatures": {"dragon": 1}}, "no creature 'dragon'.*zombie"),
        ({"creatures": {"pig": 0}}, r"creatures\['pig'\] is 0"),
        ({"creatures": {"pig": 40}}, "at most 16"),
        ({"creature_range": (9.0, 3.0)}, r"creature_range is \(9.0, 3.0\)"),
        ({"time": 24000}, r"time is 24000.*\[0, 24000\)"),
        ({"time": 6000.5}, r"time is 6000\.5; it must be a whole number"),
        ({"inventory": {"log": 1.5}}, r"inventory\['log'\] is 1\.5; a slot holds a whole number"),
        ({"creatures": {"pig": 1.5}}, r"creatures\['pig'\] is 1\.5; it must be a whole number"),
        ({"target": math.nan}, "target is nan; it must be a number, or inf"),
        ({"target": "3"}, "target is '3'; it must be a number"),
        ({"weight": math.inf}, "weight is inf; it must be a finite number"),
    ],
)
def test_an_impossible_task_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Task("a task", **change)


def test_a_measure_must_be_callable() -> None:
    with pytest.raises(TypeError, match=r"progress is 'log'; it must be a measure, such as holds\('log'\)"):
        Task("a task", progress="log")
    with pytest.raises(TypeError, match="potential is 3"):
        Task("a task", potential=3)


def test_a_task_keeps_what_it_was_made_with() -> None:
    tools, animals = {"wooden_axe": 1}, {"cow": 1}
    task = Task("chop", inventory=tools, creatures=animals)
    tools["log"], animals["pig"] = 5_000, 0  # as for the next task of a loop; nobody would check these numbers
    assert task == Task("chop", inventory={"wooden_axe": 1}, creatures={"cow": 1})
    with pytest.raises(TypeError, match=r"inventory is \['log'\]; it must be a dict"):
        Task("chop", inventory=["log"])  # type: ignore[arg-type]


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no block 'logs' in this world \(did you mean 'log'\?\)"):
        NearBlock("logs")
    with pytest.raises(ValueError, match="no kind 99 of creature in this world; there are 1 "):
        NearCreature(99)
    with pytest.raises(ValueError, match="no item 'wood'"):
        holds("wood")
    with pytest.raises(ValueError, match="task is 'fly'; the embedded world has harvest_1_log"):
        VoxelEnv(task="fly")
    with pytest.raises(ValueError, match="has no potential"):
        VoxelEnv(task="survival", dense_reward=True)


def test_the_items_of_a_name_are_all_its_variants() -> None:
    logs = [item for item, kind in ITEMS.items() if kind.name == "log"]
    env = VoxelEnv(task="harvest_8_log", image_size=SMALL)
    env.reset(seed=0)
    for slot, item in enumerate(logs):
        env.state.inventory[slot] = (item, 1, 0)
    assert played(env, 1) == [float(len(logs))]
    assert len(logs) == 3
    assert np.count_nonzero(env.state.inventory[:, 1]) == 3


@pytest.mark.parametrize("name", TASKS)
def test_the_spec_of_a_task_of_ones_own_survives_json(name: str) -> None:
    env = gym.make(ANY_TASK, task=TASKS[name], image_size=SMALL)
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.unwrapped.task == TASKS[name]


def test_a_task_as_a_mapping() -> None:
    env = VoxelEnv({"prompt": "rest", "progress": {"measure": "days_survived"}, "target": 3}, image_size=SMALL)
    assert env.task == Task("rest", days_survived, 3)
    assert VoxelEnv({"prompt": "dig", "progress": {"item": "sand"}}, image_size=SMALL).task == Task(
        "dig", holds("sand")
    )


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"progress": {"item": "sand"}}, "must have prompt"),
        ({"prompt": "x", "goal": 3}, "may have progress"),
        ({"prompt": "x", "progress": {"item": "unobtainium"}}, "no item 'unobtainium'"),
        ({"prompt": "x", "progress": {"things": 1}}, "progress is {'things': 1}; it must have one of the entries item"),
        ({"prompt": "x", "progress": {"measure": "fun"}}, "no measure 'fun'"),
    ],
)
def test_a_mapping_that_is_no_task_is_refused(mapping: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VoxelEnv(mapping, image_size=SMALL)


def test_a_measure_that_json_cannot_hold_is_refused_by_the_spec() -> None:
    env = gym.make(ANY_TASK, task=Task("x", progress=lambda state: 0.0), image_size=SMALL)
    with pytest.raises(TypeError, match="not JSON serializable"):
        env.spec.to_json()


@pytest.mark.parametrize("task", ["open-ended", "vpt_playground"])
def test_a_task_without_a_target_does_not_report_success(task: str) -> None:
    env = VoxelEnv(task=task, image_size=SMALL)
    _, reset_info = env.reset(seed=0)
    *_, info = env.step(no_op())
    for reported in (reset_info, info):
        assert reported["success"] is None
        assert reported["is_success"] is None
        assert success_of(env, reported) is None
