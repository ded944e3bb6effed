"""What plays the rollouts of a training, and that no world is played twice."""

from __future__ import annotations

import pytest
import torch

from tests.support.seed_reward_env import SeedRewardEnv, worlds_in
from tests.support.small_policy import small_policy
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.learning.collectors import open_collector
from vpt_gym.learning.in_parts import network_inputs
from vpt_gym.learning.ray_rollouts import joined


def test_the_worlds_are_shared_out_and_a_later_process_continues_after_them():
    policy, played, state = small_policy(), [], None
    for _ in range(3):
        with open_collector(
            policy, SeedRewardEnv, range(100, 900), num_envs=3, seed=0, kind="sync", state=state
        ) as collector:
            played.append(worlds_in(collector.collect(7)))
            state = collector.state_dict()
    assert played[0] == [{100, 103, 106}, {101, 104, 107}, {102, 105, 108}]
    for env in range(3):
        sets = [worlds[env] for worlds in played]
        assert len(set.union(*sets)) == sum(map(len, sets))
        assert all((world - 100) % 3 == env for world in set.union(*sets))


def test_after_its_last_world_an_env_begins_with_its_first_again():
    state = {"started": [5, 3], "episodes": [], "generator": torch.Generator().get_state()}
    with open_collector(
        small_policy(), SeedRewardEnv, range(9), num_envs=2, seed=0, kind="sync", state=state
    ) as collector:
        assert worlds_in(collector.collect(2)) == [{0}, {7}]  # env 0 has 0, 2, 4, 6, 8, env 1 has 1, 3, 5, 7


def test_a_run_of_workers_on_a_cluster_continues_in_one_process_with_other_random_numbers():
    policy, drawn = small_policy(), []
    for state in (None, {"started": [2, 2], "episodes": []}):  # what RayRollouts keeps
        with open_collector(
            policy, SeedRewardEnv, range(99), num_envs=2, seed=0, kind="sync", state=state
        ) as collector:
            rollout = collector.collect(4)
            drawn.append(rollout.codes)
    assert worlds_in(rollout) == [{4, 6}, {5, 7}]
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("num_envs", [2, 4])
@pytest.mark.parametrize("ray", [None, RayArgs(address="local")])
def test_a_later_process_with_another_number_of_envs_is_told_the_number(num_envs, ray):
    state = {"started": [4, 4, 4], "episodes": []}
    with (
        pytest.raises(ValueError, match=f"--num-envs is {num_envs}, but this run has 3 .* give --num-envs 3"),
        open_collector(
            small_policy(), SeedRewardEnv, range(99), num_envs=num_envs, seed=0, kind="sync", ray=ray, state=state
        ),
    ):
        pass


def test_the_features_of_a_frozen_image_network_are_kept():
    for patterns, kept in (((), False), (("net.img_process.*",), True)):
        policy = small_policy()
        if patterns:
            freeze(policy, patterns)
        with open_collector(policy, SeedRewardEnv, range(9), num_envs=3, seed=0, kind="sync") as collector:
            rollout = collector.collect(4)
        assert (rollout.features is not None) == kept
        inputs = network_inputs(policy, rollout)
        assert inputs is (rollout.features if kept else rollout.frames)
        both = joined([rollout, rollout], torch.device("cpu"))  # as those of two workers
        assert (both.features is not None) == kept
        assert network_inputs(policy, both).shape == (6, 4, *inputs.shape[2:])


def test_envs_that_cannot_be_shared_out_among_workers_are_an_error():
    with (
        pytest.raises(ValueError, match="5 envs cannot be shared out among 2 workers with 2 each"),
        open_collector(
            small_policy(), SeedRewardEnv, range(9), num_envs=5, seed=0, ray=RayArgs(address="local", envs=2)
        ),
    ):
        pass
