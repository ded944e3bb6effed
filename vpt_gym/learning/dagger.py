"""DAgger rounds: the learner plays, an expert labels every tick, and each round is a directory of demos.

Source: Ross, Gordon and Bagnell 2011, "A Reduction of Imitation Learning and Structured Prediction to No-Regret
Online Learning" (arXiv:1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import encode
from vpt_gym.collect.experts import Expert
from vpt_gym.collect.finished import check_same_env, finished_episodes
from vpt_gym.collect.rollouts import Code, Episode, play
from vpt_gym.wrappers.labels import label_next_step

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent


@dataclass(frozen=True)
class ConstantBeta:
    """The expert acts in the same share of ticks in each round; with 0 the learner always acts.

    Raises:
        ValueError: The share is outside [0, 1].
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _check_share("value", self.value)

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return self.value


@dataclass(frozen=True)
class LinearBeta:
    """The expert's share falls from 1 in round 0 to 0 in round ``rounds``, and stays there.

    Raises:
        ValueError: ``rounds`` is not positive.
    """

    rounds: int

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; it must be at least 1")

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return max(0.0, 1.0 - round_number / self.rounds)


@dataclass(frozen=True)
class ExponentialBeta:
    """The expert's share is ``decay ** round``.

    Raises:
        ValueError: ``decay`` is outside [0, 1].
    """

    decay: float = 0.5

    def __post_init__(self) -> None:
        _check_share("decay", self.decay)

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return float(self.decay**round_number)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; it must be a share between 0 and 1")


class _Labeller:
    """Labels every tick with the expert's action, and lets the expert act in a share ``beta`` of the ticks."""

    def __init__(self, expert: Expert, beta: float, seed: int) -> None:
        self._expert = expert
        self._beta = beta
        self._seed = seed

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        self._expert.reset()
        self._rng = np.random.default_rng((self._seed, seed))  # who acts does not depend on which env plays the world

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        action = self._expert.act(env)
        label_next_step(env, action)
        return encode(action) if self._rng.random() < self._beta else code


def collect_round(
    agent: VPTAgent,
    make_env: Callable[[Path], gym.Env[Any, Any]],
    make_expert: Callable[[], Expert],
    seeds: Sequence[int],
    directory: Path,
    *,
    beta: float,
    num_envs: int = 16,
    sampling_seed: int = 0,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Plays one round and writes its labelled demos to ``directory``.

    An interrupted round can be continued: worlds with finished demos are not played again.

    Args:
        agent: The learner.
        make_env: Makes one env in VPT's format that records into the given directory (it has a
            ``RecorderWrapper``).
        make_expert: Makes one expert; called for each env.
        seeds: Seeds of the worlds, one episode each.
        directory: Directory of this round alone.
        beta: Share of ticks in which the expert acts, in [0, 1].
        num_envs: Episodes that run at the same time.
        sampling_seed: Seed of the learner's sampling, and of the choice between learner and expert.
        on_episode: Called with each result when its episode ends.

    Returns:
        One result for each seed, in the order of the seeds.

    Raises:
        ValueError: ``beta`` is outside [0, 1], the directory holds demos of another env, or the recorder does not
            see the episodes end.
    """
    _check_share("beta", beta)
    finished = finished_episodes(directory)
    missing = [seed for seed in seeds if seed not in finished]
    if missing:
        probe = make_env(directory)
        try:
            check_same_env(directory, probe)
        finally:
            probe.close()
        play(
            agent,
            lambda: make_env(directory),
            missing,
            num_envs=num_envs,
            sampling_seed=sampling_seed,
            control=lambda: _Labeller(make_expert(), beta, sampling_seed),
            on_episode=on_episode,
        )
        finished = finished_episodes(directory)
        lost = [seed for seed in seeds if seed not in finished]
        if lost:
            raise ValueError(
                f"no finished demo of the worlds {lost} in {directory}: the recorder does not see their episodes end. "
                "Put TimeLimit below RecorderWrapper, for example with gym.make(..., max_episode_steps=...)"
            )
    return [finished[seed] for seed in seeds]
