"""What an episode is about: reward and success, as MineDojo computes them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.blocks import BLOCKS


@functools.cache
def _blocks_named(name: str) -> np.ndarray[Any, Any]:
    """Returns (blocks,) bool, True for each block id of a name."""
    return np.array([kind.name == name for kind in BLOCKS])


@dataclass(frozen=True)
class HarvestTask:
    """Collect items of one name.

    Attributes:
        prompt: MineDojo's text for the task.
        item: Minecraft's name of the item; all its variants count.
        quantity: How many must be in the inventory for success.
        weight: Reward for each further item.
    """

    prompt: str
    item: str
    quantity: int = 1
    weight: float = 1.0

    def count(self, inventory: np.ndarray[Any, Any]) -> int:
        """Returns how many of the items an inventory (SLOTS, 2) holds."""
        return int(inventory[_blocks_named(self.item)[inventory[:, 0]], 1].sum())

    def reward(self, before: int, now: int) -> float:
        """Returns the reward of a tick: count now minus count before, so losing an item costs what it gave."""
        return self.weight * (now - before)

    def success(self, count: int) -> bool:
        """Tells whether enough items are held."""
        return count >= self.quantity


TASKS: dict[str, HarvestTask] = {"harvest_1_log": HarvestTask("obtain log", "log")}
"""The tasks by MineDojo's ids."""
