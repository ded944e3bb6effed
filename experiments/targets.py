"""The targets that were set before anything was measured, and whether they are reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.outcomes import (
    BUDGETS,
    Results,
    course_at,
    gains,
    in_fresh_worlds,
    interval_text,
    played_by,
    successes,
)


@dataclass(frozen=True)
class Measured:
    """A figure and its 95 % interval in words; empty where it has none."""

    figure: float
    interval: str


@dataclass(frozen=True)
class Target:
    """What was aimed at.

    Attributes:
        text: The target, and what is counted.
        measure: Returns what was measured.
        least: It is reached from this figure on, or if it is 0, a difference, above it.
    """

    text: str
    measure: Callable[[Results], Measured]
    least: float = 0.0


def _measured(rows: Sequence[Sequence[float]]) -> Measured:
    return Measured(float(np.mean(rows)), interval_text(rows))


def success(name: str) -> Callable[[Results], Measured]:
    """Returns a function that measures the success of a cell."""
    return lambda results: _measured(list(map(successes, played_by(name, results).values())))


def gain(name: str, other: str) -> Callable[[Results], Measured]:
    """Returns a function that measures the success of a cell less that of another, by seed and world."""

    def measure(results: Results) -> Measured:
        ours, theirs = played_by(name, results), played_by(other, results)
        return _measured([gains(ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())])

    return measure


def rounds(results: Results) -> Measured:
    """Measures the demo's agent after two rounds, in worlds that were not used for any choice."""
    played = in_fresh_worlds("demo/agent_2", "default", results)
    return _measured(list(map(successes, played.values())))


def least_lead(results: Results) -> Measured:
    """Measures by how much PPO from the pretrained policy leads PPO from fresh weights, where the lead is smallest."""
    ours, theirs = (course_at(name, results) for name in ("ppo-foundation", "ppo-scratch"))
    return Measured(min(ours[ticks] - theirs[ticks] for ticks in BUDGETS), "")


TARGETS = (
    Target("`nano-foundation` without a demo: at least 50 %", success("zero-shot"), 0.5),
    Target("with 20 demos: at least 90 %", success("bc-20-foundation"), 0.9),
    Target("with 20 demos: more than fresh weights with 100", gain("bc-20-foundation", "bc-100-scratch")),
    Target(
        "in a fifth of the updates: as much as the best of fresh weights (100 demos and 300 updates less 50 demos and "
        "1,500 updates)",
        gain("bc-100-foundation-300", "bc-50-scratch"),
    ),
    Target("BC and two DAgger rounds: at least 97 %", rounds, 0.97),
    Target("PPO: more than from fresh weights at every budget (the smallest difference)", least_lead),
)
"""Success in unseen `default` worlds, `harvest_1_log`."""


def targets_table(results: Results) -> str:
    """Returns the table of the targets."""
    lines = ["| target | measured | 95 % interval | reached |", "|---|---:|---:|---|"]
    for target in TARGETS:
        measured = target.measure(results)
        reached = measured.figure >= target.least if target.least else measured.figure > 0
        figure = f"{measured.figure:.0%}" if target.least else f"{measured.figure:+.0%}"
        lines.append(f"| {target.text} | {figure} | {measured.interval} | {'yes' if reached else 'no'} |")
    return "\n".join(lines)
