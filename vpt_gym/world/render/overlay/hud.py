"""The heads-up display: crosshair, hotbar, hearts, food and air, laid out as in Minecraft 1.11.

A GUI pixel is one pixel of the frame, as in VPT's 640 x 360 frames and in MineDojo's usual sizes. From 640 x 480 up it
is 2 x 2 pixels, and so on, as in Minecraft. If a frame is narrower than 190 GUI pixels or lower than 80, the GUI pixel
shrinks until they fit (Minecraft would cut the hotbar off). Below ``MIN_SCALE`` only the crosshair is drawn, because
nothing else would be legible.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from vpt_gym.world.core.state import HOTBAR_SLOTS, MAX_AIR, WorldState
from vpt_gym.world.render.overlay.gui import Layer, blend, drawn, joined, scaled, solid, sprite, stack_layers, tint
from vpt_gym.world.render.raster import Raster, complete_raster
from vpt_gym.world.rules.vitals import HURT_DELAY

Array = np.ndarray[Any, Any]

MIN_SCALE = 0.5
"""Frame pixels per GUI pixel: a heart of 9 GUI pixels needs at least 4.5 pixels."""
BAR_WIDTH, BAR_HEIGHT = 182, 22
NO_BUBBLES = -1
"""The player's head is out of the water, so no bubbles are shown."""

_HEART = (
    ".kk...kk.",
    "kRRk.kRRk",
    "kRWRkRRRk",
    "kRRRRRRRk",
    "kRRRRRRDk",
    ".kRRRRDk.",
    "..kRRDk..",
    "...kDk...",
    "....k....",
)
_FOOD = (
    ".....kkk.",
    "...kkBBBk",
    "..kBLBBBk",
    "..kBBBBDk",
    "..kBBBBDk",
    "..kBBDDk.",
    ".kwkkkk..",
    "kwwk.....",
    ".kk......",
)
_BUBBLE = (
    "..bbbbb..",
    ".b.....b.",
    "b.ww....b",
    "b.w.....b",
    "b.......b",
    "b.......b",
    "b......lb",
    ".b...ll..",
    "..bbbbb..",
)
_BLACK, _DARK = (20, 14, 14), (54, 46, 46)
_RED = {"k": _BLACK, "R": (222, 28, 28), "W": (255, 190, 190), "D": (160, 12, 12)}
_BROWN = {"k": _BLACK, "B": (176, 106, 48), "L": (216, 158, 92), "D": (128, 70, 28), "w": (236, 226, 206)}
_AIR = {"b": (70, 130, 240), "w": (255, 255, 255), "l": (160, 200, 255)}


def _meter(rows: tuple[str, ...], palette: dict[str, tuple[int, int, int]], points: int, leftwards: bool) -> Array:
    """Returns a row of ten symbols. Each stands for two points; an odd point is half a symbol."""
    full, empty = sprite(rows, palette), sprite(rows, {"k": _BLACK} | {key: _DARK for key in palette if key != "k"})
    result = np.zeros((9, 81, 4))
    for k in range(10):
        symbol = empty.copy()
        worth = min(2, max(0, points - 2 * k))
        if leftwards:
            symbol[:, 9 - (9, 5, 0)[2 - worth] :] = full[:, 9 - (9, 5, 0)[2 - worth] :]
        else:
            symbol[:, : (0, 5, 9)[worth]] = full[:, : (0, 5, 9)[worth]]
        x = 72 - 8 * k if leftwards else 8 * k
        covered = symbol[..., 3:] > 0
        result[:, x : x + 9] = np.where(covered, symbol, result[:, x : x + 9])
    return result


def _hotbar() -> Array:
    bar = solid(BAR_HEIGHT, BAR_WIDTH, (24, 24, 24), 0.55)
    bar[[0, -1]] = (8, 8, 8, 0.85)
    bar[:, [0, -1]] = (8, 8, 8, 0.85)
    for slot in range(HOTBAR_SLOTS):
        x = 1 + 20 * slot
        frame = solid(20, 20, (116, 116, 116), 0.85)
        frame[2:18, 2:18] = bar[5, 5]
        frame[0, :, :3] *= 0.65
        frame[:, 0, :3] *= 0.65
        bar[1:21, x : x + 20] = frame
    return bar


def _selection() -> Array:
    frame = solid(24, 24, (236, 236, 236))
    frame[[0, -1]] = (40, 40, 40, 1.0)
    frame[:, [0, -1]] = (40, 40, 40, 1.0)
    frame[3:21, 3:21] = 0.0
    return frame


