"""Evaluation, DAgger and rollouts on a real Ray cluster of two nodes: the results of one process, whatever dies."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.action_trace_env import ActionTraceEnv
from tests.support.ray_cluster import NODE, two_nodes
from tests.support.seed_reward_env import SeedRewardEnv, worlds_in
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.play import play_on
from vpt_gym.collect.rollouts import Episode, play
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.learning.collectors import open_collector
from vpt_gym.learning.dagger import collect_round, label_source
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.ray_rollouts import RayRollouts, joined
from vpt_gym.learning.rollout import RolloutCollector
from vpt_gym.learning.vector_env import SKIPPED
from vpt_gym.wrappers import EpisodeSeeds

RAY = RayArgs(address="auto", workers=2)
LEVEL = EnvArgs("vpt_gym/Harvest1Log-v0", '{"level": "easy", "image_size": [64, 96], "max_episode_steps": 25}')


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with two_nodes() as cluster:
        yield cluster


@pytest.fixture
def agent() -> Iterator[VPTAgent]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield VPTAgent.from_config("nano", seed=0, precision="fp32")
    torch.set_num_threads(threads)


@pytest.fixture(scope="class")
def play_there(cluster: Any) -> Iterator[Any]:
    with play_on(RAY) as there:
        yield there


class TestOneProcess:
    """Results are those of one process. All tests have the same two workers."""

    @pytest.mark.parametrize("sampling_seed", [0, 5])
    def test_evaluations_are_bit_equal(self, play_there: Any, agent: VPTAgent, sampling_seed: int) -> None:
        seeds = [9, 2, 4, 7, 0, 11, 6]
        player = VPTAgent.from_config("nano", seed=sampling_seed, precision="fp32")  # workers get the weights of a call
        here = evaluate(player, ActionTraceEnv, seeds, num_envs=1, sampling_seed=sampling_seed)
        seen: list[Episode] = []
        there = evaluate(
            player, ActionTraceEnv, seeds, sampling_seed=sampling_seed, on_episode=seen.append, play=play_there
        )
        assert there.episodes == here.episodes
        assert sorted(episode.seed for episode in seen) == sorted(seeds)

    def test_evaluations_in_the_embedded_world_are_bit_equal(self, play_there: Any, agent: VPTAgent) -> None:
        worlds = SEEDS["validation"][:2]
        here = evaluate(agent, LEVEL.make, worlds, num_envs=1)
        assert evaluate(agent, LEVEL.make, worlds, play=play_there).episodes == here.episodes

    def test_a_round_of_dagger_has_the_same_demos(self, play_there: Any, agent: VPTAgent, tmp_path: Path) -> None:
        def play_round(name: str, **options: Any) -> dict[int, tuple[bytes, Any]]:
            collect_round(
                agent,
                lambda folder: LEVEL.make(record_to=folder),
                label_source("scripted", LEVEL.id),
                SEEDS["dagger"][:3],
                tmp_path / name,
                beta=0.5,
                **options,
            )
            demos = [read_demo(path) for path in list_demos(tmp_path / name)]
            assert len(demos) == 3
            return {
                demo.metadata["seed"]: (demo.files.records.read_bytes(), demo.metadata["recorded_by"]) for demo in demos
            }

        assert play_round("there", play=play_there) == play_round("here", num_envs=1)


def test_several_episodes_in_a_worker_are_those_of_a_batch_of_that_size(cluster: Any, agent: VPTAgent) -> None:
    groups = [(9, 2, 4), (7, 0)]
    here = [episode for group in groups for episode in play(agent, ActionTraceEnv, group, num_envs=3, batch_size=3)]
    with play_on(replace(RAY, workers=1, envs=3)) as there:
        assert there(agent, ActionTraceEnv, [9, 2, 4, 7, 0]) == here


def test_an_evaluation_survives_a_worker_and_a_node(cluster: Any, agent: VPTAgent, tmp_path: Path) -> None:
    seeds = range(10)
    here = evaluate(agent, ActionTraceEnv, seeds, num_envs=1)
    node = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    seen: list[Episode] = []

    def remove_node(episode: Episode) -> None:
        if not seen:
            cluster.remove_node(node, allow_graceful=False)
        seen.append(episode)

    mortal = functools.partial(ActionTraceEnv, pause=0.05, killed=tmp_path / "killed")
    with play_on(replace(RAY, workers=3)) as play_elsewhere:
        there = evaluate(agent, mortal, seeds, on_episode=remove_node, play=play_elsewhere)
    assert (tmp_path / "killed").exists()
    assert there.episodes == here.episodes
    assert sorted(episode.seed for episode in seen) == list(seeds)


def make_collector(policy: Any, seed: int, **options: Any) -> RolloutCollector:
    def make_env(first: int) -> gym.Env[Any, Any]:
        return EpisodeSeeds(ActionTraceEnv(**options), range(first, 10**6, 4))

    makers = [functools.partial(make_env, first) for first in (seed, seed + 1)]
    envs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP)
    return RolloutCollector(policy, envs, seed=seed, features=True)


def differences(ours: Any, theirs: Any) -> list[str]:
    names = [name for name in vars(ours) if name != "memory"]
    wrong = [name for name in names if not torch.equal(getattr(ours, name), getattr(theirs, name))]
    memory = [name for name in vars(ours.memory) if not torch.equal(vars(ours.memory)[name], vars(theirs.memory)[name])]
    return wrong + memory


def test_rollouts_are_bit_equal_to_those_of_the_same_collectors_in_one_process(cluster: Any, agent: VPTAgent) -> None:
    ray = pytest.importorskip("ray")
    policy = agent.policy
    here = [make_collector(policy, seed) for seed in (7, 9)]
    with RayRollouts(ray, policy, make_collector, RAY, workers=2, num_envs=2, seed=7) as there:
        for _ in range(2):
            local = joined([each.collect(6) for each in here], torch.device("cpu"))
            assert differences(there.collect(6), local) == []
            with torch.no_grad():  # the next rollout must be played with these weights
                policy.pi_head.camera.linear_layer.bias[:20] += 3.0
        assert sorted(map(repr, there.episodes)) == sorted(repr(each) for local in here for each in local.episodes)


def test_a_rollout_is_complete_after_a_worker_was_killed(cluster: Any, agent: VPTAgent, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    mortal = functools.partial(make_collector, killed=tmp_path / "killed")
    with RayRollouts(ray, agent.policy, mortal, RAY, workers=2, num_envs=2, seed=7) as collector:
        first = collector.collect(4)
        second = collector.collect(4)
        begun = sorted(collector.state_dict()["started"])
    assert [count > SKIPPED for count in begun] == [False, False, True, True]  # the lost worker left out worlds
    assert (tmp_path / "killed").exists()
    assert first.codes.shape == second.codes.shape == (4, 4, 2)
    assert first.first[:, 0].all()


def test_a_resumed_training_plays_other_worlds_with_other_random_numbers(cluster: Any) -> None:
    policy, worlds = small_policy(), range(100, 90_000)
    ray = replace(RAY, workers=None, envs=2)

    def collected(ray: RayArgs | None, state: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        with open_collector(
            policy, SeedRewardEnv, worlds, num_envs=4, seed=0, kind="sync", ray=ray, state=state
        ) as collector:
            return collector.collect(7), collector.state_dict()

    here, local = collected(None)
    first, state = collected(ray)
    later, after = collected(ray, state)
    assert worlds_in(later) == worlds_in(collected(None, local)[0])  # none is left out
    assert worlds_in(first) == worlds_in(here)
    assert not set.union(*worlds_in(first)) & set.union(*worlds_in(later))
    assert torch.equal(first.frames, later.frames)
    assert not torch.equal(first.codes, later.codes)
    assert len(after["episodes"]) == 2 * len(state["episodes"]) > 0
