"""The sky and the light at one moment, as arrays for the render kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.render.art.textures import art
from vpt_gym.world.render.sky import FOG_END, FOG_START, daylight

Array = np.ndarray[Any, Any]


class SkyState(NamedTuple):
    """The sky and the light at one moment; see ``sky``.

    Attributes:
        sky: (256,) uint32, 0x00BBGGRR, colour by the sine of the view's elevation, -1 to 1.
        lightmap: (256,) uint32, 0x00BBGGRR, brightness of each channel, by the byte of ``World.light``.
        clouds: (CLOUD_CELLS ** 2,) uint8, 1 where there is cloud.
        stars: (2 * STAR_CELLS ** 2,) uint8, brightness.
        haze: (3,) int32, colour of the fog.
        numbers: (8,) float32: direction of the sun along x and y, brightness of the stars and of the clouds, glow of a
            low sun, all 0 to 1; drift of the clouds in blocks; start and inverse depth of the fog in blocks.
    """

    sky: Array
    lightmap: Array
    clouds: Array
    stars: Array
    haze: Array
    numbers: Array


def sky_state_at(time: int, drift: float) -> SkyState:
    """Returns the sky and the light at a time of day.

    Args:
        time: Time of day, ticks.
        drift: Distance that the clouds have moved, blocks.
    """
    now, look_up = daylight(time), art()
    numbers = (*now.sun, now.stars, now.clouds, now.glow, drift, FOG_START, 1.0 / (FOG_END - FOG_START))
    return SkyState(
        now.sky, now.lightmap, look_up.clouds, look_up.stars, now.haze.astype(np.int32), np.array(numbers, np.float32)
    )
