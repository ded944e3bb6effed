"""Evaluation: the success rate of an agent in a list of worlds, with its interval."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from vpt_gym.collect.rollouts import Episode, Play, play

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent


def wilson_interval(successes: int, episodes: int, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the Wilson score interval of a success rate, as shares in [0, 1].

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Raises:
        ValueError: Not ``0 <= successes <= episodes``, no episodes, or a confidence outside (0, 1).

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(34, 40)]
        [0.709, 0.929]
    """
    if episodes < 1 or not 0 <= successes <= episodes:
        raise ValueError(f"{successes} successes in {episodes} episodes: need 0 <= successes <= episodes > 0")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}; it must be between 0 and 1, for example 0.95")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / episodes
    centre = (rate + z * z / (2 * episodes)) / (1 + z * z / episodes)
    half = z / (1 + z * z / episodes) * (rate * (1 - rate) / episodes + z * z / (4 * episodes**2)) ** 0.5
    # at 0 and 1 the bound is exact, apart from rounding
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == episodes else centre + half)


@dataclass(frozen=True)
class Evaluation:
    """The success of one agent in a list of worlds.

    Attributes:
        episodes: One result for each seed, in the order of the seeds.
        seconds: Wall time of the evaluation.
        precision: The number type in which the agent acted, such as ``"int8"``.
    """

    episodes: tuple[Episode, ...]
    seconds: float
    precision: str

    @classmethod
    def merged(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Returns the evaluation of all worlds from those of parts of them, which were played at the same time.

        Raises:
            ValueError: There is no part.
        """
        if not parts:
            raise ValueError("no evaluations to merge")
        episodes = sorted((episode for part in parts for episode in part.episodes), key=lambda episode: episode.seed)
        return cls(tuple(episodes), max(part.seconds for part in parts), parts[0].precision)

    @property
    def successes(self) -> int:
        """Number of episodes that ended in success."""
        return sum(bool(episode.success) for episode in self.episodes)

    @property
    def rate(self) -> float:
        """Share of episodes that ended in success."""
        return self.successes / len(self.episodes)

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval of ``rate``."""
        return wilson_interval(self.successes, len(self.episodes))

    @property
    def mean_ticks(self) -> float:
        """Mean length of an episode, ticks."""
        return sum(episode.ticks for episode in self.episodes) / len(self.episodes)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.successes}/{len(self.episodes)} = {self.rate:.0%} (95 % interval {low:.0%} to {high:.0%}), "
            f"{self.mean_ticks:.0f} ticks on average, acting in {self.precision}"
        )

    def summary(self) -> dict[str, Any]:
        """Returns the figures for a JSON file."""
        seeds = [episode.seed for episode in self.episodes]
        return {
            "successes": self.successes,
            "episodes": len(self.episodes),
            "rate": self.rate,
            "wilson95": list(self.interval),
            "mean_ticks": self.mean_ticks,
            "mean_return": sum(episode.total_reward for episode in self.episodes) / len(self.episodes),
            "seeds": [min(seeds), max(seeds)],
            "seed_range": {"first": min(seeds), "last": max(seeds), "count": len(set(seeds))},
            "seconds": self.seconds,
            "precision": self.precision,
        }

    def per_episode(self) -> list[dict[str, Any]]:
        """Returns the result of each episode for a JSON file, in the order of the seeds."""
        return [asdict(episode) for episode in self.episodes]


def evaluate(
    agent: VPTAgent,
    make_env: Callable[[], gym.Env[Any, Any]],
    seeds: Sequence[int],
    *,
    num_envs: int = 16,
    sampling_seed: int = 0,
    on_episode: Callable[[Episode], None] | None = None,
    play: Play = play,
) -> Evaluation:
    """Plays one episode in each of the worlds and counts the successes.

    Args:
        agent: Acts in all of them; its memory and random numbers are overwritten.
        make_env: Makes one env that takes VPT codes and returns VPT frames, and whose ``info`` has ``"success"``.
        seeds: Seeds of the worlds, one episode each.
        num_envs: Number of episodes that run at once. Results do not depend on it, up to rounding
            (:func:`vpt_gym.collect.rollouts.play`).
        sampling_seed: Seed of the agent's sampling.
        on_episode: Called with each result when its episode ends, for example to advance a progress bar.
        play: Plays the episodes. On a Ray cluster :meth:`vpt_gym.collect.ray.play.RayPlay.play`.

    Raises:
        ValueError: There are no seeds.
        SuccessNotReportedError: An episode ended without ``info["success"]``; a ``KeyError``.
    """
    if not seeds:
        raise ValueError("no seeds to evaluate on; pass for example SEEDS['evaluation'][:50]")
    start = time.perf_counter()
    episodes = play(agent, make_env, seeds, num_envs=num_envs, sampling_seed=sampling_seed, on_episode=on_episode)
    return Evaluation(tuple(episodes), time.perf_counter() - start, agent.precision)
