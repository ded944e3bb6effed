"""N environments at once: the same codes as N agents of one, in every autoreset mode; and packed networks."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.support.small_policy import SMALL
from vpt_gym import EpisodeStarts, Sampling, VPTAgent
from vpt_gym.actions.codec import code_space
from vpt_gym.agents.engine import available_precisions

LENGTHS = (2, 3, 5)
EPISODES = 3


class EchoEnv(gym.Env[Any, Any]):
    """The frame depends on the episode, the tick and every action of the episode so far."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()

    def __init__(self, length: int) -> None:
        self.length, self.episode, self.played = length, -1, []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.episode, self.tick, self.trace = self.episode + 1, 0, self.length * 31
        return self.frame(), {}

    def step(self, action: Any) -> Any:
        self.played.append((self.episode, *(int(part) for part in action)))
        self.tick += 1
        self.trace = (self.trace * 7 + int(action[0]) * 3 + int(action[1])) % 9973
        return self.frame(), 0.0, self.tick == self.length, False, {}

    def frame(self) -> Any:
        return np.random.default_rng((self.trace, self.episode, self.tick)).integers(0, 256, (128, 128, 3), np.uint8)


def agent(**kwargs: Any) -> VPTAgent:
    return VPTAgent.from_config("nano", seed=3, sampling=Sampling(top_p=0.99, forbid=("inventory",)), **kwargs)


def played_alone(length: int, seed: int) -> list[tuple[int, ...]]:
    env, one = EchoEnv(length), agent()
    one.reset(seed=seed)
    for _ in range(EPISODES):
        observation, _ = env.reset()
        one.reset()
        ended = False
        while not ended:
            observation, _, ended, *_ = env.step(one.act(observation))
    return env.played


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_n_environments_get_what_n_agents_of_one_would(mode: AutoresetMode) -> None:
    inner = [EchoEnv(length) for length in LENGTHS]
    envs = EpisodeStarts(SyncVectorEnv([lambda env=env: env for env in inner], autoreset_mode=mode))
    many = agent()
    observations, _ = envs.reset()
    many.reset(seed=20)
    while min(env.episode for env in inner) < EPISODES:
        observations, _, terminated, truncated, _ = envs.step(many.act(observations, first=envs.first))
        if mode is AutoresetMode.DISABLED and (terminated | truncated).any():
            observations, _ = envs.reset(options={"reset_mask": terminated | truncated})
    for row, (env, length) in enumerate(zip(inner, LENGTHS, strict=True)):
        assert [step for step in env.played if step[0] < EPISODES] == played_alone(length, seed=20 + row)


def test_an_episode_does_not_depend_on_how_much_was_drawn_before_it() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    long, short = agent(), agent()
    for one, ticks in ((long, 4), (short, 1)):
        one.reset(seed=5)
        for _ in range(ticks):
            one.act(frame)
        one.reset()
    assert [long.act(frame).tolist() for _ in range(3)] == [short.act(frame).tolist() for _ in range(3)]


def test_an_episode_whose_first_frame_is_only_looked_at_has_its_own_seed_too() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    later = []
    for ticks in (1, 2):
        one = VPTAgent.from_config(SMALL, seed=0)
        one.reset(seed=5)
        for _ in range(ticks):
            one.act(frames[0])
        one.reset()
        one.distribution(frames[0])
        later.append([one.act(frame).tolist() for frame in frames[1:]])
    assert later[0] == later[1]


@pytest.mark.parametrize("precision", available_precisions())
def test_a_packed_agent_plays_resets_and_remembers_as_the_network_does(precision: Any) -> None:
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (12, 2, 128, 128, 3), np.uint8)
    first = np.zeros((12, 2), bool)
    first[0] = first[5, 1] = True
    plain, packed = agent(), agent(precision=precision)
    agreed = 0
    for one in (plain, packed):
        one.reset(seed=1)
    for frame, starts in zip(frames, first, strict=True):
        a, b = (one.act(frame, first=starts, deterministic=True) for one in (plain, packed))
        agreed += int((a == b).sum())
    # the codes of a fresh network are almost equally probable: only the exact precision must agree on all of them
    assert agreed == 48 if precision == "fp32" else agreed > 24
    kept = packed.memory
    assert kept is not None
    after = [packed.act(frame, first=np.zeros(2, bool), deterministic=True).tolist() for frame in frames[:3]]
    packed.memory = kept
    assert after == [packed.act(frame, first=np.zeros(2, bool), deterministic=True).tolist() for frame in frames[:3]]
    packed.reset(np.array([True, False]))
    assert packed.memory.valid[0].sum() == 0 < packed.memory.valid[1].sum()


def test_a_packed_agent_takes_over_changed_weights_without_forgetting() -> None:
    one = agent(precision="fp32")
    frame = np.zeros((128, 128, 3), np.uint8)
    one.act(frame)
    with torch.no_grad():
        one.policy.pi_head.buttons.linear_layer.bias[17] = 1e4
    assert one.act(frame, deterministic=True)[0] == 17
    assert one.memory.valid.sum() == 2


def test_an_unavailable_precision_is_refused_immediately() -> None:
    with pytest.raises(ValueError, match="fp16"):
        VPTAgent.from_config("nano", precision="fp16")
    with pytest.raises(ValueError, match="compile=True needs a precision"):
        VPTAgent.from_config("nano", compile=True)


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_the_distribution_is_what_act_draws_from_and_advances_the_memory(precision) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 2, 128, 128, 3)).astype(np.uint8)
    watching, acting = agent(precision=precision), agent(precision=precision)
    for tick in range(3):
        first = np.array([tick == 0, tick != 1])
        pi = watching.distribution(frames[tick], first=first)
        assert pi.mode().tolist() == acting.act(frames[tick], first=first, deterministic=True).tolist()
        torch.testing.assert_close(watching.memory.keys, acting.memory.keys)
    logits = torch.zeros(2, 8641, requires_grad=True)
    (pi.buttons.exp() * logits.log_softmax(-1)).sum().backward()  # a loss can use it
    assert logits.grad.abs().max() > 0
    with pytest.raises(TypeError, match="first="):
        watching.distribution(frames[0])


def test_an_agent_acts_in_another_action_space() -> None:
    vpt = agent()
    space = gym.spaces.MultiDiscrete([3, 4, 25])
    other = VPTAgent(vpt.policy.with_action_space(space), sampling=Sampling(top_p=0.9))
    frames = np.zeros((2, 128, 128, 3), np.uint8)
    actions = other.act(frames, first=np.ones(2, bool))
    assert actions.shape == (2, 3)
    assert all(space.contains(action) for action in actions)
    assert other.policy.net is vpt.policy.net
    with pytest.raises(ValueError, match="Box"):
        vpt.policy.with_action_space(gym.spaces.Box(0, 1, (2,)))
