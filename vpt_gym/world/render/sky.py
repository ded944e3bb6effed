"""The sky and the light at a time of day: colours, sun, stars, clouds, fog, and the brightness of each light level.

This is the lowest module of the renderer. ``sky_state`` packs its results for the kernels.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.core.clock import TICKS_PER_DAY

Array = np.ndarray[Any, Any]

TIME_STEP = 20
"""Sky and light change in steps of this many ticks, so their tables are computed once a second."""
CLOUD_CELLS = 64
CLOUD_HEIGHT = np.float32(72.0)
CLOUD_SPEED = 0.05
"""Blocks per tick."""
STAR_CELLS = 256
FOG_START, FOG_END = 36.0, 62.0
"""Blocks. The end is less than half the torus, so that nothing is seen twice."""
HORIZON = (192, 216, 255)
ZENITH = (120, 167, 255)
BELOW = (150, 170, 200)
"""Colours of the sky at noon: at the horizon (also the fog), overhead, and below the horizon."""
NIGHT_SKY = (5, 7, 17)
"""Colour of the sky at night."""


class Daylight(NamedTuple):
    """The sky and the light at one time.

    Attributes:
        sky: (256,) uint32, 0x00BBGGRR, colour by the sine of the view's elevation, -1 to 1.
        lightmap: (256,) uint32, 0x00BBGGRR, brightness of each channel, by the byte of ``World.light``.
        haze: (3,) float64, colour of the fog.
        sun: Direction of the sun along x (east) and y.
        stars: Brightness of the stars, 0 to 1.
        clouds: Brightness of the clouds, 0 to 1.
        glow: How much the sky glows around a low sun, 0 to 1.
    """

    sky: Array
    lightmap: Array
    haze: Array
    sun: tuple[float, float]
    stars: float
    clouds: float
    glow: float


def packed(colours: Array) -> Array:
    """Packs (..., 3) colours, 0 to 255, into uint32 0x00BBGGRR."""
    c = np.clip(colours, 0, 255).astype(np.uint32)
    return np.asarray(c[..., 0] | (c[..., 1] << 8) | (c[..., 2] << 16))


def sun_angle(time: float) -> float:
    """Returns the angle of the sun from the zenith, radians, positive in the afternoon; with Minecraft's slow dawn."""
    turn = (time / TICKS_PER_DAY - 0.25) % 1.0
    eased = 0.5 - 0.5 * math.cos(math.pi * turn)
    return 2.0 * math.pi * (turn + (eased - turn) / 3.0)


def daylight(time: int) -> Daylight:
    """Returns the sky and the light at a time of day, in ticks. The arrays are read-only and shared."""
    return _daylight(time % TICKS_PER_DAY // TIME_STEP)


@functools.lru_cache(maxsize=TICKS_PER_DAY // TIME_STEP)
def _daylight(step: int) -> Daylight:
    angle = sun_angle(step * TIME_STEP)
    height = math.cos(angle)
    day = min(1.0, max(0.0, 2.0 * height + 0.5))
    glow = max(0.0, 1.0 - (abs(height + 0.02) / 0.4) ** 2) if abs(height + 0.02) < 0.4 else 0.0
    night = np.array(NIGHT_SKY, np.float64)
    horizon, zenith, below = (np.array(c) * day + night * (1.0 - day) for c in (HORIZON, ZENITH, BELOW))
    horizon = horizon + night * (1.0 - day)
    up = np.linspace(-1.0, 1.0, 256)[:, None]
    above = horizon + (zenith - horizon) * np.clip(1.8 * up, 0.0, 1.0)
    under = horizon + (below - horizon) * np.clip(-2.0 * up, 0.0, 1.0)
    sky = packed(np.where(up >= 0.0, above, under))
    lightmap = packed(255.0 * _brightness(min(1.0, max(0.0, 2.0 * height + 0.2))))
    for array in (sky, lightmap, horizon):
        array.flags.writeable = False
    stars = min(1.0, max(0.0, 0.75 - 2.0 * (height + 0.25)))
    return Daylight(sky, lightmap, horizon, (-math.sin(angle), math.cos(angle)), stars, 0.10 + 0.90 * day, glow)


def _brightness(sun: float) -> Array:
    """Returns (256, 3), 0 to 1: the brightness for each byte of light. Block light is warmer than sky light."""
    level = np.arange(16) / 15.0
    curve = level / (4.0 - 3.0 * level)
    of_sky = (
        np.repeat(curve, 16)[:, None]
        * (0.16 + 0.84 * sun)
        * (np.array((0.62, 0.68, 1.0)) * (1.0 - sun) + np.array((1.0, 1.0, 1.0)) * sun)
    )
    warm = np.tile(curve, 16)[:, None]
    of_blocks = np.concatenate((warm, warm * (0.40 + 0.60 * warm**0.5), warm * (0.22 + 0.70 * warm)), axis=1) * 1.15
    together = np.clip(0.035 + 0.965 * (of_sky + of_blocks), 0.0, 1.0)
    # between linear and a fourth power, so that caves are dark but still visible
    return np.asarray(0.5 * together + 0.5 * (1.0 - (1.0 - together) ** 4))


def clouds() -> Array:
    """Returns (CLOUD_CELLS ** 2,) uint8: 1 where there is cloud."""
    rng = np.random.default_rng(99)
    blobs = np.kron(rng.random((16, 16)), np.ones((4, 4)))
    edges = np.kron(rng.random((32, 32)), np.ones((2, 2)))
    return np.asarray((0.7 * blobs + 0.3 * edges > 0.66).astype(np.uint8).reshape(-1))


def stars() -> Array:
    """Returns (2 * STAR_CELLS ** 2,) uint8: brightness of the stars of each half of the sky."""
    rng = np.random.default_rng(41)
    field = np.zeros(2 * STAR_CELLS**2, np.uint8)
    places = rng.integers(0, field.size, 700)
    field[places] = rng.integers(110, 256, places.size)
    return field
