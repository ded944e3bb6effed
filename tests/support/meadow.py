"""A flat meadow with creatures for the tests."""

from __future__ import annotations

import numpy as np

from vpt_gym.world.catalog.blocks import DIRT, GRASS
from vpt_gym.world.catalog.creatures import WALKING
from vpt_gym.world.core import fields
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures.spawning import spawn
from vpt_gym.world.creatures.tick import advance_creatures

LAWN = 5
"""Height of the feet of a player or creature that stands on the grass."""
NIGHT = 18000


def meadow(
    blocks: dict[tuple[int, int, int], int] | None = None, seed: int = 1, time: int = NOON, player: float = 64.5
) -> WorldState:
    """Returns a flat world of grass with blocks {(x, y, z): id}; the player stands at (player, LAWN, 64.5)."""
    state = WorldState()
    state.blocks[:, :, : LAWN - 1] = DIRT
    state.blocks[:, :, LAWN - 1] = GRASS
    state.ground[:] = LAWN - 1
    for (x, y, z), block in (blocks or {}).items():
        state.blocks[x, z, y] = block
    fields.fill_all(state.world)
    state.place_player(player, float(LAWN), 64.5, 0.0)
    state.clock[0].seed, state.clock[0].time = seed, time
    return state


def put(state: WorldState, kind: int, x: float, z: float, y: float = LAWN) -> np.record:
    """Puts a creature at a place, runs one tick so that it stands, and returns its record."""
    creature: np.record = state.creatures[spawn(state.world, kind, x, y, z)]
    run_ticks(state, 1)
    return creature


def run_ticks(state: WorldState, ticks: int) -> None:
    """Advances the creatures by some ticks; the player does not move."""
    for _ in range(ticks):
        state.player[0].ticks += 1
        state.player[0].hurt_ticks = max(0, state.player[0].hurt_ticks - 1)
        advance_creatures(state.world)


def send(creature: np.record, x: float, z: float, mood: int = WALKING, ticks: int = 1000) -> None:
    """Lets a creature walk to a place."""
    creature.mood, creature.mood_ticks, creature.goal_x, creature.goal_z = mood, ticks, x, z


def dropped(state: WorldState) -> dict[int, int]:
    """Returns the number of dropped items of each id."""
    counts: dict[int, int] = {}
    for item in state.items[state.items["item"] != 0]:
        counts[int(item["item"])] = counts.get(int(item["item"]), 0) + int(item["count"])
    return counts
