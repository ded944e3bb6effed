"""The numbers that MineDojo reports of a player and the surroundings, for observations and for the Malmo server."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.catalog.biomes import BIRCH_FOREST, DESERT, FOREST, PLAINS, TAIGA
from vpt_gym.world.catalog.blocks import MASK, SEA_LEVEL
from vpt_gym.world.core.geometry import EYE_HEIGHT, sin_cos
from vpt_gym.world.core.light import FULL, celestial_angle, light_at, sky_height, sky_light_at
from vpt_gym.world.core.state import World
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.crafting import nearby_stations

CLIMATE = {
    PLAINS: (0.8, 0.4),
    DESERT: (2.0, 0.0),
    FOREST: (0.7, 0.8),
    TAIGA: (0.25, 0.8),
    BIRCH_FOREST: (0.6, 0.6),
}
"""Temperature and rainfall by biome id, as in Minecraft 1.11."""

_CLIMATES = np.zeros((max(CLIMATE) + 1, 2))
for _biome, _climate in CLIMATE.items():
    _CLIMATES[_biome] = _climate


class Facts(NamedTuple):
    """The player's state and surroundings, in MineDojo's terms.

    There is no armour, no experience and no sleep in this world.

    Attributes:
        x: Position of the feet, blocks.
        y: See ``x``.
        z: See ``x``.
        yaw: View direction, degrees.
        pitch: View direction, degrees, + is down.
        life: Half hearts, 0 to 20.
        food: 0 to 20.
        saturation: 0 to 20.
        oxygen: Ticks of breath left, 0 to 300.
        biome_id: Minecraft's id of the biome.
        temperature: Of the biome.
        rainfall: Of the biome.
        can_see_sky: 1 if only air and plants are above the head.
        is_raining: 1 if it rains.
        light_level: Light at the feet now, 0 to 15.
        sky_light_level: Light of the sky there as at noon, 0 to 1.
        sun_brightness: 1 by day, 0.2 by night.
        sea_level: Height of the lowest layer above the water, blocks.
        stations: The result of ``crafting.nearby_stations``.
        slot: The selected slot of the hotbar, 0 to 8.
    """

    x: float
    y: float
    z: float
    yaw: float
    pitch: float
    life: float
    food: float
    saturation: float
    oxygen: float
    biome_id: float
    temperature: float
    rainfall: float
    can_see_sky: float
    is_raining: float
    light_level: float
    sky_light_level: float
    sun_brightness: float
    sea_level: float
    stations: float
    slot: float


@kernel
def _write_facts(w: Any, numbers: Any) -> None:
    """Writes the numbers of ``Facts``. One compiled call is many times as fast as reading them one by one."""
    p = w.player[0]
    clock = w.clock[0]
    x = math.floor(p.x) & MASK
    y = math.floor(p.y)
    z = math.floor(p.z) & MASK
    biome = int(w.biomes[x, z])
    _, cosine = sin_cos(celestial_angle(clock.time) * 360.0)
    bright = min(1.0, max(0.0, cosine * 2.0 + 0.8)) * (1.0 - clock.rain * 5.0 / 16.0)
    numbers[0] = p.x
    numbers[1] = p.y
    numbers[2] = p.z
    numbers[3] = p.yaw
    numbers[4] = p.pitch
    numbers[5] = max(0.0, p.health)
    numbers[6] = p.food
    numbers[7] = p.saturation
    numbers[8] = max(0, p.air)
    numbers[9] = biome
    numbers[10] = _CLIMATES[biome, 0]
    numbers[11] = _CLIMATES[biome, 1]
    numbers[12] = 1.0 if sky_height(w.blocks, x, z) <= math.floor(p.y + EYE_HEIGHT) else 0.0
    numbers[13] = 1.0 if clock.rain > 0.2 else 0.0
    numbers[14] = light_at(w, x, y, z)
    numbers[15] = sky_light_at(w, x, y, z) / FULL
    numbers[16] = 0.8 * bright + 0.2
    numbers[17] = SEA_LEVEL + 1
    numbers[18] = nearby_stations(w)
    numbers[19] = p.slot


def facts_of(w: World) -> Facts:
    """Returns the numbers that MineDojo would report of a world now."""
    numbers = np.empty(len(Facts._fields))
    _write_facts(w, numbers)
    return Facts(*numbers.tolist())
