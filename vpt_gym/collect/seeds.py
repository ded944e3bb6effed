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
"""World seeds by purpose. The ranges do not overlap: no training or tuning uses the evaluation worlds."""
