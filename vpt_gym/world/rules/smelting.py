"""Furnaces. Each furnace in use has a record in ``World.furnaces``; these records come first in the array.

Simpler than Minecraft: a burning furnace emits no light, and its input takes only items that can be smelted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.items import BURN_TICKS, STACK_SIZE
from vpt_gym.world.catalog.recipes import SMELTED
from vpt_gym.world.core.state import FURNACE_STATE, MAX_FURNACES, World

SMELT_TICKS = 200
"""Ticks in which a furnace smelts one item."""


def furnace_at(world: World, x: int, y: int, z: int) -> int:
    """Returns the index of the record of the furnace in a cell, a new one if needed, or -1 if all are in use."""
    furnaces = world.furnaces
    for k in range(MAX_FURNACES):
        furnace = furnaces[k]
        if not furnace.used:
            furnace.used, furnace.x, furnace.y, furnace.z = 1, x, y, z
            return k
        if (furnace.x, furnace.y, furnace.z) == (x, y, z):
            return k
    return -1


def is_idle(furnace: Any) -> bool:
    """Returns whether a furnace is empty and cold, so that its record can be freed."""
    inside = furnace.input_count + furnace.fuel_count + furnace.output_count
    return bool(inside + furnace.burn_ticks + furnace.cook_ticks == 0)


def forget_idle(world: World) -> None:
    """Frees the records of furnaces that are empty and cold."""
    furnaces = world.furnaces
    keep = [k for k in range(MAX_FURNACES) if furnaces[k].used and not is_idle(furnaces[k])]
    furnaces[: len(keep)] = furnaces[keep]
    furnaces[len(keep) :] = np.zeros(1, FURNACE_STATE)


def can_smelt(furnace: Any) -> bool:
    """Returns whether a furnace has an item to smelt and room for the result."""
    if furnace.input_count <= 0 or int(furnace.input) not in SMELTED:
        return False
    result = SMELTED[int(furnace.input)]
    return bool(furnace.output_count <= 0 or (furnace.output == result and furnace.output_count < STACK_SIZE[result]))


def burn(furnace: Any) -> None:
    """Advances one furnace by one tick."""
    if furnace.burn_ticks > 0:
        furnace.burn_ticks -= 1
    smelts = can_smelt(furnace)
    if furnace.burn_ticks == 0 and smelts and furnace.fuel_count > 0:
        furnace.burn_ticks = furnace.burn_total = BURN_TICKS[furnace.fuel]
        furnace.fuel_count -= 1
    if furnace.burn_ticks > 0 and smelts:
        furnace.cook_ticks += 1
        if furnace.cook_ticks == SMELT_TICKS:
            furnace.cook_ticks = 0
            furnace.output = SMELTED[int(furnace.input)]
            furnace.output_count = max(0, furnace.output_count) + 1
            furnace.input_count -= 1
    elif furnace.burn_ticks > 0 or (smelts and furnace.fuel_count > 0):
        furnace.cook_ticks = 0
    else:
        furnace.cook_ticks = max(0, furnace.cook_ticks - 2)


def advance_furnaces(world: World) -> None:
    """Advances all furnaces in use by one tick."""
    for furnace in world.furnaces:
        if not furnace.used:
            break
        burn(furnace)
