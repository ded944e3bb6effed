"""World seeds by purpose, so that no training uses the worlds of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SEEDS: Mapping[str, range] = MappingProxyType(
    {
        "demos": range(0, 1_000_000),
        "dagger": range(1_000_000, 2_000_000),
        "ppo": range(2_000_000, 3_000_000),
        "play": range(3_000_000, 4_000_000),
        "validation": range(8_000_000, 9_000_000),
        "evaluation": range(9_000_000, 10_000_000),
    }
)
"""World seeds by purpose. The ranges do not overlap: no training uses the evaluation worlds."""
_TRAININGS, _APART = 50, 10_000
"""Training seeds with worlds of their own, and how many worlds lie between the first ones of two of them."""
RECORDED = ("demos", "play")
"""The purposes that are recorded: demos of tasks, and play without a task."""


def training_worlds(purpose: str, seed: int) -> range:
    """Returns the worlds of a training run in the order in which it plays them.

    Trainings with different seeds begin in different worlds and share none in their first 10,000 episodes. Seeds that
    differ by a multiple of 50 have the same worlds.

    Args:
        purpose: A key of ``SEEDS``.
        seed: Seed of the training.

    Example:
        >>> training_worlds("ppo", 3)
        range(2030000, 3000000)
    """
    return SEEDS[purpose][seed % _TRAININGS * _APART :]


def recorded_band(seed: int) -> range:
    """Returns the seeds of the purpose, of those in ``RECORDED``, to which a seed belongs.

    Raises:
        ValueError: It belongs to none.
    """
    for purpose in RECORDED:
        if seed in SEEDS[purpose]:
            return SEEDS[purpose]
    demos, play = (SEEDS[purpose] for purpose in RECORDED)
    raise ValueError(
        f"seed is {seed}; demos have seeds from {demos.start} to {demos.stop - 1}, play without a task has seeds from "
        f"{play.start} to {play.stop - 1}, so that no recording is from a world that agents are evaluated in"
    )
