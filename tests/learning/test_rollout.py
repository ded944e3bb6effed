"""Rollouts: episode boundaries, weights, memory, failures, the packed engine, and continuing."""

from __future__ import annotations

import re

import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.clock_env import BreakingEnv, ClockEnv
from vpt_gym import VPTAgent
from vpt_gym.learning.rollout import RolloutCollector, episode_metrics


@pytest.fixture
def policy():
    return VPTAgent.from_config("nano", seed=0).policy


def vector_env(*lengths: int, mode=AutoresetMode.NEXT_STEP, truncates=False):
    return SyncVectorEnv([lambda n=n: ClockEnv(n, truncates) for n in lengths], autoreset_mode=mode)


def test_ticks_carry_their_own_first_weight_and_frame(policy):
    collector = RolloutCollector(policy, vector_env(3, 5), seed=0)
    rollout = collector.collect(8)
    shown = (rollout.frames[:, :, 0, 0, 0] // 10).tolist()
    # ticks 0..length, the last observation included, then the next episode
    assert shown == [[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 0, 1]]
    assert rollout.first.int().tolist() == [[1, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1, 0]]
    # the step from an episode's last observation only resets
    assert rollout.weight.tolist() == [[1, 1, 1, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 1, 1]]
    assert rollout.ended.int().tolist() == [[0, 0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1, 0, 0]]
    assert rollout.terminated.int().tolist() == [[0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 1, 0, 0, 0]]
    assert rollout.reward.tolist() == rollout.terminated.float().tolist()
    lengths = sorted(episode.ticks for episode in collector.episodes)
    assert lengths == [3, 3, 5]
    assert all(episode.success and episode.total_reward == 1.0 for episode in collector.episodes)
    assert not any(episode.truncated for episode in collector.episodes)
    assert collector.started == [3, 2]  # the reset of the last step included


def test_a_success_that_is_reported_in_one_tick_alone_counts(policy):
    class Passing(ClockEnv):
        def step(self, action):
            *result, _ = super().step(action)
            return *result, {"success": self.length == 5 and self.tick == 2}

    envs = SyncVectorEnv([lambda n=n: Passing(n) for n in (3, 5)], autoreset_mode=AutoresetMode.NEXT_STEP)
    collector = RolloutCollector(policy, envs, seed=0)
    collector.collect(8)
    assert [(episode.ticks, episode.success) for episode in collector.episodes] == [(3, False), (5, True), (3, False)]


def test_values_are_those_of_the_frames_and_of_the_one_after_the_last_tick(policy):
    collector = RolloutCollector(policy, vector_env(3, 5), seed=0)
    rollout, following = collector.collect(6), collector.collect(2)
    assert rollout.value.shape == (2, 7)
    torch.testing.assert_close(rollout.value[:, -1], following.value[:, 0])
    with torch.no_grad():
        value = policy.value_head.denormalise(policy(rollout.frames, rollout.first, rollout.memory).value)
    torch.testing.assert_close(rollout.value[:, :-1], value, atol=1e-4, rtol=1e-4)


def test_a_truncated_episode_ends_without_a_terminal_state(policy):
    collector = RolloutCollector(policy, vector_env(3, truncates=True), seed=0)
    rollout = collector.collect(4)
    assert rollout.ended.int().tolist() == [[0, 0, 1, 1]]
    assert not rollout.terminated.any()
    assert [episode.truncated for episode in collector.episodes] == [True]


def test_a_step_in_which_the_game_broke_teaches_nothing(policy):
    envs = SyncVectorEnv([lambda: BreakingEnv(9), lambda: ClockEnv(9)])
    collector = RolloutCollector(policy, envs, seed=0)
    rollout = collector.collect(6)
    assert rollout.weight.tolist() == [[1, 1, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1]]
    # the tick before is the last one that counts, bootstrapped from what was seen after it
    assert rollout.ended[0].int().tolist() == [0, 1, 1, 1, 0, 0]
    assert collector.episodes == []


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_a_pass_over_the_rollout_repeats_its_log_probs(policy, precision):
    """The initial memory and ``first`` inside the sequence belong together, also where an engine acts."""
    collector = RolloutCollector(policy, vector_env(3, 5, 20, 4), seed=0, precision=precision)
    collector.collect(6)
    rollout = collector.collect(9)
    output = policy(rollout.frames, rollout.first, rollout.memory)
    torch.testing.assert_close(output.pi.log_prob(rollout.codes), rollout.log_prob, atol=1e-4, rtol=1e-4)
    forgetful = policy(rollout.frames, rollout.first).pi.log_prob(rollout.codes)
    assert (forgetful - rollout.log_prob).abs().max() > 1e-3


@pytest.mark.parametrize("precision", [None, "fp32"])
@torch.no_grad()
def test_it_can_keep_the_features_that_acting_computes(policy, precision):
    assert RolloutCollector(policy, vector_env(3), seed=0, precision=precision).collect(2).features is None
    collector = RolloutCollector(policy, vector_env(3, 5), seed=0, precision=precision, features=True)
    collector.collect(4)
    rollout = collector.collect(5)
    expected = torch.stack([policy.encode(row) for row in rollout.frames])
    torch.testing.assert_close(rollout.features, expected, atol=1e-4, rtol=1e-4)
    pi = policy(rollout.features, rollout.first, rollout.memory).pi
    torch.testing.assert_close(pi.log_prob(rollout.codes), rollout.log_prob, atol=1e-4, rtol=1e-4)


def test_an_engine_acts_with_the_weights_of_the_moment(policy):
    collector = RolloutCollector(policy, vector_env(3, 5), seed=0, precision="fp32")
    collector.collect(3)
    with torch.no_grad():
        policy.pi_head.camera.linear_layer.bias[7] = 100.0
    assert (collector.collect(3).codes[..., 1] == 7).all()


def test_it_is_reproducible(policy):
    first, second = (RolloutCollector(policy, vector_env(3, 5), seed=7).collect(5) for _ in range(2))
    assert torch.equal(first.codes, second.codes)


def test_a_later_collector_continues_the_random_numbers_and_the_counts(policy):
    collector = RolloutCollector(policy, vector_env(3, 5), seed=7)
    collector.collect(5)
    state = collector.state_dict()
    expected = torch.rand(3, generator=collector.generator)
    later = RolloutCollector(policy, vector_env(3, 5), seed=0)
    later.load_state_dict(state)
    assert torch.equal(torch.rand(3, generator=later.generator), expected)
    assert later.started == [count + 1 for count in state["started"]]  # the running episodes are lost
    assert later.episodes == collector.episodes


def test_a_policy_that_diverged_is_an_error(policy):
    with torch.no_grad():
        policy.net.final_ln.weight.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="training has diverged"):
        RolloutCollector(policy, vector_env(3), seed=0).collect(1)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 1e200])  # the last one is infinite in float32
