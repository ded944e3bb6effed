"""Statistics of a LeRobot dataset, from which its policies take the scales of observations and actions.

The rules are LeRobot's (``lerobot/datasets/compute_stats.py``): the population's standard deviation, pixels in 0 to 1,
five quantiles. Those of the whole dataset are the mean of the episodes' quantiles, weighted by their lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vpt_gym.frames import Frame

Stats: TypeAlias = dict[str, npt.NDArray[np.float64]]
"""``min``, ``max``, ``mean``, ``std`` and the keys of ``QUANTILES``, of one shape, and ``count`` (1,)."""

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

_MOST_FRAMES = 100
"""So many frames of an episode are counted, evenly spaced."""
_LEVELS = np.arange(256) / 255


def vector_stats(values: npt.NDArray[np.generic]) -> Stats:
    """Returns the statistics of T vectors (T, n), each of shape (n,), or of T numbers (T,), of shape (1,)."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    quantiles = np.quantile(rows, list(QUANTILES.values()), axis=0)
    return {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
        "count": np.array([len(rows)], np.float64),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }


class PixelStats:
    """The statistics of the frames of one episode, each of shape (3, 1, 1), in 0 to 1.

    Args:
        ticks: Number of frames.
    """

    def __init__(self, ticks: int) -> None:
        self._step = -(-ticks // _MOST_FRAMES)
        self._seen = 0
        self._counted = 0
        self._pixels = np.zeros((3, 256), np.int64)

    def add(self, frame: Frame) -> None:
        """Counts the next frame, or leaves it out."""
        if self._seen % self._step == 0:
            self._counted += 1
            for channel in range(3):
                self._pixels[channel] += np.bincount(frame[..., channel].ravel(), minlength=256)
        self._seen += 1

    def result(self) -> Stats:
        """Returns the statistics. ``count`` is the number of frames that were counted."""
        share = self._pixels / self._pixels.sum(axis=1, keepdims=True)
        below = share.cumsum(axis=1)
        mean = share @ _LEVELS
        found = {
            "min": _LEVELS[(share > 0).argmax(axis=1)],
            "max": _LEVELS[255 - (share > 0)[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(share @ _LEVELS**2 - mean**2, 0)),
            **{name: _LEVELS[(below >= level - 1e-9).argmax(axis=1)] for name, level in QUANTILES.items()},
        }
        shaped: Stats = {name: np.asarray(value, np.float64).reshape(3, 1, 1) for name, value in found.items()}
        return shaped | {"count": np.array([self._counted], np.float64)}


def combined(one: Mapping[str, Stats], other: Mapping[str, Stats]) -> dict[str, Stats]:
    """Returns the statistics of two parts of a dataset with the same features together."""
    return {feature: _combined(one[feature], other[feature]) for feature in one}


def _combined(one: Stats, other: Stats) -> Stats:
    total = one["count"] + other["count"]
    shares = (one["count"] / total, other["count"] / total)

    def weighted(name: str) -> npt.NDArray[np.float64]:
        return one[name] * shares[0] + other[name] * shares[1]

    mean = weighted("mean")
    variance = sum(
        (part["std"] ** 2 + (part["mean"] - mean) ** 2) * share
        for part, share in zip((one, other), shares, strict=True)
    )
    return {
        "min": np.minimum(one["min"], other["min"]),
        "max": np.maximum(one["max"], other["max"]),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": total,
        **{name: weighted(name) for name in QUANTILES},
    }
