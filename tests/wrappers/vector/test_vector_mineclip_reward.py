"""Rewards for videos of vector environments: as those of each environment alone, in each autoreset mode."""

from __future__ import annotations

import functools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from tests.support.frame_counter_env import BreakingCounterEnv, FrameCounterEnv
from tests.support.frame_scorers import CachingTickScorer, TickScorer, brightness
from vpt_gym.actions.human import human_action_space, no_op
from vpt_gym.wrappers import MineCLIPReward as SingleReward
from vpt_gym.wrappers.vector import MineCLIPReward, ThreadVectorEnv

LENGTHS = (3, 20, 1, 7)
STEPS = 45


def actions() -> dict[str, np.ndarray]:
    return gym.vector.utils.batch_space(human_action_space(), len(LENGTHS)).sample()


def alone(length: int, steps: int) -> list[float]:
    """The rewards of one environment, episode after episode."""
    env = SingleReward(FrameCounterEnv(length, layout="array"), "count", "delta", scorer=CachingTickScorer())
    rewards: list[float] = []
    over = True
    while len(rewards) < steps:
        if over:
            env.reset()
        _, reward, terminated, truncated, _ = env.step(no_op())
        rewards.append(reward)
        over = terminated or truncated
    return rewards


def make(mode: AutoresetMode, kind: type = SyncVectorEnv, layout: str = "array") -> gym.vector.VectorEnv:
    return kind([functools.partial(FrameCounterEnv, n, layout=layout) for n in LENGTHS], autoreset_mode=mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (AutoresetMode.NEXT_STEP, SyncVectorEnv),
        (AutoresetMode.NEXT_STEP, AsyncVectorEnv),
        (AutoresetMode.NEXT_STEP, ThreadVectorEnv),
        (AutoresetMode.SAME_STEP, SyncVectorEnv),
        (AutoresetMode.SAME_STEP, AsyncVectorEnv),
        (AutoresetMode.SAME_STEP, ThreadVectorEnv),
        (AutoresetMode.DISABLED, SyncVectorEnv),
    ],
)
def test_the_rewards_are_those_of_each_environment_alone(mode: AutoresetMode, kind: type) -> None:
    envs = MineCLIPReward(make(mode, kind), "count", "delta", scorer=CachingTickScorer())
    envs.reset(seed=0)
    rewards: list[list[float]] = [[] for _ in LENGTHS]
    ended = np.zeros(len(LENGTHS), bool)
    for _ in range(STEPS):
        _, reward, terminated, truncated, infos = envs.step(actions())
        assert (reward.shape, reward.dtype) == ((len(LENGTHS),), np.float64)
        played = ~ended if mode is AutoresetMode.NEXT_STEP else np.ones(len(LENGTHS), bool)
        assert infos["_mineclip_score"].tolist() == played.tolist()
        assert not reward[~played].any()
        for row in np.flatnonzero(played):
            rewards[row].append(reward[row])
        ended = terminated | truncated
        if mode is AutoresetMode.DISABLED and ended.any():
            envs.reset(options={"reset_mask": ended})
    envs.close()
    assert rewards == [alone(length, len(got)) for length, got in zip(LENGTHS, rewards, strict=True)]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_video_never_has_frames_of_two_episodes(mode: AutoresetMode) -> None:
    scorer = TickScorer()
    envs = MineCLIPReward(make(mode), "count", "delta", scorer=scorer)
    envs.reset()
    for _ in range(STEPS):
        envs.step(actions())
    videos = [video for batch in scorer.videos for video in batch]
    assert all(len({episode for _, episode in video}) == 1 for video in videos)
    assert max(episode for video in videos for _, episode in video) >= 20


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_step_in_which_a_game_failed_is_rewarded_with_0(mode: AutoresetMode) -> None:
    kinds = (BreakingCounterEnv, FrameCounterEnv)
    plain = SyncVectorEnv([functools.partial(kind, layout="array") for kind in kinds], autoreset_mode=mode)
    envs = MineCLIPReward(plain, "count", "delta", scorer=CachingTickScorer())
    envs.reset()
    rewards = [envs.step({key: value[:2] for key, value in actions().items()})[1].tolist() for _ in range(3)]
    assert rewards == [[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]]


def test_all_environments_are_scored_in_one_batch() -> None:
    scorer = TickScorer()
    envs = MineCLIPReward(make(AutoresetMode.NEXT_STEP, layout="dict"), "count", "delta", scorer=scorer)
    envs.reset()
    envs.step(actions())
    assert [len(batch) for batch in scorer.videos] == [len(LENGTHS)] * 2


def test_the_environments_rewards_can_be_kept_and_scaled_ones_added() -> None:
    plain = make(AutoresetMode.NEXT_STEP)
    envs = MineCLIPReward(plain, "count", "delta", scorer=CachingTickScorer(), keep_reward=True, scale=100)
    envs.reset()
    assert envs.step(actions())[1].tolist() == [100.0] * 4
    assert envs.step(actions())[1].tolist() == [200.1, 200.1, 0.0, 200.1]


def test_one_environment_is_refused() -> None:
    with pytest.raises(TypeError, match=r"for one environment is vpt_gym\.wrappers\.MineCLIPReward"):
        MineCLIPReward(FrameCounterEnv(), "light", "delta", scorer=brightness)
