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
RECORDED = ("demos", "play")
"""The purposes that are recorded: demos of tasks, and play without a task."""


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
