"""Writes the info that goes with every picture: a JSON object with all that MineDojo's observations and tasks read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from vpt_gym.world.blocks import AIR, BLOCKS, MASK
from vpt_gym.world.malmo.commands import MALMO_SLOTS
from vpt_gym.world.malmo.conditions import Conditions
from vpt_gym.world.malmo.lidar import ray_values
from vpt_gym.world.malmo.mission import Grid, Mission
from vpt_gym.world.malmo.statistics import Statistics
from vpt_gym.world.observation import LIFE, PLACE, look_around
from vpt_gym.world.physics import EYE_HEIGHT
from vpt_gym.world.state import SLOTS, WorldState

AGENT = "MineDojoAgent0"

_CONSTANT = {
    "is_dead": False,
    "living_death_event_fired": False,
    # the names are Malmo's own, the misspelt one too; MineDojo looks for them elsewhere, and finds none
    "damage_source": {
        "damage_amout": 0.0,
        "hunger_damage": 0.0,
        "is_fire_damage": False,
        "is_magic_damage": False,
        "is_explosion": False,
        "is_projectile": False,
        "is_unblockable": False,
        "damage_distance": 0.0,
        "damage_pitch": 0.0,
        "damage_yaw": 0.0,
    },
    "inventories_available": [{"name": "inventory", "size": MALMO_SLOTS}],
    "armor": int(LIFE["armor"][0]),
    "score": 0,
    "saturation": float(LIFE["saturation"][0]),
    "xp": int(LIFE["xp"][0]),
    "is_alive": True,
    "air": int(LIFE["oxygen"][0]),
    "name": AGENT,
    "is_sleeping": False,
    "biome_name": "Forest",
    "biome_id": int(PLACE["biome_id"]),
    "biome_temperature": float(PLACE["temperature"][0]),
    "biome_rainfall": float(PLACE["rainfall"][0]),
    "sea_level": float(PLACE["sea_level"][0]),
    "light_level": float(PLACE["light_level"][0]),
    "sun_brightness": float(PLACE["sun_brightness"][0]),
    "sky_light_level": float(PLACE["sky_light_level"][0]),
    "nearby_crafting_table": False,
    "nearby_furnace": False,
}

_TRUTH = ("false", "true")
_CELL = [
    ", ".join(
        json.dumps(value)
        for value in (
            kind.name,
            kind.variant,
            block != AIR,  # is collidable
            not kind.needs_tool,
            block != AIR,  # blocks movement
            False,  # is liquid
            block != AIR,  # is solid
            kind.burns,
            block != AIR,  # blocks light
        )
    )
    + ", "
    for block, kind in enumerate(BLOCKS)
]
"""By block id: the values of a cell but the last, which is the cosine to the view."""


def _slot_text(slot: int, block: int, quantity: int) -> str:
    kind = BLOCKS[block if quantity > 0 else AIR]
    return json.dumps(
        {
            "name": kind.name,
            "variant": kind.variant,
            "quantity": quantity,
            "max_durability": -1,
            "cur_durability": -1,
            "index": slot,
            "inventory": "inventory",
        }
    )


_UNUSED_SLOTS = ", ".join(_slot_text(slot, AIR, 0) for slot in range(SLOTS, MALMO_SLOTS))


class InfoWriter:
    """Writes the info of one mission; what did not change since the last one is not written again.

    Args:
        mission: Tells which cells and rays to report.
    """

    def __init__(self, mission: Mission) -> None:
        self._rays = mission.rays
        self._constant = json.dumps(_CONSTANT)[:-1]
        self._inventory_key = b""
        self._inventory = ""
        self._grid: Grid | None = mission.grid
        if self._grid is not None:
            self._ids = np.zeros(self._grid.shape, np.int64)
            self._cosines = np.zeros(self._grid.shape, np.float32)

    def write(self, state: WorldState, conditions: Conditions, statistics: Statistics) -> bytes:
        """Returns the info as UTF-8 JSON."""
        player = state.player
        x, y, z = float(player["x"][0]), float(player["y"][0]), float(player["z"][0])
        covered = float(state.tops[int(x) & MASK, int(z) & MASK]) > y + EYE_HEIGHT
        parts = [
            f'{self._constant}, "xpos": {x!r}, "ypos": {y!r}, "zpos": {z!r}, "yaw": {float(player["yaw"][0])!r}, '
            f'"pitch": {float(player["pitch"][0])!r}, "can_see_sky": {_TRUTH[not covered]}, '
            f'"life": {conditions.health!r}, "food": {conditions.food}, '
            f'"is_raining": {_TRUTH[conditions.is_raining]}, "world_time": {conditions.day_time}, '
            f'"total_time": {conditions.total_time}, "distance_travelled_cm": {statistics.distance}, '
            f'"current_item_index": {int(player["slot"][0])}, "inventory": [{self._slots(state)}]',
            statistics.text(),
        ]
        if self._grid is not None:
            parts.append(f"{json.dumps(self._grid.name)}: [{self._cells(state, self._grid)}]")
        if self._rays:
            parts.append(f'"rays": {json.dumps(ray_values(state, self._rays))}')
        return (", ".join(parts) + "}").encode()

    def _slots(self, state: WorldState) -> str:
        key = state.inventory.tobytes()
        if key != self._inventory_key:
            slots = [_slot_text(slot, *stack) for slot, stack in enumerate(state.inventory.tolist())]
            self._inventory = ", ".join((*slots, _UNUSED_SLOTS))
            self._inventory_key = key
        return self._inventory

    def _cells(self, state: WorldState, grid: Grid) -> str:
        """Returns 10 values for each cell, z outer, y middle, x inner."""
        look_around(state.blocks, state.player, *grid.low, self._ids, self._cosines)
        ids: list[Any] = self._ids.ravel(order="F").tolist()
        cosines: list[Any] = self._cosines.ravel(order="F").tolist()
        return ", ".join([_CELL[block] + repr(cosine) for block, cosine in zip(ids, cosines, strict=True)])
