"""Rollouts: advantages, episode boundaries, memory, minibatches."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from vpt_gym import VPTAgent
from vpt_gym.actions.codec import code_space
from vpt_gym.learning.rollout import RolloutCollector, gae


class TestGAE:
    def test_one_episode_equals_the_sum_written_out(self):
        reward = torch.tensor([[1.0, 2.0, 3.0]])
        value = torch.tensor([[0.5, 0.4, 0.3, 0.2]])
        no = torch.zeros(1, 3, dtype=torch.bool)
        advantage, target = gae(reward, value, no, no, gamma=0.9, gae_lambda=0.8)
        deltas = [reward[0, t] + 0.9 * value[0, t + 1] - value[0, t] for t in range(3)]
        by_hand = [sum((0.9 * 0.8) ** (k - t) * deltas[k] for k in range(t, 3)) for t in range(3)]
        torch.testing.assert_close(advantage, torch.tensor([by_hand]))
        torch.testing.assert_close(target, advantage + value[:, :3])

    def test_a_terminal_state_is_worth_nothing_and_a_truncated_one_its_value(self):
        reward, value = torch.zeros(1, 1), torch.tensor([[1.0, 5.0]])
        yes, no = torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.bool)
        terminated, _ = gae(reward, value, yes, yes, gamma=1.0, gae_lambda=1.0)
        truncated, _ = gae(reward, value, no, yes, gamma=1.0, gae_lambda=1.0)
        assert terminated.item() == -1.0
        assert truncated.item() == 4.0

    def test_nothing_flows_back_over_the_end_of_an_episode(self):
        reward = torch.tensor([[0.0, 0.0, 100.0]])
        value = torch.zeros(1, 4)
        ended = torch.tensor([[False, True, False]])
        advantage, _ = gae(reward, value, ended, ended, gamma=1.0, gae_lambda=1.0)
        assert advantage.tolist() == [[0.0, 0.0, 100.0]]


class ClockEnv(gym.Env):
    """Lasts ``length`` ticks; the frame shows the tick, the last tick rewards 1 and terminates or truncates."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def __init__(self, length: int, truncates: bool = False) -> None:
        self.length, self.truncates = length, truncates

    def frame(self):
        return np.full((128, 128, 3), 10 * self.tick, np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.tick = 0
        return self.frame(), {}

    def step(self, action):
        self.tick += 1
        over = self.tick == self.length
        return self.frame(), float(over), over and not self.truncates, over and self.truncates, {"success": over}


class BreakingEnv(ClockEnv):
    """Its game breaks in the third tick of each episode, as ``ResilientEnv`` and ``MineDojoEnv`` tell it."""

    def step(self, action):
        if self.tick == 2:
            return self.frame(), 0.0, False, True, {"success": False, "env_error": "the game ended"}
        return super().step(action)


@pytest.fixture
def policy():
    return VPTAgent.from_config("nano", seed=0).policy


def vector_env(*lengths: int, mode=AutoresetMode.NEXT_STEP, truncates=False):
    return SyncVectorEnv([lambda n=n: ClockEnv(n, truncates) for n in lengths], autoreset_mode=mode)


class TestCollector:
    def test_ticks_carry_their_own_first_weight_and_frame(self, policy):
        collector = RolloutCollector(policy, vector_env(3, 5), seed=0)
        rollout = collector.collect(8, gamma=0.9, gae_lambda=0.9)
        shown = (rollout.frames[:, :, 0, 0, 0] // 10).tolist()
        # ticks 0..length, the last observation included, then the next episode
        assert shown == [[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 0, 1]]
        assert rollout.first.int().tolist() == [[1, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1, 0]]
        # the step from an episode's last observation only resets
        assert rollout.weight.tolist() == [[1, 1, 1, 0, 1, 1, 1, 0], [1, 1, 1, 1, 1, 0, 1, 1]]
        lengths = sorted(episode.ticks for episode in collector.episodes)
        assert lengths == [3, 3, 5]
        assert all(episode.success and episode.total_reward == 1.0 for episode in collector.episodes)
        assert not any(episode.truncated for episode in collector.episodes)

    def test_the_terminal_reward_reaches_back_to_the_start_of_its_own_episode_only(self, policy):
        torch.nn.init.zeros_(policy.value_head.linear.weight)
        torch.nn.init.zeros_(policy.value_head.linear.bias)
        rollout = RolloutCollector(policy, vector_env(3), seed=0).collect(6, gamma=0.5, gae_lambda=1.0)
        assert rollout.value_target[0, :3].tolist() == [0.25, 0.5, 1.0]
        assert rollout.value_target[0, 4:].tolist() == [0.0, 0.0]

    def test_a_truncated_episode_is_bootstrapped_from_its_last_observation(self, policy):
        torch.nn.init.zeros_(policy.value_head.linear.weight)
        torch.nn.init.constant_(policy.value_head.linear.bias, 40.0)  # denormalised with fresh statistics: 4.0
        for truncates, expected in ((True, 1.0 + 0.5 * 4.0), (False, 1.0)):
            collector = RolloutCollector(policy, vector_env(3, truncates=truncates), seed=0)
            rollout = collector.collect(4, gamma=0.5, gae_lambda=1.0)
            assert rollout.value_target[0, 2].item() == pytest.approx(expected)

    def test_a_step_in_which_the_game_broke_teaches_nothing(self, policy):
        torch.nn.init.zeros_(policy.value_head.linear.weight)
        torch.nn.init.constant_(policy.value_head.linear.bias, 40.0)  # denormalised with fresh statistics: 4.0
        envs = SyncVectorEnv([lambda: BreakingEnv(9), lambda: ClockEnv(9)])
        collector = RolloutCollector(policy, envs, seed=0)
        rollout = collector.collect(6, gamma=0.5, gae_lambda=1.0)
        assert rollout.weight.tolist() == [[1, 1, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1]]
        # the tick before is the last one that counts, bootstrapped from what was seen after it
        assert rollout.value_target[0, 1].item() == pytest.approx(0.5 * 4.0)
        assert collector.episodes == []

    def test_a_pass_over_the_rollout_repeats_its_log_probs(self, policy):
        """The initial memory, ``first`` inside the sequence, and the rows of a minibatch all belong together."""
        collector = RolloutCollector(policy, vector_env(3, 5, 20, 4), seed=0)
        collector.collect(6, gamma=0.9, gae_lambda=0.9)
        rollout = collector.collect(9, gamma=0.9, gae_lambda=0.9)
        seen = []
        for rows, part in rollout.minibatches(3, torch.Generator().manual_seed(0)):
            output = policy(part.frames, part.first, part.memory)
            torch.testing.assert_close(output.pi.log_prob(part.codes), part.log_prob, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(part.log_prob, rollout.log_prob[rows])
            seen += rows.tolist()
        assert sorted(seen) == [0, 1, 2, 3]
        forgetful = policy(rollout.frames, rollout.first).pi.log_prob(rollout.codes)
        assert (forgetful - rollout.log_prob).abs().max() > 1e-3

    def test_it_is_reproducible(self, policy):
        first, second = (
            RolloutCollector(policy, vector_env(3, 5), seed=7).collect(5, gamma=0.9, gae_lambda=0.9) for _ in range(2)
        )
        assert torch.equal(first.codes, second.codes)

    def test_more_minibatches_than_envs_is_an_error(self, policy):
        rollout = RolloutCollector(policy, vector_env(3), seed=0).collect(2, gamma=0.9, gae_lambda=0.9)
        with pytest.raises(ValueError, match="2 minibatches of 1 envs"):
            next(rollout.minibatches(2, torch.Generator()))

    def test_another_autoreset_mode_is_refused(self, policy):
        with pytest.raises(ValueError, match="NEXT_STEP"):
            RolloutCollector(policy, vector_env(3, mode=AutoresetMode.SAME_STEP), seed=0)
