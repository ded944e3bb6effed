"""What lies over the view of the world: dropped items, the arm, the cross-hairs and the hotbar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.compiled import pixel_kernel
from vpt_gym.world.textures import art

Array = np.ndarray[Any, Any]

HOTBAR_SLOTS = 9
MIN_SLOT_PIXELS = 8
MAX_SLOT_PIXELS = 40
ICON_MARGIN = 2
SWING_TICKS = 6
"""Phases of the arm."""
_DIGIT_ROWS = (
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001010010010",
    "111101111101111",
    "111101111001111",
)
DIGITS = np.array([[int(c) for c in rows] for rows in _DIGIT_ROWS], np.uint8).reshape(10, 5, 3)


@pixel_kernel
def blend(frame: Any, plane: int, pixels: Any, colours: Any, alpha: int) -> None:
    """Lays a sprite over the frame: flat ``pixels`` (n,), their ``colours`` (n, 3), ``alpha`` of 256."""
    for c in range(3):
        for k in range(pixels.shape[0]):
            at = c * plane + pixels[k]
            frame[at] = np.uint8((int(frame[at]) * (256 - alpha) + int(colours[k, c]) * alpha) >> 8)


@pixel_kernel
def draw_hotbar(
    frame: Any, height: int, width: int, inventory: Any, selected: int, icons: Any, digits: Any, size: int
) -> None:
    """Draws nine slots of ``size`` pixels at the bottom, with icons and counts; the selected one has a bright frame."""
    plane = height * width
    left = (width - HOTBAR_SLOTS * size) // 2
    top = height - size - 1
    inner = size - 2 * ICON_MARGIN
    for slot in range(HOTBAR_SLOTS):
        corner = top * width + left + slot * size
        for row in range(size):
            for column in range(size):
                edge = row == 0 or column == 0 or row == size - 1 or column == size - 1
                for c in range(3):
                    at = c * plane + corner + row * width + column
                    if edge:
                        frame[at] = np.uint8(235 if slot == selected else 70)
                    else:
                        frame[at] = np.uint8((int(frame[at]) * 110 + 60 * 146) >> 8)
        count = inventory[slot, 1]
        if count == 0:
            continue
        block = inventory[slot, 0]
        for row in range(inner):
            for column in range(inner):
                v = row * 16 // inner
                u = column * 16 // inner
                if icons[block, v, u, 3]:
                    for c in range(3):
                        at = c * plane + corner + (row + ICON_MARGIN) * width + column + ICON_MARGIN
                        frame[at] = icons[block, v, u, c]
        column = size - 5
        while count > 1 or (count > 0 and column < size - 5):
            for v in range(5):
                for u in range(3):
                    if digits[count % 10, v, u]:
                        for c in range(3):
                            frame[c * plane + corner + (size - 7 + v) * width + column + u] = np.uint8(255)
            column -= 4
            count //= 10


class Overlay:
    """Draws the arm, the cross-hairs and the hotbar for frames of one size.

    The hotbar is left out where its slots would be smaller than ``MIN_SLOT_PIXELS`` (frames narrower than 103 pixels).
    """

    def __init__(self, height: int, width: int) -> None:
        self._height = height
        self._width = width
        self._slot_pixels = min(MAX_SLOT_PIXELS, int(width / 12.8), height // 4)
        self._arm = [self._arm_sprite(phase) for phase in range(SWING_TICKS)]
        self._cross = self._cross_sprite()

    def draw(self, frame: Array, inventory: Array, selected: int, swing: int) -> None:
        """Draws on a flat (3, height, width) frame, in place."""
        plane = self._height * self._width
        blend(frame, plane, *self._arm[swing], 256)
        blend(frame, plane, *self._cross, 200)
        if self._slot_pixels >= MIN_SLOT_PIXELS:
            look_up = art()
            draw_hotbar(
                frame,
                self._height,
                self._width,
                inventory,
                selected,
                look_up.icons,
                DIGITS,
                self._slot_pixels,
            )

    def _cross_sprite(self) -> tuple[Array, Array]:
        row, column, arm = self._height // 2, self._width // 2, max(2, self._height // 32)
        pixels = {row * self._width + column + k for k in range(-arm, arm + 1)}
        pixels |= {(row + k) * self._width + column for k in range(-arm, arm + 1)}
        flat = np.array(sorted(pixels), np.int64)
        return flat, np.full((len(flat), 3), 255, np.uint8)

    def _arm_sprite(self, phase: int) -> tuple[Array, Array]:
        """The forearm at the lower right, in one phase of its swing."""
        height, width = self._height, self._width
        swung = math.sin(math.pi * phase / SWING_TICKS)
        left, top = width * (0.80 - 0.22 * swung), height * (0.72 + 0.02 * swung)
        pixels, colours = [], []
        for row in range(int(top), height):
            down = (row - top) / (height - top)
            start, wide = left + down * width * 0.13, width * (0.105 + 0.03 * down)
            for column in range(int(start), min(width, int(start + wide))):
                shade = 0.98 if column - start < 0.66 * wide else 0.72
                if int(40 * row / height) % 2 == int(64 * column / width) % 2:
                    shade *= 0.97
                pixels.append(row * width + column)
                colours.append([round(shade * c) for c in (214, 166, 132)])
        return np.array(pixels, np.int64), np.array(colours, np.uint8).reshape(-1, 3)