def test_a_reward_that_is_not_finite_names_its_env_and_tick(policy, value):
    class Odd(ClockEnv):
        def step(self, action):
            observation, reward, *rest = super().step(action)
            return observation, value if self.tick == 3 else reward, *rest

    collector = RolloutCollector(policy, SyncVectorEnv([lambda: ClockEnv(9), lambda: Odd(9)]), seed=0)
    with pytest.raises(FloatingPointError, match=f"reward of environment 1 is {re.escape(str(value))} in tick 2"):
        collector.collect(5)


def test_a_value_that_is_not_finite_is_an_error(policy):
    with torch.no_grad():
        next(policy.value_head.parameters()).fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="the policy's output is not finite"):
        RolloutCollector(policy, vector_env(3), seed=0).collect(1)


def test_another_autoreset_mode_is_refused(policy):
    with pytest.raises(ValueError, match="NEXT_STEP"):
        RolloutCollector(policy, vector_env(3, mode=AutoresetMode.SAME_STEP), seed=0)


def test_metrics_are_means_over_the_last_episodes(policy):
    collector = RolloutCollector(policy, vector_env(3), seed=0)
    assert episode_metrics(collector.episodes) == {}
    collector.collect(12)
    assert episode_metrics(collector.episodes, last=2) == {
        "rollout/return": 1.0,
        "rollout/length": 3.0,
        "rollout/success": 1.0,
    }
    assert len(collector.episodes) == 2
