"""Which pixels of a picture are drawn: all, or those that remain when a policy's frame is made of it.

VPT's frames are pictures of 640 x 360, scaled to 128 x 128 by OpenCV's ``INTER_LINEAR`` without antialiasing. This
reads one column in five, and two neighbouring rows for each row of the frame: 32,768 of 230,400 pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.world.kernels.compiled import pixel_kernel
from vpt_gym.world.player.screen_layout import WINDOW_HEIGHT, WINDOW_WIDTH

Array = np.ndarray[Any, Any]

SHARES = 32
"""The share of the second of two rows in a row of a policy's frame is a multiple of 1 / ``SHARES``."""
i32 = np.int32


@dataclass(frozen=True, eq=False)
class Raster:
    """The drawn pixels of a picture: those where some of its rows and some of its columns cross.

    Attributes:
        height: Height of the complete picture, pixels.
        width: Width of the complete picture, pixels.
        rows: (h,) int32, indices of the drawn rows, increasing.
        columns: (w,) int32, indices of the drawn columns, increasing.
        places: (height * width,) int64: where each pixel of the picture is among the h * w drawn ones, -1 if it is not
            drawn; None if the complete picture is drawn.
    """

    height: int
    width: int
    rows: Array
    columns: Array
    places: Array | None = None

    @property
    def plane(self) -> int:
        """Number of drawn pixels."""
        return len(self.rows) * len(self.columns)


def complete_raster(height: int, width: int) -> Raster:
    """Returns the raster of all pixels of a picture."""
    return Raster(height, width, np.arange(height, dtype=np.int32), np.arange(width, dtype=np.int32))


@functools.cache
def policy_raster() -> tuple[Raster, Array]:
    """Returns the pixels of a picture of 640 x 360 of which a policy's frame is made, and how they are mixed.

    Returns:
        The raster, (256, 128), and (128,) int32: the share of the second of two rows, of ``SHARES``.
    """
    from vpt_gym.frames import POLICY_SIZE  # late: it imports OpenCV, which the world does without

    first, shares = _neighbours(WINDOW_HEIGHT, POLICY_SIZE[0])
    columns, aside = _neighbours(WINDOW_WIDTH, POLICY_SIZE[1])
    assert not aside.any()  # a pixel of the frame is in the middle of a column
    rows = np.stack((first, first + 1), 1).reshape(-1)
    places = np.full((WINDOW_HEIGHT, WINDOW_WIDTH), -1, np.int64)
    places[np.ix_(rows, columns)] = np.arange(len(rows) * len(columns)).reshape(len(rows), -1)
    return Raster(WINDOW_HEIGHT, WINDOW_WIDTH, rows, columns, places.reshape(-1)), shares


def _neighbours(pixels: int, size: int) -> tuple[Array, Array]:
    """Returns the first of the two pixels between which each of ``size`` pixels is, and the second's share.

    OpenCV aligns the outer edges of both pictures, so the middle of pixel k is at (k + 0.5) * pixels / size.
    """
    middle = (np.arange(size) + 0.5) * pixels / size - 0.5
    first = np.floor(middle)
    return first.astype(np.int32), np.rint((middle - first) * SHARES).astype(np.int32)


@pixel_kernel
def first_not_below(lines: Any, least: int) -> int:
    """Returns the index of the first of some increasing numbers that is not below ``least``."""
    low, high = 0, lines.shape[0]
    while low < high:
        middle = (low + high) // 2
        if lines[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@pixel_kernel
def mix_rows(drawn: Any, shares: Any, frame: Any) -> None:
    """Mixes the drawn pixels of ``policy_raster`` to a frame, in the fixed-point arithmetic of OpenCV's ``resize``.

    OpenCV multiplies by 2,048 along rows and along columns, and drops 4, 16 and 2 bits on the way, the last ones with
    rounding (``VResizeLinear`` in its ``resize.cpp``). What remains of this for shares in 32nds is below.

    Args:
        drawn: (3, 2 * h, w) uint8.
        shares: (h,) int32, see ``policy_raster``.
        frame: (3, h, w) uint8; written.
    """
    for channel in range(frame.shape[0]):
        for row in range(frame.shape[1]):
            second = i32(shares[row])
            first = i32(i32(SHARES) - second)
            for column in range(frame.shape[2]):
                upper = i32(i32(i32(drawn[channel, 2 * row, column]) * first) >> i32(3))
                lower = i32(i32(i32(drawn[channel, 2 * row + 1, column]) * second) >> i32(3))
                frame[channel, row, column] = np.uint8(i32(i32(i32(upper + lower) + i32(2)) >> i32(2)))
