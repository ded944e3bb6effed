"""Draws the player's arm, or the item in the hand, at the lower right of the frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.state import SWING_TICKS
from vpt_gym.world.render.art.creature_models import SKINS
from vpt_gym.world.render.art.textures import art
from vpt_gym.world.render.boxes import AXES, BOX_COLUMNS, HALF, MIDDLE, SHINE, SKIN, SPRITE, draw_box
from vpt_gym.world.render.figures import FIRST_SKIN, FIRST_SPRITE, IS_FLAT, shift, turn
from vpt_gym.world.render.overlay.gui import Layer, blend
from vpt_gym.world.render.raster import Raster
from vpt_gym.world.render.rays import depth_size
from vpt_gym.world.render.shading import FAR
from vpt_gym.world.render.sky_state import sky_state_at

Array = np.ndarray[Any, Any]

EATING_PHASES = 4
HELD_CACHE = 128
"""Most cached pictures of the hand, one for each item and phase."""
ARM_SKIN = FIRST_SKIN + SKINS.index("arm") * 1536


def _upright(x: float, y: float, z: float) -> Array:
    """Returns a box in view axes: x to the right, y up, z ahead, in blocks from the eye."""
    box = np.zeros(BOX_COLUMNS)
    box[MIDDLE : MIDDLE + 3] = x, y, z
    box[AXES], box[AXES + 4], box[AXES + 8] = 1.0, 1.0, 1.0
    box[SHINE : SHINE + 3] = 255.0
    return box


def _posed(item: int, swing: int, eating: int) -> Array:
    """Returns the box of the arm, the held block or the held item, in its pose."""
    phase = math.sin(math.pi * swing / SWING_TICKS)
    early = math.sin(math.pi * math.sqrt(swing / SWING_TICKS))
    if item == 0:
        box = _upright(0.68 - 0.36 * early, -0.56 + 0.16 * phase, 0.80 + 0.12 * phase)
        turn(box, 2, 0, -24.0 - 26.0 * early)
        turn(box, 1, 2, 236.0 + 14.0 * phase)
        turn(box, 2, 0, 12.0)
        box[HALF : HALF + 3] = 0.125, 0.375, 0.125
        box[SKIN] = ARM_SKIN
        return box
    x, y, z = 0.58 - 0.36 * early, -0.46 + 0.14 * phase, 0.92 - 0.06 * phase
    if eating:
        x, y, z = 0.20, -0.34 + 0.05 * math.sin(0.5 * math.pi * eating), 0.70
    box = _upright(x, y, z)
    if IS_FLAT[item]:
        turn(box, 0, 2, 128.0 + 16.0 * early)
        turn(box, 0, 1, -14.0 - 52.0 * phase)
        shift(box, 0.04, 0.14, 0.0)
        box[HALF : HALF + 3] = 0.34, 0.34, 0.34 / 16
        box[SKIN] = FIRST_SPRITE + item * 256
        box[SPRITE] = 1.0
    else:
        turn(box, 0, 2, 45.0 + 25.0 * early)
        turn(box, 1, 2, 30.0 * phase)
        box[HALF : HALF + 3] = 0.2
        box[SKIN] = item * 1536
    return box


class Hand:
    """Draws the hand in frames of one size.

    Args:
        raster: The pixels of the frames.
        up: Tangent of half the vertical field of view.
    """

    def __init__(self, raster: Raster, up: float) -> None:
        self._raster = raster
        self._camera = np.array(((0, 0, 1), (up * raster.width / raster.height, 0, 0), (0, up, 0)), np.float32)
        self._sky_state = sky_state_at(NOON, 0.0)
        self._layers: dict[tuple[int, int, int], Layer] = {}

    def draw(self, frame: Array, item: int, swing: int, eat_ticks: int, shine: int) -> None:
        """Draws on a flat (3, h, w) frame, in place.

        Args:
            frame: The frame.
            item: Item id in the hand, 0 = nothing.
            swing: Phase of the swing, 0 to ``SWING_TICKS`` - 1.
            eat_ticks: Ticks for which the player has been eating.
            shine: Light on the hand, 0x00BBGGRR.
        """
        eating = eat_ticks // 2 % EATING_PHASES + 1 if eat_ticks > 0 else 0
        pose = (item, swing, eating)
        if pose not in self._layers:
            if len(self._layers) >= HELD_CACHE:
                del self._layers[next(iter(self._layers))]  # the oldest
            self._layers[pose] = self._draw(*pose)
        layer = self._layers[pose]
        light = ((shine >> bits & 255) + 1 for bits in (0, 8, 16))
        blend(frame, self._raster.plane, *layer, *light)

    def _draw(self, item: int, swing: int, eating: int) -> Layer:
        raster, plane = self._raster, self._raster.plane
        frame = np.zeros(3 * plane, np.uint8)
        depth = np.full(depth_size(len(raster.rows), len(raster.columns)), FAR, np.float32)
        box = _posed(item, swing, eating)
        skins = art().skins
        dry = depth.copy()
        pixels = (raster.height, raster.width, raster.rows, raster.columns)
        draw_box(box, *pixels, self._camera, skins, self._sky_state, frame, depth, dry)
        covered = np.flatnonzero(frame.reshape(3, plane).any(0))
        colours = frame.reshape(3, plane)[:, covered].T.astype(np.uint16)
        return Layer(covered.astype(np.int64), np.ascontiguousarray(colours), np.full(len(covered), 256, np.uint16))
