"""What MineDojo tells of a player and his place, as plain numbers: for observations and for the Malmo server."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from vpt_gym.world.biomes import BIRCH_FOREST, DESERT, FOREST, PLAINS, TAIGA
from vpt_gym.world.blocks import MASK, SEA_LEVEL
from vpt_gym.world.light import FULL, celestial_angle, light_at, sky_height, sky_light_at
from vpt_gym.world.physics import EYE_HEIGHT, sin_cos
from vpt_gym.world.state import World

CLIMATE = {
    PLAINS: (0.8, 0.4),
    DESERT: (2.0, 0.0),
    FOREST: (0.7, 0.8),
    TAIGA: (0.25, 0.8),
    BIRCH_FOREST: (0.6, 0.6),
}
"""Temperature and rainfall by biome id, as in Minecraft 1.11."""


class LifeFacts(NamedTuple):
    """The player's state, in MineDojo's terms.

    Attributes:
        life: Half hearts, 0 to 20.
        armor: Always 0: there is no armour in this world.
        food: 0 to 20.
        saturation: 0 to 20.
        oxygen: Ticks of breath left, 0 to 300.
        xp: Always 0.
        is_sleeping: Always 0.
    """

    life: float
    armor: float
    food: float
    saturation: float
    oxygen: float
    xp: float
    is_sleeping: int


class PlaceFacts(NamedTuple):
    """Where the player is, in MineDojo's terms.

    Attributes:
        biome_id: Minecraft's.
        temperature: Of the biome.
        rainfall: Of the biome.
        can_see_sky: There is nothing but leaves of grass and flowers above the feet.
        is_raining: It rains.
        light_level: Light at the feet now, 0 to 15.
        sky_light_level: Light of the sky there as at noon, 0 to 1.
        sun_brightness: 1 by day, 0.2 by night.
        sea_level: Height of the first layer above the water.
    """

    biome_id: int
    temperature: float
    rainfall: float
    can_see_sky: int
    is_raining: int
    light_level: float
    sky_light_level: float
    sun_brightness: float
    sea_level: float


def life_facts(w: World) -> LifeFacts:
    """Returns the player's state."""
    p: Any = w.player[0]
    return LifeFacts(
        life=max(0.0, float(p.health)),
        armor=0.0,
        food=float(p.food),
        saturation=float(p.saturation),
        oxygen=float(max(0, p.air)),
        xp=0.0,
        is_sleeping=0,
    )


def place_facts(w: World) -> PlaceFacts:
    """Returns what is known of the place where the player's feet are."""
    p, clock = w.player[0], w.clock[0]
    x, y, z = math.floor(p.x) & MASK, math.floor(p.y), math.floor(p.z) & MASK
    time, rain = int(clock.time), float(clock.rain)
    biome = int(w.biomes[x, z])
    temperature, rainfall = CLIMATE[biome]
    return PlaceFacts(
        biome_id=biome,
        temperature=temperature,
        rainfall=rainfall,
        can_see_sky=int(sky_height(w.blocks, x, z) <= math.floor(p.y + EYE_HEIGHT)),
        is_raining=int(rain > 0.2),
        light_level=float(light_at(w, x, y, z)),
        sky_light_level=sky_light_at(w, x, y, z) / FULL,
        sun_brightness=sun_brightness(time, rain),
        sea_level=float(SEA_LEVEL + 1),
    )


def sun_brightness(time: int, rain: float) -> float:
    """Returns Minecraft's brightness of the sun, 0.2 to 1, at a time of day in ticks."""
    _, cosine = sin_cos(celestial_angle(time) * 360.0)
    bright = min(1.0, max(0.0, cosine * 2.0 + 0.8)) * (1.0 - rain * 5.0 / 16.0)
    return 0.8 * bright + 0.2
