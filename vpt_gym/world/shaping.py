"""Potentials for dense rewards: the distance of the player to a block or creature that the task needs."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.system.did_you_mean import did_you_mean
from vpt_gym.world.catalog.blocks import BLOCKS, HEIGHT, MASK
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.core.geometry import EYE_HEIGHT, wrapped
from vpt_gym.world.core.state import MAX_CREATURES, WorldState
from vpt_gym.world.kernels.compiled import kernel

RANGE = 24
"""Distances are cut off here, blocks."""
PER_BLOCK = 0.02
"""Reward per block of approach. The whole range gives less than half of the reward of a task."""
UNDERGROUND = 12
"""Height range of the search, blocks below and above the feet."""


@kernel
def distance_to_block(w: Any, wanted: Any, most: int, height: int) -> float:
    """Returns the distance from the eye to the middle of the nearest wanted block, at most ``most`` blocks.

    Args:
        w: The ``World``.
        wanted: (blocks,) bool, by block id.
        most: Range of the search, blocks.
        height: Range of the search up and down, blocks.
    """
    p = w.player[0]
    cx = math.floor(p.x)
    cy = math.floor(p.y)
    cz = math.floor(p.z)
    nearest = float(most * most)
    for ring in range(most):
        if ring > 1 and (ring - 1.5) * (ring - 1.5) > nearest:
            break
        for i in range(-ring, ring + 1):
            inner = abs(i) != ring
            step = 2 * ring if inner and ring > 0 else 1
            for j in range(-ring, ring + 1, step):
                x = cx + i
                z = cz + j
                dx = x + 0.5 - p.x
                dz = z + 0.5 - p.z
                for y in range(max(0, cy - height), min(HEIGHT, cy + height)):
                    if wanted[w.blocks[x & MASK, z & MASK, y]]:
                        dy = y + 0.5 - p.y - EYE_HEIGHT
                        nearest = min(nearest, dx * dx + dy * dy + dz * dz)
    return math.sqrt(nearest)


@dataclass(frozen=True)
class NearBlock:
    """A potential that rises by ``PER_BLOCK`` for each block of approach to the nearest block of a name.

    Raises:
        ValueError: There is no such block.
    """

    name: str

    def __post_init__(self) -> None:
        names = {kind.name for kind in BLOCKS}
        if self.name not in names:
            raise ValueError(
                f"there is no block {self.name!r} in this world{did_you_mean(self.name, names)}; there are "
                f"{', '.join(sorted(names))}"
            )

    def __call__(self, state: WorldState) -> float:
        """Returns the potential of a state."""
        return PER_BLOCK * (RANGE - distance_to_block(state.world, _named(self.name), RANGE, UNDERGROUND))


@functools.cache
def _named(name: str) -> np.ndarray[Any, Any]:
    return np.array([kind.name == name for kind in BLOCKS])


@dataclass(frozen=True)
class NearCreature:
    """A potential that rises by ``PER_BLOCK`` for each block of approach to the nearest creature of a kind.

    Raises:
        ValueError: There is no such kind.
    """

    kind: int

    def __post_init__(self) -> None:
        if self.kind not in range(1, len(KINDS)):
            kinds = ", ".join(f"{number} {kind.name}" for number, kind in enumerate(KINDS) if number)
            raise ValueError(f"there is no kind {self.kind!r} of creature in this world; there are {kinds}")

    def __call__(self, state: WorldState) -> float:
        """Returns the potential of a state."""
        player, creatures = state.player[0], state.creatures
        nearest = float(RANGE)
        for k in range(MAX_CREATURES):
            if creatures["kind"][k] == self.kind and creatures["death_ticks"][k] == 0:
                dx, dz = wrapped(creatures["x"][k] - player.x), wrapped(creatures["z"][k] - player.z)
                nearest = min(nearest, math.hypot(dx, creatures["y"][k] - player.y, dz))
        return PER_BLOCK * (RANGE - nearest)
