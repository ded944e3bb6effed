"""Acting and training with ``torch.use_deterministic_algorithms(True)``: every operation has such an algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.clock_env import ClockEnv
from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.rollout import RolloutCollector


@pytest.fixture(autouse=True)
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def assert_equal(one: VPTPolicy, other: VPTPolicy) -> None:
    state = other.state_dict()
    assert [name for name, value in one.state_dict().items() if not torch.equal(value, state[name])] == []


@pytest.mark.parametrize("precision", [None, "fp32", "int8"])
def test_acting_works_and_repeats(precision: Any) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 2, 128, 128, 3), np.uint8)
    codes = []
    for _ in range(2):
        agent = VPTAgent.from_config("nano", seed=0, precision=precision)
        agent.reset(seed=5)
        codes.append([agent.act(frame, first=[tick == 0] * 2).tolist() for tick, frame in enumerate(frames)])
    assert codes[0] == codes[1]


def test_cloning_makes_the_same_update(tmp_path: Path) -> None:
    write_episodes(tmp_path, (17, 9))
    args = TrainArgs(steps=2, batch_size=2, seq_len=5, precision="fp32", kl_to_start=0.1)
    policies = []
    for _ in range(2):
        trainer = BCTrainer(small_policy(), make_dataset((tmp_path,), args, seed=0), args)
        losses = [trainer.update()["train/loss"] for _ in range(2)]
        assert all(np.isfinite(losses))
        policies.append(trainer.policy)
    assert_equal(*policies)


def test_ppo_makes_the_same_update() -> None:
    ppo = load_example("ppo")
    args = ppo.Args(model="nano-foundation", num_envs=2, minibatches=2, ticks=8, sleep_cycles=1, train_precision="fp32")
    policies = []
    for _ in range(2):
        agent = VPTAgent(small_policy(), precision=None)
        envs = SyncVectorEnv([lambda: ClockEnv(3), lambda: ClockEnv(5)], autoreset_mode=AutoresetMode.NEXT_STEP)
        rollout = RolloutCollector(agent.policy, envs, seed=0).collect(args.ticks)
        torch.manual_seed(0)  # of its auxiliary head
        learner = ppo.PPO(agent, args)
        metrics = learner.learn(rollout, ppo.network_inputs(agent.policy, rollout), progress=0.0)
        assert all(np.isfinite(list(metrics.values())))
        policies.append(agent.policy)
    assert_equal(*policies)
