"""Drawing the mouse cursor of menus, which the recorded frames lack and a policy must see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpt_gym.frames import Frame

_ARROW = """
#
##
#o#
#oo#
#ooo#
#oooo#
#ooooo#
#oooooo#
#ooooooo#
#oooo####
#oo#oo#
#o##oo#
##  #oo#
#   #oo#
     ##
"""


def _draw_arrow() -> npt.NDArray[np.uint8]:
    sprite = np.zeros((16, 16, 4), np.uint8)
    for y, line in enumerate(_ARROW.strip("\n").splitlines()):
        for x, pixel in enumerate(line):
            if pixel != " ":
                sprite[y, x] = (255, 255, 255, 255) if pixel == "o" else (0, 0, 0, 255)
    sprite.setflags(write=False)
    return sprite


CURSOR: npt.NDArray[np.uint8] = _draw_arrow()
"""(16, 16, 4) uint8 RGBA: a white arrow with a black border, its tip at the top left."""


def check_sprite(sprite: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns a cursor sprite unchanged if it is valid.

    Raises:
        ValueError: It is not uint8 (h, w, 4).
    """
    if not isinstance(sprite, np.ndarray) or sprite.dtype != np.uint8 or sprite.ndim != 3 or sprite.shape[2] != 4:
        what = f"{sprite.dtype} {sprite.shape}" if isinstance(sprite, np.ndarray) else type(sprite).__name__
        raise ValueError(f"a cursor is uint8 (h, w, 4), RGBA, got {what}")
    return sprite


@dataclass(frozen=True, eq=False)
class CursorTrack:
    """The cursor of a demo: its position in each tick, and its image.

    Attributes:
        position: (T, 2) float64, (x, y) in a window ``window_height`` pixels high; NaN while no menu is open.
        sprite: uint8 (h, w, 4), RGBA; its top left pixel is the tip.
        window_height: Height that positions refer to. In frames of another height positions are scaled, the sprite not.
        clip: Whether to clip the sprite at all four edges. False behaves like the public loader, which clips only at
            the right and bottom: a slightly negative position is an error, and a more negative one wraps around.
    """

    position: npt.NDArray[np.float64]
    sprite: npt.NDArray[np.uint8]
    window_height: int
    clip: bool = True

    def draw(self, frame: Frame, tick: int) -> Frame:
        """Draws the cursor of a tick into a frame, uint8 (H, W, 3), in place, and returns the frame.

        Raises:
            ValueError: ``clip`` is False and the position is negative, by less than the sprite's size.
        """
        x, y = self.position[tick]
        if np.isnan(x) or np.isnan(y):
            return frame
        scale = frame.shape[0] / self.window_height
        column, row = int(np.floor(x * scale)), int(np.floor(y * scale))
        if not self.clip:
            column, row = int(x * scale), int(y * scale)  # towards zero
        return draw(frame, self.sprite, column, row, clip=self.clip)


def draw(frame: Frame, sprite: npt.NDArray[np.uint8], x: int, y: int, *, clip: bool = True) -> Frame:
    """Blends an RGBA sprite into a frame, its top left pixel at column ``x`` and row ``y``; changes it in place.

    Args:
        frame: uint8 (H, W, 3).
        sprite: uint8 (h, w, 4).
        x: Column.
        y: Row.
        clip: As in ``CursorTrack``.

    Returns:
        ``frame``.

    Raises:
        ValueError: ``clip`` is False and the position is negative, by less than the sprite's size.
    """
    if clip:
        sprite = sprite[max(-y, 0) :, max(-x, 0) :]
        x, y = max(x, 0), max(y, 0)
    height = max(0, min(frame.shape[0] - y, sprite.shape[0]))
    width = max(0, min(frame.shape[1] - x, sprite.shape[1]))
    if height == 0 or width == 0:
        return frame
    alpha = sprite[:height, :width, 3:] / 255.0
    place = frame[y : y + height, x : x + width]
    if place.shape[:2] != (height, width):
        raise ValueError(f"the cursor is at ({x}, {y}), outside the frame; the public loader fails on this too")
    place[:] = (place * (1 - alpha) + sprite[:height, :width, :3] * alpha).astype(np.uint8)
    return frame