class Hud:
    """Draws the heads-up display of frames of one size.

    Args:
        height: Height of the complete picture, pixels.
        width: Width of the complete picture, pixels.
        raster: The pixels of it that are drawn; None: all.
    """

    def __init__(self, height: int, width: int, raster: Raster | None = None) -> None:
        self._height = height
        self._width = width
        self._raster = complete_raster(height, width) if raster is None else raster
        chosen = max(1, min(width // 320, height // 240))
        self._scale = min(chosen, width / 190.0, height / 80.0)
        self._left = width / 2 - BAR_WIDTH / 2 * self._scale
        self._cross = self._crosshair()
        self._key: tuple[object, ...] = ()
        self._layer = self._cross
        # these parts change often and have few states
        self._hearts = functools.lru_cache(maxsize=21)(self._draw_hearts)
        self._food = functools.lru_cache(maxsize=21)(self._draw_food)
        self._selection = functools.lru_cache(maxsize=9)(self._draw_selection)
        self._stack = functools.lru_cache(maxsize=256)(self._draw_stack)
        self._bar = self._at(_hotbar(), 0, BAR_HEIGHT) if self._scale >= MIN_SCALE else None

    def draw(self, frame: Array, state: WorldState) -> None:
        """Draws on a flat (3, h, w) frame of the drawn pixels, in place."""
        world = state.world
        health, food, air, hurt, slot = (
            world.player[name][0] for name in ("health", "food", "air", "hurt_ticks", "slot")
        )
        if hurt > 0:
            tint(frame, 200, 0, 0, 70 * min(HURT_DELAY, int(hurt)) // HURT_DELAY)
        hotbar = world.inventory[:HOTBAR_SLOTS]
        bubbles = NO_BUBBLES if air >= MAX_AIR else max(0, math.ceil(10 * air / MAX_AIR))
        key = (hotbar.tobytes(), int(slot), math.ceil(health), int(food), bubbles)
        if key != self._key:
            self._layer = drawn(self._compose(hotbar, key), self._raster)
            self._key = key
        blend(frame, self._raster.plane, *self._layer, 256, 256, 256)

    def _compose(self, hotbar: Array, key: tuple[Any, ...]) -> Layer:
        if self._bar is None:
            return self._cross
        _, slot, health, food, bubbles = key
        layers = [self._cross, self._bar, self._selection(slot)]
        for k, (item, count, wear) in enumerate(hotbar.tolist()):
            if count > 0:
                layers.append(self._stack(k, item, count, wear))
        layers += [self._hearts(min(20, max(0, health))), self._food(min(20, max(0, food)))]
        if bubbles > 0:
            air = np.zeros((9, 8 * bubbles + 1, 4))
            for k in range(bubbles):
                air[:, 8 * k : 8 * k + 9] += sprite(_BUBBLE, _AIR)
            layers.append(self._at(air, BAR_WIDTH - 8 * bubbles - 1, 49))
        return joined(layers)

    def _at(self, part: Array, x: float, up: float) -> Layer:
        """Places a picture ``x`` GUI pixels right of the hotbar's left end, ``up`` above the bottom edge."""
        s = self._scale
        return scaled(part, self._left + x * s, self._height - up * s, s, s, self._height, self._width)

    def _draw_hearts(self, health: int) -> Layer:
        return self._at(_meter(_HEART, _RED, health, leftwards=False), 0, 39)

    def _draw_food(self, food: int) -> Layer:
        return self._at(_meter(_FOOD, _BROWN, food, leftwards=True), BAR_WIDTH - 81, 39)

    def _draw_selection(self, slot: int) -> Layer:
        return self._at(_selection(), 20 * slot - 1, BAR_HEIGHT + 1)

    def _draw_stack(self, slot: int, item: int, count: int, wear: int) -> Layer:
        s = self._scale
        x, y = self._left + (3 + 20 * slot) * s, self._height - 19 * s
        return joined(stack_layers(item, count, wear, x, y, s, s, self._height, self._width))

    def _crosshair(self) -> Layer:
        row, column = self._height // 2, self._width // 2
        arm, thick = max(2, round(4.5 * self._scale)), max(1, round(self._scale))
        rows = {(row + k, column + j) for k in range(-arm, arm + thick) for j in range(thick)}
        rows |= {(row + j, column + k) for k in range(-arm, arm + thick) for j in range(thick)}
        flat = np.array(sorted(r * self._width + c for r, c in rows), np.int64)
        return Layer(flat, np.full((len(flat), 3), 195, np.uint16), np.full(len(flat), 196, np.uint16))
