"""Draws the inventory, crafting table and furnace screens over the darkened world, as in a window of 640 x 360.

The slots are at the positions of ``screen_layout``, which also decides what a click hits. Frames of another size show
the same window, scaled in each direction. The panel is cached until something on it changes; the cursor is drawn over
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.recipes import crafted_from
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.player.screen_layout import (
    ARROWS,
    FLAME,
    FURNACE_FUEL_SLOT,
    FURNACE_INPUT_SLOT,
    FURNACE_OUTPUT_SLOT,
    FURNACE_SCREEN,
    GRID_SLOT,
    GUI_SCALE,
    INVENTORY_SCREEN,
    PANEL_HEIGHT,
    PANEL_LEFT,
    PANEL_TOP,
    PANEL_WIDTH,
    PLAYER_VIEW,
    RESULT_SLOT,
    SLOT_SIDE,
    WINDOW_HEIGHT,
    WINDOW_WIDTH,
    slot_at,
    slots,
)
from vpt_gym.world.render.overlay.gui import (
    Layer,
    blend,
    drawn,
    joined,
    paste,
    scaled,
    solid,
    sprite,
    stack_layers,
    tint,
)
from vpt_gym.world.render.raster import Raster
from vpt_gym.world.rules.smelting import SMELT_TICKS

Array = np.ndarray[Any, Any]

DIMMED = 160
"""Brightness of the world behind a screen, of 256."""
MIN_TEXT_SCALE = 0.7
"""Below this many frame pixels per GUI pixel across, text is left out because it would be illegible."""
_ARROW = tuple("." * 14 + "a" * k + "." * (8 - k) for k in range(1, 8)) + tuple(
    "." * 14 + "a" * k + "." * (8 - k) for k in range(8, 0, -1)
)
_FLAME = (
    "......f.......",
    "......ff......",
    "...f..ff..f...",
    "...f.fff..f...",
    "...ffffff.ff..",
    "..fffffff.ff..",
    "..ffffhffffff.",
    ".fffhhhhfffff.",
    ".ffhhhhhhffff.",
    ".ffhhhhhhhfff.",
    ".ffhhhhhhhfff.",
    "..ffhhhhhfff..",
    "..fffhhhfff...",
    "....fffff.....",
)
_CURSOR = (
    "k..........",
    "kk.........",
    "kwk........",
    "kwwk.......",
    "kwwwk......",
    "kwwwwk.....",
    "kwwwwwk....",
    "kwwwwwwk...",
    "kwwwwwwwk..",
    "kwwwwwwwwk.",
    "kwwwwwkkkkk",
    "kwwkwwk....",
    "kwk.kwwk...",
    "kk..kwwk...",
    "k....kwwk..",
    ".....kwwk..",
    "......kk...",
)
_LETTERS = {
    "C": ("0111", "1000", "1000", "1000", "1000", "1000", "0111"),
    "F": ("1111", "1000", "1000", "1110", "1000", "1000", "1000"),
    "I": ("111", "010", "010", "010", "010", "010", "111"),
    "a": ("0000", "0000", "0110", "0001", "0111", "1001", "0111"),
    "c": ("000", "000", "011", "100", "100", "100", "011"),
    "e": ("0000", "0000", "0110", "1001", "1111", "1000", "0111"),
    "f": ("011", "100", "110", "100", "100", "100", "100"),
    "g": ("0000", "0000", "0111", "1001", "0111", "0001", "0110"),
    "i": ("1", "0", "1", "1", "1", "1", "1"),
    "n": ("0000", "0000", "1110", "1001", "1001", "1001", "1001"),
    "o": ("0000", "0000", "0110", "1001", "1001", "1001", "0110"),
    "r": ("000", "000", "101", "110", "100", "100", "100"),
    "t": ("010", "010", "111", "010", "010", "010", "001"),
    "u": ("0000", "0000", "1001", "1001", "1001", "1001", "0111"),
    "v": ("000", "000", "101", "101", "101", "101", "010"),
    "y": ("0000", "0000", "1001", "1001", "0111", "0001", "0110"),
}
_TITLES = {INVENTORY_SCREEN: ("Crafting", 97, 8), FURNACE_SCREEN: ("Furnace", 70, 6)}
_PANEL, _LIGHT, _DARK, _SLOT, _INK = (198, 198, 198), (255, 255, 255), (85, 85, 85), (139, 139, 139), (64, 64, 64)


def _write(canvas: Array, text: str, x: int, y: int) -> None:
    for letter in text:
        rows = _LETTERS[letter]
        paste(canvas, sprite(rows, {"1": _INK}), x, y)
        x += len(rows[0]) + 1


def _bevel(width: int, height: int, inside: tuple[int, int, int], upper: Any, lower: Any) -> Array:
    box = solid(height, width, inside)
    box[0, :-1, :3] = box[:-1, 0, :3] = upper
    box[-1, 1:, :3] = box[1:, -1, :3] = lower
    return box


def _arrow(done: float) -> Array:
    """Returns the progress arrow that points at the result. The share ``done`` of it is white."""
    rows = np.zeros((15, 22, 4))
    rows[5:10, :15] = (*_SLOT, 1.0)
    head = sprite(_ARROW, {"a": _SLOT})
    rows = np.where(head[:, :22, 3:] > 0, head[:, :22], rows)
    bright = rows[:, : round(22 * done)]
    bright[..., :3] = np.where(bright[..., 3:] > 0, 255.0, 0.0)
    return rows


def _person() -> Array:
    """Returns a small player seen from the front, 32 x 64."""
    figure = np.zeros((64, 32, 4))
    for x, y, wide, tall, colour in (
        (8, 0, 16, 16, (224, 172, 136)),
        (8, 0, 16, 5, (206, 160, 72)),
        (11, 8, 3, 2, (250, 250, 250)),
        (18, 8, 3, 2, (250, 250, 250)),
        (13, 8, 1, 2, (60, 60, 130)),
        (18, 8, 1, 2, (60, 60, 130)),
        (13, 12, 6, 2, (176, 116, 92)),
        (8, 16, 16, 24, (168, 72, 52)),
        (0, 16, 8, 8, (146, 60, 44)),
        (24, 16, 8, 8, (146, 60, 44)),
        (0, 24, 8, 16, (214, 162, 128)),
        (24, 24, 8, 16, (214, 162, 128)),
        (8, 40, 8, 20, (84, 84, 96)),
        (16, 40, 8, 20, (74, 74, 86)),
        (8, 60, 16, 4, (52, 40, 32)),
    ):
        figure[y : y + tall, x : x + wide] = (*colour, 1.0)
    return figure


class ScreenView:
    """Draws screens in frames of one size.

    Args:
        raster: The pixels of the frames.
    """

    def __init__(self, raster: Raster) -> None:
        self._raster = raster
        height, width = raster.height, raster.width
        self._height = height
        self._width = width
        self._scale_x = width * GUI_SCALE / WINDOW_WIDTH
        self._scale_y = height * GUI_SCALE / WINDOW_HEIGHT
        self._key: tuple[object, ...] = ()
        self._layer = Layer(np.zeros(0, np.int64), np.zeros((0, 3), np.uint16), np.zeros(0, np.uint16))

    def draw(self, frame: Array, state: WorldState) -> None:
        """Draws the open screen on a flat (3, h, w) frame, in place."""
        screen = state.screen[0]
        kind = int(screen.open)
        furnace = self._furnace(state) if kind == FURNACE_SCREEN else None
        hovered = slot_at(kind, float(screen.cursor_x), float(screen.cursor_y))
        key = (
            kind,
            hovered,
            state.inventory.tobytes(),
            state.grid.tobytes(),
            furnace.tobytes() if furnace is not None else b"",
        )
        if key != self._key:
            self._layer = drawn(self._panel(state, kind, hovered, furnace), self._raster)
            self._key = key
        tint(frame, 16, 16, 16, DIMMED)
        plane = self._raster.plane
        blend(frame, plane, *self._layer, 256, 256, 256)
        blend(frame, plane, *drawn(self._cursor(screen), self._raster), 256, 256, 256)

    def _furnace(self, state: WorldState) -> Any:
        screen = state.screen[0]
        for furnace in state.furnaces:
            if furnace.used and (furnace.x, furnace.y, furnace.z) == (screen.x, screen.y, screen.z):
                return furnace
        return None  # nothing has been put into it yet

    def _panel(self, state: WorldState, kind: int, hovered: int, furnace: Any) -> Layer:
        canvas = _bevel(PANEL_WIDTH, PANEL_HEIGHT, _PANEL, _LIGHT, _DARK)
        canvas[1, 1:-1, :3] = canvas[1:-1, 1, :3] = _LIGHT
        canvas[-2, 1:-1, :3] = canvas[1:-1, -2, :3] = _DARK
        for x, y, slot in slots(kind):
            grown = 4 if (slot == RESULT_SLOT and kind != INVENTORY_SCREEN) or slot == FURNACE_OUTPUT_SLOT else 0
            side = SLOT_SIDE + 2 + 2 * grown
            paste(canvas, _bevel(side, side, _SLOT, (55, 55, 55), _LIGHT), x - 1 - grown, y - 1 - grown)
            if slot == hovered:
                canvas[y : y + SLOT_SIDE, x : x + SLOT_SIDE, :3] = (197, 197, 197)
        if self._scale_x >= MIN_TEXT_SCALE:
            title, x, y = _TITLES.get(kind, ("Crafting", 28, 6))
            _write(canvas, title, x, y)
            if kind != INVENTORY_SCREEN:
                _write(canvas, "Inventory", 8, 72)
        if kind == INVENTORY_SCREEN:
            x, y, wide, tall = PLAYER_VIEW
            paste(canvas, solid(tall, wide, (0, 0, 0)), x, y)
            paste(canvas, _person(), x + (wide - 32) // 2, y + 4)
        cooked = int(furnace.cook_ticks) / SMELT_TICKS if furnace is not None else 0.0
        paste(canvas, _arrow(min(1.0, cooked)), *ARROWS[kind])
        if kind == FURNACE_SCREEN:
            self._flame(canvas, furnace)
        layers = [self._at(canvas, 0, 0)]
        for x, y, slot in slots(kind):
            item, count, wear = self._stack(state, slot, furnace)
            if count > 0:
                layers += self._stack_at(item, count, wear, x, y)
        return joined(layers)

    def _flame(self, canvas: Array, furnace: Any) -> None:
        burning = 0.0
        if furnace is not None and furnace.burn_total > 0:
            burning = min(1.0, furnace.burn_ticks / furnace.burn_total)
        cold = sprite(_FLAME, {"f": _SLOT, "h": _SLOT})
        paste(canvas, cold, *FLAME)
        lit = sprite(_FLAME, {"f": (230, 96, 24), "h": (255, 204, 72)})
        out = 14 - round(14 * burning)
        if out < 14:
            paste(canvas, lit[out:], FLAME[0], FLAME[1] + out)

    def _stack(self, state: WorldState, slot: int, furnace: Any) -> tuple[int, int, int]:
        if slot < GRID_SLOT:
            item, count, wear = state.inventory[slot].tolist()
        elif slot < RESULT_SLOT:
            item, count, wear = state.grid[slot - GRID_SLOT].tolist()
        elif slot == RESULT_SLOT:
            item, count = crafted_from(state.grid)
            wear = 0
        elif furnace is None:
            return 0, 0, 0
        else:
            name = {FURNACE_INPUT_SLOT: "input", FURNACE_FUEL_SLOT: "fuel", FURNACE_OUTPUT_SLOT: "output"}[slot]
            item, count, wear = (int(furnace[name + part]) for part in ("", "_count", "_wear"))
        return int(item), int(count), int(wear)

    def _at(self, part: Array, x: float, y: float) -> Layer:
        """Places a picture on the panel, at a position in GUI pixels."""
        sx, sy = self._scale_x, self._scale_y
        return scaled(part, (PANEL_LEFT + x) * sx, (PANEL_TOP + y) * sy, sx, sy, self._height, self._width)

    def _stack_at(self, item: int, count: int, wear: int, x: float, y: float) -> list[Layer]:
        sx, sy = self._scale_x, self._scale_y
        left, upper = (PANEL_LEFT + x) * sx, (PANEL_TOP + y) * sy
        return stack_layers(item, count, wear, left, upper, sx, sy, self._height, self._width)

    def _cursor(self, screen: Any) -> Layer:
        """Returns the stack that the cursor carries, centred on it, and the arrow, whose tip is at the cursor."""
        x, y = float(screen.cursor_x) / GUI_SCALE, float(screen.cursor_y) / GUI_SCALE
        layers = []
        if screen.carried_count > 0:
            item, count, wear = int(screen.carried_item), int(screen.carried_count), int(screen.carried_wear)
            layers += self._stack_at(item, count, wear, x - PANEL_LEFT - 8, y - PANEL_TOP - 8)
        # one cell of the arrow is one pixel of the window
        across, down = max(self._scale_x / GUI_SCALE, 0.5), max(self._scale_y / GUI_SCALE, 0.5)
        left, upper = int(x * self._scale_x), int(y * self._scale_y)
        arrow = sprite(_CURSOR, {"k": (0, 0, 0), "w": (255, 255, 255)})
        layers.append(scaled(arrow, left, upper, across, down, self._height, self._width))
        return joined(layers)
