"""Writes the info of a tick: a JSON object with everything that MineDojo's observations and tasks read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from vpt_gym.world.catalog.biomes import BIOMES
from vpt_gym.world.catalog.blocks import AIR, BLOCKS, HAND
from vpt_gym.world.catalog.items import DURABILITY, ITEMS
from vpt_gym.world.core.state import SLOTS, WorldState
from vpt_gym.world.interface.facts import facts_of
from vpt_gym.world.interface.observation import look_around
from vpt_gym.world.malmo.commands import MALMO_SLOTS
from vpt_gym.world.malmo.items import AIR_NAME
from vpt_gym.world.malmo.mission import Grid, Mission
from vpt_gym.world.malmo.report.lidar import ray_values
from vpt_gym.world.malmo.report.statistics import Statistics
from vpt_gym.world.rules.crafting import NEARBY_FURNACE, NEARBY_TABLE

AGENT = "MineDojoAgent0"

_CONSTANT = {
    "is_dead": False,
    "living_death_event_fired": False,
    # these are Malmo's names, with its misspelling; MineDojo looks for other names and finds none
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
    "armor": 0,
    "score": 0,
    "xp": 0,
    "is_alive": True,
    "name": AGENT,
    "is_sleeping": False,
}

_TRUTH = ("false", "true")
_CELL = [
    ", ".join(
        json.dumps(value)
        for value in (
            kind.name,
            kind.variant,
            kind.solid,  # is collidable
            kind.tier == HAND,  # is tool not required
            kind.solid,  # blocks movement
            kind.liquid,
            kind.solid,
            kind.burns,
            block != AIR and not kind.plant,  # blocks light
        )
    )
    + ", "
    for block, kind in enumerate(BLOCKS)
]
"""By block id: the values of a cell, except the last one, the cosine between its direction and the view."""


def _slot_text(slot: int, item: int, quantity: int, wear: int) -> str:
    kind = ITEMS[item] if quantity > 0 else None
    uses = int(DURABILITY[item]) if kind is not None else 0
    return json.dumps(
        {
            "name": AIR_NAME if kind is None else kind.name,
            "variant": 0 if kind is None else kind.variant,
            "quantity": quantity,
            "max_durability": uses if uses else -1,
            "cur_durability": uses - wear if uses else -1,
            "index": slot,
            "inventory": "inventory",
        }
    )


_UNUSED_SLOTS = ", ".join(_slot_text(slot, AIR, 0, 0) for slot in range(SLOTS, MALMO_SLOTS))


class InfoWriter:
    """Writes the info of one mission. It caches the parts that have not changed since the last tick.

    Args:
        mission: The mission, with the cells and rays to report.
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

    def write(self, state: WorldState, ticks: int, statistics: Statistics) -> bytes:
        """Returns the info as UTF-8 JSON; ``ticks`` is the number of ticks played so far."""
        facts = facts_of(state.world)
        biome, stations = int(facts.biome_id), int(facts.stations)
        parts = [
            f'{self._constant}, "xpos": {facts.x!r}, "ypos": {facts.y!r}, "zpos": {facts.z!r}, "yaw": {facts.yaw!r}, '
            f'"pitch": {facts.pitch!r}, "can_see_sky": {_TRUTH[int(facts.can_see_sky)]}, '
            f'"life": {facts.life!r}, "food": {facts.food:.0f}, "saturation": {facts.saturation!r}, '
            f'"air": {facts.oxygen:.0f}, "biome_name": "{BIOMES[biome].name}", "biome_id": {biome}, '
            f'"biome_temperature": {facts.temperature!r}, "biome_rainfall": {facts.rainfall!r}, '
            f'"sea_level": {facts.sea_level!r}, "light_level": {facts.light_level!r}, '
            f'"sun_brightness": {facts.sun_brightness!r}, "sky_light_level": {facts.sky_light_level!r}, '
            f'"nearby_crafting_table": {_TRUTH[bool(stations & NEARBY_TABLE)]}, '
            f'"nearby_furnace": {_TRUTH[bool(stations & NEARBY_FURNACE)]}, '
            f'"is_raining": {_TRUTH[int(facts.is_raining)]}, "world_time": {int(state.clock["time"][0])}, '
            f'"total_time": {ticks}, "distance_travelled_cm": {statistics.distance}, '
            f'"current_item_index": {int(facts.slot)}, "inventory": [{self._slots(state)}]',
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
        """Returns 10 values for each cell; x varies fastest, then y, then z."""
        look_around(state.blocks, state.player, *grid.low, self._ids, self._cosines)
        ids: list[Any] = self._ids.ravel(order="F").tolist()
        cosines: list[Any] = self._cosines.ravel(order="F").tolist()
        return ", ".join([_CELL[block] + repr(cosine) for block, cosine in zip(ids, cosines, strict=True)])
