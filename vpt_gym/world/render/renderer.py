"""``Renderer`` and ``PolicyRenderer`` draw what the player of a world sees. The top module of the renderer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, SIDE
from vpt_gym.world.core.geometry import EYE_HEIGHT, SNEAKING_EYE_HEIGHT
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.kernels.compiled import LANES
from vpt_gym.world.render.art.textures import CRACK_STAGES, art
from vpt_gym.world.render.figures import draw_figures
from vpt_gym.world.render.hand import Hand
from vpt_gym.world.render.overlay.hud import Hud
from vpt_gym.world.render.overlay.screen_view import ScreenView
from vpt_gym.world.render.raster import Raster, complete_raster, mix_rows, policy_raster
from vpt_gym.world.render.raycast import draw_world
from vpt_gym.world.render.rays import FLOAT_ROWS, INT_ROWS, depth_size
from vpt_gym.world.render.shading import FAR
from vpt_gym.world.render.sky import CLOUD_SPEED
from vpt_gym.world.render.sky_state import sky_state_at

Array = np.ndarray[Any, Any]

FIELD_OF_VIEW = 70.0
"""Vertical, degrees: Minecraft's default."""
MIN_SIDE = 32
"""Smallest width and height of a frame, pixels. In smaller ones nothing could be recognised."""


def camera_axes(yaw: float, pitch: float, height: int, width: int) -> Array:
    """Returns (3, 3) float32: forward, right and up, the latter two scaled to the edges of the frame.

    The ray of a pixel is ``forward + u * right + v * up`` with u and v in [-1, 1].
    """
    sy, cy = math.sin(math.radians(yaw)), math.cos(math.radians(yaw))
    sp, cp = math.sin(math.radians(pitch)), math.cos(math.radians(pitch))
    up = math.tan(math.radians(FIELD_OF_VIEW) / 2.0)
    right = up * width / height
    return np.array(
        (
            (-sy * cp, -sp, cy * cp),
            (-cy * right, 0.0, -sy * right),
            (-sy * sp * up, cp * up, cy * sp * up),
        ),
        np.float32,
    )


class Renderer:
    """Draws frames of one size.

    Args:
        height: Pixels, at least ``MIN_SIDE``.
        width: Pixels, at least ``MIN_SIDE``.

    Raises:
        ValueError: The frame is too small.
    """

    def __init__(self, height: int, width: int) -> None:
        if height < MIN_SIDE or width < MIN_SIDE:
            raise ValueError(
                f"image_size is ({height}, {width}); the world draws at least {MIN_SIDE} pixels each way: "
                "ask for more and resize the frame"
            )
        self.height = height
        self.width = width
        self._prepare(complete_raster(height, width))

    def _prepare(self, raster: Raster) -> None:
        """Makes what draws the pixels of a raster."""
        self._raster = raster
        self._hand = Hand(raster, math.tan(math.radians(FIELD_OF_VIEW) / 2.0))
        self._hud = Hud(raster.height, raster.width, raster)
        self._screen = ScreenView(raster)
        self._depth = np.zeros(depth_size(len(raster.rows), len(raster.columns)), np.float32)
        self._surface = self._depth.copy()
        self._floats = np.zeros(FLOAT_ROWS * LANES, np.float32)
        self._ints = np.zeros(INT_ROWS * LANES, np.int32)
        self._colours = np.zeros(3 * LANES, np.uint8)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the size only; the rest is derived from it."""
        return type(self), (self.height, self.width)

    @property
    def picture_size(self) -> tuple[int, int]:
        """(height, width) of the picture that a frame shows, pixels; a policy's frame is scaled to another size."""
        return self._raster.height, self._raster.width

    def draw(self, state: WorldState) -> Array:
        """Returns the frame that the player sees: a new (3, height, width) uint8 array, RGB."""
        return self._drawn(state)

    def _drawn(self, state: WorldState) -> Array:
        """Returns the drawn pixels of the raster, (3, h, w) uint8."""
        raster = self._raster
        height, width, rows, columns = raster.height, raster.width, raster.rows, raster.columns
        world, player = state.world, state.world.player
        x, y, z = float(player["x"][0]), float(player["y"][0]), float(player["z"][0])
        eye_y = y + (SNEAKING_EYE_HEIGHT if player["sneaking"][0] else EYE_HEIGHT)
        eye = np.array((x, eye_y, z), np.float32)
        camera = camera_axes(float(player["yaw"][0]), float(player["pitch"][0]), height, width)
        ticks = int(player["ticks"][0])
        target, stage = -1, -1
        if player["aims"][0]:
            column = int(player["aim_x"][0]) * SIDE + int(player["aim_z"][0])
            target = column * HEIGHT + int(player["aim_y"][0])
            dug = float(player["dug"][0])
            stage = int(dug * CRACK_STAGES) if dug > 0.0 else -1
        look_up = art()
        sky_state = sky_state_at(int(world.clock["time"][0]), ticks * CLOUD_SPEED)
        light = world.light.reshape(-1)
        frame = np.empty(3 * raster.plane, np.uint8)
        self._surface.fill(FAR)
        draw_world(
            height,
            width,
            rows,
            columns,
            camera,
            eye,
            max(float(world.tops.max()), float(int(eye_y) + 1)),
            world.blocks.reshape(-1),
            world.leaps.reshape(-1),
            light,
            look_up.atlas,
            sky_state,
            look_up.cracks,
            target,
            stage,
            ticks,
            frame,
            self._depth,
            self._surface,
            self._floats,
            self._ints,
            self._colours,
        )
        draw_figures(
            height,
            width,
            rows,
            columns,
            camera,
            eye,
            world.items,
            world.creatures,
            light,
            look_up.skins,
            sky_state,
            frame,
            self._depth,
            self._surface,
        )
        cell = (int(x) % SIDE * SIDE + int(z) % SIDE) * HEIGHT + min(HEIGHT - 1, max(0, int(eye_y)))
        item, count, _ = world.inventory[int(player["slot"][0])].tolist()
        held = item if count > 0 else 0
        shine = int(sky_state.lightmap[light[cell]])
        self._hand.draw(frame, held, int(player["swing"][0]), int(player["eat_ticks"][0]), shine)
        self._hud.draw(frame, state)
        if world.screen["open"][0]:
            self._screen.draw(frame, state)
        return frame.reshape(3, len(rows), len(columns))


class PolicyRenderer(Renderer):
    """Draws the frames that a policy sees: equal to pictures of 640 x 360 that ``VPTObsWrapper`` scales to 128 x 128.

    It draws only the pixels that such a picture keeps, one in seven, and mixes them as OpenCV does.
    """

    def __init__(self) -> None:
        raster, self._shares = policy_raster()
        self.height, self.width = len(self._shares), len(raster.columns)
        self._prepare(raster)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies the class only; the rest is derived from it."""
        return type(self), ()

    def draw(self, state: WorldState) -> Array:
        """Returns the frame that a policy sees: a new (3, height, width) uint8 array, RGB."""
        frame = np.empty((3, self.height, self.width), np.uint8)
        mix_rows(self._drawn(state), self._shares, frame)
        return frame
