"""The seeds of worlds by purpose, so that nothing is trained or tuned on the worlds of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


SEEDS: Mapping[str, range] = MappingProxyType(
    {
        "demos": range(0, 1_000_000),
        "dagger": range(1_000_000, 2_000_000),
        "ppo": range(2_000_000, 3_000_000),
        "validation": range(8_000_000, 9_000_000),
        "evaluation": range(9_000_000, 10_000_000),
    }
)
"""World seeds by purpose. The bands do not overlap: nothing is trained or tuned on the evaluation worlds."""
