"""Flat pictures drawn over the view: scaling them to the frame, blending them, and drawing item stacks and digits.

A picture is float64 (height, width, 4): RGB from 0 to 255 premultiplied by alpha, then alpha from 0 to 1. Its unit is
the GUI pixel. ``hud`` and ``screen_view`` are built on this module.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.catalog.items import DURABILITY
from vpt_gym.world.kernels.compiled import pixel_kernel
from vpt_gym.world.render.art.block_art import Colour, picture
from vpt_gym.world.render.art.textures import art
from vpt_gym.world.render.raster import Raster

Array = np.ndarray[Any, Any]

SMALL_DIGITS_BELOW = 1.5
"""Below this many frame pixels per GUI pixel, digits are 3 x 5 pixels, because larger ones would be blurred."""


class Layer(NamedTuple):
    """Pixels to blend into a frame.

    Attributes:
        pixels: (n,) int64, flat indices into one channel.
        colours: (n, 3) uint16, premultiplied by ``alpha``.
        alpha: (n,) uint16, opacity from 0 to 256.
    """

    pixels: Array
    colours: Array
    alpha: Array


@pixel_kernel
def blend(frame: Any, plane: int, pixels: Any, colours: Any, alpha: Any, red: int, green: int, blue: int) -> None:
    """Blends a layer into a flat (3, plane) frame, its channels scaled by ``red``, ``green`` and ``blue`` / 256."""
    for k in range(pixels.shape[0]):
        at = pixels[k]
        rest = 256 - int(alpha[k])
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 0]) * red) >> 8)
        at += plane
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 1]) * green) >> 8)
        at += plane
        frame[at] = np.uint8(((int(frame[at]) * rest) + int(colours[k, 2]) * blue) >> 8)


@pixel_kernel
def tint(frame: Any, red: int, green: int, blue: int, share: int) -> None:
    """Mixes ``share`` / 256 of a colour into every pixel of a flat frame."""
    plane = frame.shape[0] // 3
    for c in range(3):
        colour = (red, green, blue)[c] * share
        for k in range(plane):
            frame[c * plane + k] = np.uint8((int(frame[c * plane + k]) * (256 - share) + colour) >> 8)


def solid(height: int, width: int, colour: Colour, alpha: float = 1.0) -> Array:
    """Returns a picture of one colour."""
    return np.full((height, width, 4), (*(c * alpha for c in colour), alpha), np.float64)


def sprite(rows: tuple[str, ...], palette: dict[str, Colour]) -> Array:
    """Returns a picture from rows of letters; see ``block_art.picture``."""
    result = picture(rows, palette)
    result[..., 3] /= 255.0
    return result


def icon(item: int) -> Array:
    """Returns the 16 x 16 picture of an item."""
    result: Array = art().icons[item].astype(np.float64)
    result[..., :3] *= result[..., 3:]
    return result


def paste(canvas: Array, part: Array, x: int, y: int) -> None:
    """Draws a picture onto another one, with its upper left corner at (x, y)."""
    height, width = part.shape[:2]
    under = canvas[y : y + height, x : x + width]
    under[:] = under * (1.0 - part[..., 3:]) + part


def _weights(pixels: int, cells: int, start: float, scale: float) -> tuple[int, Array]:
    """Returns the first pixel, and (pixels, cells) float64: how much of each cell covers each pixel along one axis."""
    edges = start + scale * np.arange(cells + 1)
    first, last = max(0, int(np.floor(edges[0]))), min(pixels, int(np.ceil(edges[-1])))
    left = np.arange(first, last)[:, None].astype(np.float64)
    overlap = np.minimum(edges[None, 1:], left + 1) - np.maximum(edges[None, :-1], left)
    return first, np.clip(overlap, 0.0, None)


def scaled(part: Array, x: float, y: float, scale_x: float, scale_y: float, height: int, width: int) -> Layer:
    """Scales a picture to a layer of a frame. Each pixel is the mean of the cells that cover it.

    Args:
        part: The picture.
        x: Its left edge, in frame pixels.
        y: Its upper edge, in frame pixels.
        scale_x: Frame pixels per cell of the picture, across.
        scale_y: Frame pixels per cell of the picture, down.
        height: Height of the frame, pixels.
        width: Width of the frame, pixels.
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
    """Joins several layers into one, in order."""
    return Layer(*(np.concatenate(parts) for parts in zip(*layers, strict=True)))


def drawn(layer: Layer, raster: Raster) -> Layer:
    """Returns what a raster draws of a layer of the complete picture; its indices are those of the drawn pixels."""
    if raster.places is None:
        return layer
    places = raster.places[layer.pixels]
    kept = places >= 0
    return Layer(places[kept], layer.colours[kept], layer.alpha[kept])


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
    """Returns a picture of a number: white digits with a shadow, 5 x 7 cells each, or 3 x 5 if ``small``."""
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
    """Returns the layers of one item stack: its icon, its wear bar and its count.

    Args:
        item: Item id.
        count: Number of items, drawn if it is above 1.
        wear: Uses so far. A worn tool shows a bar.
        x: Left edge of the slot's inside (16 x 16 GUI pixels), in frame pixels.
        y: Its upper edge, in frame pixels.
        scale_x: Frame pixels per GUI pixel, across.
        scale_y: Frame pixels per GUI pixel, down.
        height: Height of the frame, pixels.
        width: Width of the frame, pixels.
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
