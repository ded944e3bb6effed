"""Positions of the slots on the screens: Minecraft 1.11's panels of 176 x 166 GUI pixels in a window of 640 x 360.

The window is VPT's. Its GUI scale is 1, so a GUI pixel is a pixel of the window; the panel is in the middle. Clicks and
pictures use the same table.
"""

from __future__ import annotations

import functools

from vpt_gym.world.core.state import GRID, SLOTS

WINDOW_WIDTH, WINDOW_HEIGHT = 640, 360
"""Size of the window in which the cursor moves, pixels. Frames of other sizes show the same window, scaled."""
GUI_SCALE = 1
"""Pixels of the window per GUI pixel, as in VPT's environment (``guiscale_range`` of its ``ENV_KWARGS``)."""
PANEL_WIDTH, PANEL_HEIGHT = 176, 166
"""Size of the panel, GUI pixels."""
PANEL_LEFT = (WINDOW_WIDTH // GUI_SCALE - PANEL_WIDTH) // 2
PANEL_TOP = (WINDOW_HEIGHT // GUI_SCALE - PANEL_HEIGHT) // 2
"""GUI pixels between the border of the window and the panel."""
SLOT_SIDE = 16
"""Side of the inside of a slot, GUI pixels; its frame is one pixel wide."""
SLOT_STEP = 18

CLOSED, INVENTORY_SCREEN, TABLE_SCREEN, FURNACE_SCREEN = range(4)
"""Values of ``SCREEN.open``."""

GRID_SLOT = SLOTS
"""First slot id of the crafting grid; cell ``k`` of ``World.grid`` is ``GRID_SLOT + k``. Smaller slot ids are those of
the inventory, of which 0 to 8 are the hotbar."""
RESULT_SLOT = GRID_SLOT + GRID
FURNACE_INPUT_SLOT, FURNACE_FUEL_SLOT, FURNACE_OUTPUT_SLOT = range(RESULT_SLOT + 1, RESULT_SLOT + 4)
NO_SLOT, OUTSIDE = -1, -2
"""Slot ids for a place between the slots of the panel, and for a place outside the panel."""

ARROWS = {TABLE_SCREEN: (90, 35), FURNACE_SCREEN: (79, 34), INVENTORY_SCREEN: (135, 29)}
"""Upper left corner of the arrow that points to the result, GUI pixels of the panel, by screen."""
FLAME = (56, 36)
"""Upper left corner of the flame on the furnace's screen, 14 x 14 GUI pixels."""
PLAYER_VIEW = (26, 8, 52, 70)
"""The picture of the player on the inventory screen: left, top, width, height, GUI pixels of the panel."""


@functools.cache
def slots(kind: int) -> tuple[tuple[int, int, int], ...]:
    """Returns the slots of a screen.

    Args:
        kind: ``INVENTORY_SCREEN``, ``TABLE_SCREEN`` or ``FURNACE_SCREEN``.

    Returns:
        (x, y, slot id) of each slot: the upper left corner of its inside, GUI pixels of the panel.

    Raises:
        ValueError: There is no such screen.
    """
    if kind == INVENTORY_SCREEN:
        own = [(98 + SLOT_STEP * i, 18 + SLOT_STEP * j, GRID_SLOT + 3 * j + i) for j in range(2) for i in range(2)]
        own.append((154, 28, RESULT_SLOT))
    elif kind == TABLE_SCREEN:
        own = [(30 + SLOT_STEP * i, 17 + SLOT_STEP * j, GRID_SLOT + 3 * j + i) for j in range(3) for i in range(3)]
        own.append((124, 35, RESULT_SLOT))
    elif kind == FURNACE_SCREEN:
        own = [(56, 17, FURNACE_INPUT_SLOT), (56, 53, FURNACE_FUEL_SLOT), (116, 35, FURNACE_OUTPUT_SLOT)]
    else:
        raise ValueError(f"the screen is {kind!r}; it must be 1 (inventory), 2 (crafting table) or 3 (furnace)")
    main = [(8 + SLOT_STEP * i, 84 + SLOT_STEP * j, 9 + 9 * j + i) for j in range(3) for i in range(9)]
    hotbar = [(8 + SLOT_STEP * i, 142, i) for i in range(9)]
    return (*own, *main, *hotbar)


def slot_at(kind: int, cursor_x: float, cursor_y: float) -> int:
    """Returns the slot id under the cursor, ``NO_SLOT`` or ``OUTSIDE``.

    Args:
        kind: The screen.
        cursor_x: Position of the cursor, pixels of the window.
        cursor_y: See ``cursor_x``.
    """
    x, y = cursor_x / GUI_SCALE - PANEL_LEFT, cursor_y / GUI_SCALE - PANEL_TOP
    if not (0 <= x < PANEL_WIDTH and 0 <= y < PANEL_HEIGHT):
        return OUTSIDE
    for left, top, slot in slots(kind):
        if left - 1 <= x < left + SLOT_SIDE + 1 and top - 1 <= y < top + SLOT_SIDE + 1:
            return slot
    return NO_SLOT


def middle_of(kind: int, slot: int) -> tuple[float, float]:
    """Returns the middle (x, y) of a slot on a screen, pixels of the window.

    Raises:
        ValueError: The screen has no such slot.
    """
    for left, top, found in slots(kind):
        if found == slot:
            half = SLOT_SIDE / 2
            return (PANEL_LEFT + left + half) * GUI_SCALE, (PANEL_TOP + top + half) * GUI_SCALE
    raise ValueError(f"screen {kind} has no slot {slot}; it has {sorted(found for *_, found in slots(kind))}")
