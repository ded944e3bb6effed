"""What the cells measured: the outcomes of their evaluations, and intervals over training seeds and worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Results = Mapping[str, Mapping[str, Any]]
"""Cell id -> its stored result."""
BUDGETS = (20_480, 61_440, 102_400, 204_800, 307_200)
"""Ticks played, after which PPO from several starts is compared."""
_RESAMPLES = 10_000


def cells_of(name: str, results: Results) -> list[Mapping[str, Any]]:
    """Returns the stored results of all training seeds of a cell."""
    return [result for result in results.values() if result["cell"] == name]


def played_by(name: str, results: Results) -> dict[int, Mapping[str, Any]]:
    """Returns the evaluation of each training seed of a cell that has one."""
    return {cell["seed"]: only_evaluation(cell["results"]) for cell in cells_of(name, results)}


def only_evaluation(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the only evaluation in the figures of ``bc.py``, ``evaluate.py`` or ``nearest_neighbour.py``."""
    if "evaluations" in figures:
        (played,) = figures["evaluations"].values()
        return {**played, "per_episode": played["results"]}
    found: Mapping[str, Any] = figures.get("evaluation", figures)
    return found


def in_fresh_worlds(agent: str, level: str, results: Results) -> dict[int, Mapping[str, Any]]:
    """Returns how an agent played a level in worlds that were not used for any choice, by training seed.

    Args:
        agent: Cell and folder, such as ``"demo/agent_2"``.
        level: Level of the worlds.
        results: All results.
    """
    name, folder = agent.split("/")
    return {
        cell["seed"]: {**played, "per_episode": played["results"]}
        for cell in cells_of("fresh-worlds", results)
        for played in cell["results"]["evaluations"].values()
        if played["agent"].endswith(f"/{name}-{cell['seed']}/{folder}") and played["env_kwargs"]["level"] == level
    }


def course_at(name: str, results: Results) -> dict[int, float]:
    """Returns the success during the trainings of a cell at each of the ``BUDGETS``, a mean over seeds.

    It is the share among the last 100 episodes, which are shorter than those of an evaluation. Empty if there is none.
    """
    courses = [dict(cell["course"]) for cell in cells_of(name, results) if "course" in cell]
    return {ticks: float(np.mean([course[ticks] for course in courses])) for ticks in BUDGETS} if courses else {}


def successes(evaluation: Mapping[str, Any]) -> list[float]:
    """Returns 1 for each world with success, and 0 for each other."""
    return [float(episode["success"]) for episode in evaluation["per_episode"]]


def gains(evaluation: Mapping[str, Any], other: Mapping[str, Any]) -> list[float]:
    """Returns the success in each world less that of another evaluation of the same worlds.

    Raises:
        ValueError: The worlds, or their order, are not the same.
    """
    worlds, others = ([episode.get("seed") for episode in each["per_episode"]] for each in (evaluation, other))
    if worlds != others:
        raise ValueError(f"the evaluations are of other worlds: {worlds[:3]}... and {others[:3]}...")
    return [a - b for a, b in zip(successes(evaluation), successes(other), strict=True)]


def bootstrap_interval(outcomes: Sequence[Sequence[float]], *, confidence: float = 0.95) -> tuple[float, float]:
    """Returns the interval of a mean over training seeds and worlds.

    Percentile bootstrap. Both are samples, so complete seeds and complete worlds are drawn again, with replacement.
    Where one training is better than another in all worlds, this is wider than the stratified bootstrap of Agarwal et
    al. 2021 (arXiv:2108.13264), which draws the seeds of each world by themselves.

    Args:
        outcomes: For each training seed, its outcome in each world: 1 for a success, or a difference of two outcomes.
            The worlds are the same for all seeds.
        confidence: Share of resamples inside the interval.

    Raises:
        ValueError: The seeds did not play the same number of worlds, or there are none.
    """
    if not outcomes or len({len(row) for row in outcomes}) != 1 or not outcomes[0]:
        raise ValueError("each training seed must have played the same worlds, at least one")
    table = np.asarray(outcomes, np.float64)
    seeds, worlds = table.shape
    rng = np.random.default_rng(0)
    # how often each seed and each world is drawn; the mean of a resample is a product of these counts with the table
    seed_counts = rng.multinomial(seeds, np.full(seeds, 1.0 / seeds), size=_RESAMPLES)
    world_counts = rng.multinomial(worlds, np.full(worlds, 1.0 / worlds), size=_RESAMPLES)
    means = np.einsum("rs,sw,rw->r", seed_counts, table, world_counts) / (seeds * worlds)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return float(low), float(high)


def interval_text(outcomes: Sequence[Sequence[float]]) -> str:
    """Returns the interval of a mean in words, in percent."""
    low, high = bootstrap_interval(outcomes)
    return " to ".join(f"{end:.0%}".replace("-0%", "0%") for end in (low, high))
