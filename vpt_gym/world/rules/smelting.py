"""Furnaces: each in use has a record in ``World.furnaces``; they burn, and smelt an item in 200 ticks.

The records in use are the first ones of the array. Simpler than Minecraft: a burning furnace gives no light, and only
what can be smelted goes into it.
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
    """Returns the record of the furnace at a place, a new one if need be, or -1 when too many are in use."""
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
    """Tells whether a furnace is empty and cold: its record can be given up."""
    inside = furnace.input_count + furnace.fuel_count + furnace.output_count
    return bool(inside + furnace.burn_ticks + furnace.cook_ticks == 0)


def forget_idle(world: World) -> None:
    """Gives up the records of furnaces that are empty and cold."""
    furnaces = world.furnaces
    keep = [k for k in range(MAX_FURNACES) if furnaces[k].used and not is_idle(furnaces[k])]
    furnaces[: len(keep)] = furnaces[keep]
    furnaces[len(keep) :] = np.zeros(1, FURNACE_STATE)


def can_smelt(furnace: Any) -> bool:
    """Tells whether a furnace has something to smelt, and room for what it makes."""
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
