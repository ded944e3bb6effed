"""A flat world for the tests: ground up to ``FLOOR``, and blocks that a test puts on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import DIRT
from vpt_gym.world.core import fields
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.player.tick import advance

FLOOR = 5
"""Height of the feet of a player who stands on the ground."""


def flat_state(blocks: dict[tuple[int, int, int], int] | None = None, yaw: float = 0.0) -> WorldState:
    """Returns a flat world with blocks {(x, y, z): id}; the player stands at (64.5, FLOOR, 64.5)."""
    state = WorldState()
    state.blocks[:, :, :FLOOR] = DIRT
    state.ground[:] = FLOOR - 1
    for (x, y, z), block in (blocks or {}).items():
        state.blocks[x, z, y] = block
    fields.fill_all(state.world)
    state.place_player(64.5, float(FLOOR), 64.5, yaw)
    run(state, 1)  # so that the player aims
    return state


def run(state: WorldState, ticks: int, dig_speed: float = 1.0, **controls: Any) -> WorldState:
    """Holds the same controls for some ticks."""
    for _ in range(ticks):
        advance(state.world, dig_speed, Controls(**controls).with_exact_types())
    return state


def held(state: WorldState) -> dict[int, int]:
    """Returns the number of items of each id in the inventory."""
    found: dict[int, int] = {}
    for item, count, _ in state.inventory.tolist():
        if count > 0:
            found[item] = found.get(item, 0) + count
    return found


def stow(state: WorldState, **stacks: tuple[int, int]) -> WorldState:
    """Puts stacks (item, how many) into the slots s0 to s35."""
    for name, (item, count) in stacks.items():
        state.inventory[int(name[1:])] = (item, count, 0)
    return state


def position(state: WorldState) -> np.ndarray:
    player = state.player[0]
    return np.array((player.x, player.y, player.z))
