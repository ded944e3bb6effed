"""Flat pictures that lie over the view: how they are scaled to the frame and blended, icons of stacks, and digits.

Pictures are float64 (height, width, 4), RGB of 255 multiplied with the cover, and the cover, 0 to 1. They are drawn in
GUI pixels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.catalog.items import DURABILITY
from vpt_gym.world.kernels.compiled import pixel_kernel
from vpt_gym.world.render.art.block_art import Colour, picture
from vpt_gym.world.render.art.textures import art

Array = np.ndarray[Any, Any]

SMALL_DIGITS_BELOW = 1.5
"""Frames with fewer pixels than this to a GUI pixel get digits of 3 x 5 pixels; larger ones would be blurred."""


class Layer(NamedTuple):
    """Pixels to blend into a frame.

    Attributes:
        pixels: (n,) int64, flat places in one plane.
        colours: (n, 3) uint16, already multiplied with the cover.
        cover: (n,) uint16, of 256.
    """

    pixels: Array
    colours: Array
    cover: Array


@pixel_kernel
def blend(frame: Any, plane: int, pixels: Any, colours: Any, cover: Any, red: int, green: int, blue: int) -> None:
    """Blends a layer into a flat (3, plane) frame; its colours are dimmed to ``red, green, blue`` of 256."""
    for k in range(pixels.shape[0]):
        at = pixels[k]
        rest = 256 - int(cover[k])
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 0]) * red) >> 8)
        at += plane
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 1]) * green) >> 8)
        at += plane
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 2]) * blue) >> 8)


@pixel_kernel
def tint(frame: Any, red: int, green: int, blue: int, share: int) -> None:
    """Mixes a colour into a whole flat frame, ``share`` of 256."""
    plane = frame.shape[0] // 3
    for c in range(3):
        colour = (red, green, blue)[c] * share
        for k in range(plane):
            frame[c * plane + k] = np.uint8((int(frame[c * plane + k]) * (256 - share) + colour) >> 8)


def solid(height: int, width: int, colour: Colour, cover: float = 1.0) -> Array:
    """Returns a picture of one colour."""
    return np.full((height, width, 4), (*(c * cover for c in colour), cover), np.float64)


def sprite(rows: tuple[str, ...], palette: dict[str, Colour]) -> Array:
    """Returns a picture of rows of letters, see ``block_art.picture``."""
    result = picture(rows, palette)
    result[..., 3] /= 255.0
    return result


def icon(item: int) -> Array:
    """Returns the 16 x 16 picture of an item."""
    result: Array = art().icons[item].astype(np.float64)
    result[..., :3] *= result[..., 3:]
    return result


def paste(canvas: Array, part: Array, x: int, y: int) -> None:
    """Lays a picture over another one, its upper left corner at (x, y)."""
    height, width = part.shape[:2]
    under = canvas[y : y + height, x : x + width]
    under[:] = under * (1.0 - part[..., 3:]) + part


def _weights(pixels: int, cells: int, start: float, scale: float) -> tuple[int, Array]:
    """Returns the first pixel and (pixels, cells): how much of each cell falls on each pixel of an axis."""
    edges = start + scale * np.arange(cells + 1)
    first, last = max(0, int(np.floor(edges[0]))), min(pixels, int(np.ceil(edges[-1])))
    left = np.arange(first, last)[:, None].astype(np.float64)
    overlap = np.minimum(edges[None, 1:], left + 1) - np.maximum(edges[None, :-1], left)
    return first, np.clip(overlap, 0.0, None)


def scaled(part: Array, x: float, y: float, scale_x: float, scale_y: float, height: int, width: int) -> Layer:
    """Returns a picture as a layer of a frame: each pixel the mean of what falls on it.

    Args:
        part: The picture.
        x: Its left edge, pixels of the frame.
        y: Its upper edge.
        scale_x: Pixels to a cell of the picture.
        scale_y: Likewise.
        height: Of the frame, pixels.
        width: Likewise.
    """
    first_row, down = _weights(height, part.shape[0], y, scale_y)
    first_column, across = _weights(width, part.shape[1], x, scale_x)
    mixed = np.tensordot(down, np.tensordot(across, part, (1, 1)), (1, 1))
    rows, columns = np.nonzero(mixed[..., 3] > 1 / 256)
    chosen = mixed[rows, columns]
    return Layer(
        (rows + first_row).astype(np.int64) * width + columns + first_column,
        np.rint(chosen[:, :3]).astype(np.uint16),
        np.rint(chosen[:, 3] * 256).astype(np.uint16),
    )


def joined(layers: list[Layer]) -> Layer:
    """Returns one layer of several, in their order."""
    return Layer(*(np.concatenate(parts) for parts in zip(*layers, strict=True)))


_SMALL_DIGITS = (
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
_DIGITS = (
    "01110100011001110101110011000101110",
    "00100011000010000100001000010001110",
    "01110100010000100110010001000011111",
    "01110100010000100110000011000101110",
    "00010001100101010010111110001000010",
    "11111100001111000001000011000101110",
    "00110010001000011110100011000101110",
    "11111000010001000100001000100001000",
    "01110100011000101110100011000101110",
    "01110100011000101111000010001001100",
)


def number(value: int, small: bool) -> Array:
    """Returns a picture of a number: white digits with a shadow, of 5 x 7 cells, or of 3 x 5."""
    tall, wide, table = (5, 3, _SMALL_DIGITS) if small else (7, 5, _DIGITS)
    text = str(value)
    mask = np.zeros((tall, len(text) * (wide + 1) - 1), bool)
    for k, digit in enumerate(text):
        mask[:, k * (wide + 1) : k * (wide + 1) + wide] = np.array([c == "1" for c in table[int(digit)]]).reshape(
            tall, wide
        )
    result = np.zeros((tall + 1, mask.shape[1] + 1, 4))
    result[1:, 1:][mask] = (62, 62, 62, 1.0)
    result[:-1, :-1][mask] = (255, 255, 255, 1.0)
    return result


def stack_layers(
    item: int, count: int, wear: int, x: float, y: float, scale_x: float, scale_y: float, height: int, width: int
) -> list[Layer]:
    """Returns the layers of one stack: its icon, its wear and its number.

    Args:
        item: Item id.
        count: How many; above 1 the number is written.
        wear: How worn; a tool that is worn shows a bar.
        x: Left edge of the slot's inside (16 x 16 GUI pixels), pixels of the frame.
        y: Its upper edge.
        scale_x: Pixels to a GUI pixel.
        scale_y: Likewise.
        height: Of the frame, pixels.
        width: Likewise.
    """
    layers = [scaled(icon(item), x, y, scale_x, scale_y, height, width)]
    if wear > 0 and DURABILITY[item] > 0:
        left = max(0.0, 1.0 - wear / DURABILITY[item])
        bar = solid(2, 13, (0, 0, 0))
        bar[0, : max(1, round(13 * left)), :3] = (round(255 * (1 - left)), round(255 * left), 0)
        layers.append(scaled(bar, x + 2 * scale_x, y + 13 * scale_y, scale_x, scale_y, height, width))
    if count > 1:
        small = min(scale_x, scale_y) < SMALL_DIGITS_BELOW
        digits = number(count, small)
        across, down = (1.0, 1.0) if small else (scale_x, scale_y)
        left_edge, upper = x + 17 * scale_x - across * digits.shape[1], y + 17 * scale_y - down * digits.shape[0]
        if small:
            left_edge, upper = round(left_edge), round(upper)
        layers.append(scaled(digits, left_edge, upper, across, down, height, width))
    return layers
