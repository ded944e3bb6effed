"""What lies over the view of the world: dropped items, the arm, the cross-hairs and the hotbar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.blocks import BLOCKS, SIDE
from vpt_gym.world.compiled import pixel_kernel
from vpt_gym.world.state import MAX_ITEMS
from vpt_gym.world.textures import art

Array = np.ndarray[Any, Any]

ITEM_VIEW = 24.0
"""Items further away than this many blocks are not drawn."""
ITEM_SIDE = 0.25
HOTBAR_SLOTS = 9
MIN_SLOT_PIXELS = 8
MAX_SLOT_PIXELS = 40
ICON_MARGIN = 2
SWING_TICKS = 6
"""Phases of the arm."""
BLOCK_COUNT = len(BLOCKS)
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
def draw_items(items: Any, height: int, width: int, camera: Any, eye: Any, atlas: Any, frame: Any, depth: Any) -> None:
    """Draws dropped items as quarter-size blocks that bob, hidden by what is nearer."""
    plane = height * width
    right2 = camera[1, 0] ** 2 + camera[1, 1] ** 2 + camera[1, 2] ** 2
    up2 = camera[2, 0] ** 2 + camera[2, 1] ** 2 + camera[2, 2] ** 2
    half = 0.5 * ITEM_SIDE
    for n in range(MAX_ITEMS):
        block = items[n].item
        if block <= 0 or block >= BLOCK_COUNT:
            continue
        x = (items[n].x - eye[0] + SIDE / 2) % SIDE - SIDE / 2
        z = (items[n].z - eye[2] + SIDE / 2) % SIDE - SIDE / 2
        y = items[n].y - eye[1] + 0.05 + 0.05 * math.sin(0.1 * items[n].age)
        middle = y + half
        away = x * camera[0, 0] + middle * camera[0, 1] + z * camera[0, 2]
        if away < 0.2 or away > ITEM_VIEW:
            continue
        u = (x * camera[1, 0] + middle * camera[1, 1] + z * camera[1, 2]) / right2 / away
        v = (x * camera[2, 0] + middle * camera[2, 1] + z * camera[2, 2]) / up2 / away
        # a little more than half the diagonal of the cube, on the screen
        wide = 0.24 / math.sqrt(right2) / away
        tall = 0.24 / math.sqrt(up2) / away
        first_column = max(0, int((u - wide + 1.0) * 0.5 * width))
        last_column = min(width - 1, int((u + wide + 1.0) * 0.5 * width))
        first_row = max(0, int((1.0 - v - tall) * 0.5 * height))
        last_row = min(height - 1, int((1.0 - v + tall) * 0.5 * height))
        for row in range(first_row, last_row + 1):
            rv = 1.0 - (2 * row + 1) / height
            for column in range(first_column, last_column + 1):
                ru = (2 * column + 1) / width - 1.0
                dx = camera[0, 0] + ru * camera[1, 0] + rv * camera[2, 0]
                dy = camera[0, 1] + ru * camera[1, 1] + rv * camera[2, 1]
                dz = camera[0, 2] + ru * camera[1, 2] + rv * camera[2, 2]
                per_x = 1.0 / dx if abs(dx) > 1e-9 else 1e9
                per_y = 1.0 / dy if abs(dy) > 1e-9 else 1e9
                per_z = 1.0 / dz if abs(dz) > 1e-9 else 1e9
                enter_x = min((x - half) * per_x, (x + half) * per_x)
                leave_x = max((x - half) * per_x, (x + half) * per_x)
                enter_y = min(y * per_y, (y + ITEM_SIDE) * per_y)
                leave_y = max(y * per_y, (y + ITEM_SIDE) * per_y)
                enter_z = min((z - half) * per_z, (z + half) * per_z)
                leave_z = max((z - half) * per_z, (z + half) * per_z)
                way = max(enter_x, max(enter_y, enter_z))
                pixel = row * width + column
                if way > min(leave_x, min(leave_y, leave_z)) or way <= 0.0 or way >= depth[pixel]:
                    continue
                tx = min(15, max(0, int((way * dx - x + half) * 64.0)))
                ty = min(15, max(0, int(16.0 - (way * dy - y) * 64.0)))
                tz = min(15, max(0, int((way * dz - z + half) * 64.0)))
                if way == enter_x:
                    colour = atlas[block * 1536 + ty * 16 + tz]
                elif way == enter_y:
                    colour = atlas[block * 1536 + 3 * 256 + tz * 16 + tx]
                else:
                    colour = atlas[block * 1536 + 4 * 256 + ty * 16 + tx]
                frame[pixel] = colour & np.uint32(255)
                frame[pixel + plane] = (colour >> np.uint32(8)) & np.uint32(255)
                frame[pixel + 2 * plane] = (colour >> np.uint32(16)) & np.uint32(255)
                depth[pixel] = way


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
