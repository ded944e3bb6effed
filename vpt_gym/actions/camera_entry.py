"""Where an environment takes the movement of the view, and in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.entries import At, Place, find_place

FLOAT32_NOISE = 1e-4
"""Degrees: how far the float32 of a human action's camera drifts over many ticks."""


@dataclass(frozen=True)
class Camera:
    """Where an environment takes the movement of the view in one step, and in which unit.

    Attributes:
        pitch: The entry for up and down (``vpt_gym.actions.entries.At``); None if there is none.
        yaw: The entry for left and right.
        degrees: Degrees of one unit, or (of pitch, of yaw). Positive values turn down and right; a negative number is
            for an environment whose positive values turn up or left.
        values: For entries that are one of a few choices: the degrees of each choice, from the first; ``degrees``
            multiplies them. One of them must be 0. Where pitch and yaw are choices of the same entry: the (pitch, yaw)
            of each choice. It then turns one way in a tick, the one that is further behind, and the other way later.

    With integers or ``values``, the rounding remainder is carried to the next tick, so that the view is never off by
    more than half of a step.

    Example:
        >>> pixels = Camera(pitch=("cursor_delta", 1), yaw=("cursor_delta", 0), degrees=0.15)
        >>> choices = Camera(pitch=10, yaw=9, values=(0, -6, 6, -18, 18))
        >>> one_entry = Camera(pitch=(), yaw=(), values=[(0, 0), (0, 0), (0, 5), (0, -5), (5, 0), (-5, 0)])
    """

    pitch: At | None
    yaw: At | None
    degrees: float | tuple[float, float] = 1.0
    values: Sequence[float] | Sequence[tuple[float, float]] | None = None


@dataclass(frozen=True)
class Axis:
    """Pitch or yaw of a camera.

    Attributes:
        place: Where it is; None if the environment cannot turn on this axis.
        unit: Degrees of one unit.
        values: Degrees of each choice, from ``place.low``; None for a number of units.
    """

    place: Place | None
    unit: float = 1.0
    values: npt.NDArray[np.float64] | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest movement in one step, degrees."""
        if self.place is None:
            return 0.0, 0.0
        if self.values is not None:
            return float(self.values.min()), float(self.values.max())
        ends = self.place.low * self.unit, self.place.high * self.unit
        return min(ends), max(ends)

    @property
    def rounds(self) -> bool:
        """Whether a movement within the bounds may be rounded."""
        return self.place is not None and (self.values is not None or self.place.whole)

    @property
    def half_step(self) -> float:
        """The largest distance from a movement within the bounds to the nearest one that can be made, degrees."""
        if self.place is None or not self.rounds:
            return 0.0
        return abs(self.unit) / 2 if self.values is None else float(np.diff(np.sort(self.values)).max()) / 2

    def nearest(self, degrees: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the movements that the environment can make and that are nearest to ``degrees``, of any shape."""
        clipped = np.clip(np.asarray(degrees, np.float64), *self.bounds)
        if self.place is None or not self.rounds:
            return clipped
        if self.values is None:
            # whole numbers within the bounds; a bound may lie between two
            low, high = np.ceil(self.place.low), np.floor(self.place.high)
            return np.asarray(np.clip(np.rint(clipped / self.unit), low, high) * self.unit)
        return np.asarray(self.values[np.abs(clipped[..., None] - self.values).argmin(axis=-1)])

    def number(self, degrees: float) -> float:
        """Returns the number of the environment for a movement of ``nearest``."""
        if self.place is None:
            raise ValueError("there is no entry on this axis")
        if self.values is not None:
            return float(self.place.low + int(np.abs(self.values - degrees).argmin()))
        return round(degrees / self.unit) if self.place.whole else degrees / self.unit

    def degrees(self, number: Any) -> float:
        """Returns the movement of a number of the environment.

        Raises:
            ValueError: It is not one of the choices.
        """
        if self.place is None:
            return 0.0
        value = float(number)
        if self.values is None:
            return value * self.unit
        choice = value - self.place.low
        if not 0 <= choice < len(self.values) or choice != int(choice):
            raise ValueError(f"{number!r} is not one of the camera's {len(self.values)} choices")
        return float(self.values[int(choice)])


def find_axes(space: spaces.Space[Any], camera: Camera) -> tuple[Axis, Axis]:
    """Returns the axes of a camera, (pitch, yaw).

    Raises:
        ValueError: The space has no such entry, its values do not fit, it cannot be at rest, or both axes are the same.
    """
    units = camera.degrees if isinstance(camera.degrees, tuple) else (camera.degrees, camera.degrees)
    if len(units) != 2 or not all(np.isfinite(unit) and unit != 0 for unit in units):
        raise ValueError(f"degrees is {camera.degrees!r}; it must be one number other than 0, or (of pitch, of yaw)")
    values = None if camera.values is None else np.asarray(camera.values, np.float64)
    paired = values is not None and values.ndim == 2
    if values is not None and (values.ndim == 0 or values.shape[1:] not in ((), (2,))):
        raise ValueError(f"values is {camera.values!r}; it must have the degrees, or (pitch, yaw), of each choice")
    columns = (None, None) if values is None else values.T if paired else (values, values)
    pitch, yaw = (
        _axis(space, at, float(unit), column)
        for at, unit, column in zip((camera.pitch, camera.yaw), units, columns, strict=True)
    )
    if paired != (pitch.place is not None and yaw.place is not None and pitch.place.path == yaw.place.path):
        raise ValueError(
            f"values has pairs, and pitch is {camera.pitch!r}, yaw {camera.yaw!r}: pairs are for one entry of both"
            if paired
            else f"pitch and yaw are the same entry, {camera.pitch!r}; give values, the (pitch, yaw) of each choice"
        )
    if values is not None and paired and not (values == 0).all(axis=-1).any():
        raise ValueError(f"one of values must be (0, 0), which is no movement, got {camera.values!r}")
    return pitch, yaw


def nearest_pair(axes: tuple[Axis, Axis], degrees: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Returns the movement (pitch, yaw) nearest to ``degrees`` that one entry makes, and the entry's number for it.

    Args:
        axes: The axes of a camera whose pitch and yaw are the same entry.
        degrees: (2,), the movement that is wanted.
    """
    place = axes[0].place
    pairs = np.stack([axis.values for axis in axes if axis.values is not None], axis=-1)
    choice = int(np.abs(pairs - degrees).sum(axis=-1).argmin())
    assert place is not None
    return pairs[choice], place.low + choice


def _axis(space: spaces.Space[Any], at: At | None, unit: float, values: npt.NDArray[np.float64] | None) -> Axis:
    if at is None:
        return Axis(None)
    place = find_place(space, at)
    if values is None:
        if not place.takes(0):
            raise ValueError(f"camera must be able to be 0, which is no movement, got {place.low:g} to {place.high:g}")
        return Axis(place, unit)
    choices = values * unit
    if not place.whole or len(choices) != place.high - place.low + 1:
        raise ValueError(f"values has {len(choices)} choices; the entry {at!r} is from {place.low:g} to {place.high:g}")
    if not (choices == 0).any():
        raise ValueError(f"one of values must be 0, which is no movement, got {values.tolist()}")
    return Axis(place, 1.0, choices)
