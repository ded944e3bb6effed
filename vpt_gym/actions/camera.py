"""VPT's camera bins: degrees per tick <-> one of 11 mu-law bins on each axis.

Constants: Baker et al. 2022 (arXiv:2206.11795), appendix on the action space; compatible with
openai/Video-Pre-Training (``camera_maxval=10, camera_binsize=2, camera_mu=10``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_DEGREES = 10.0
"""Movements beyond this many degrees per tick fall into the outermost bins."""

BIN_SIZE = 2.0
"""Width of a bin on the mu-law scale, which runs from -10 to 10."""

MU = 10.0
"""Strength of the mu-law compression: small movements get finer bins."""

N_BINS = 11
NULL_BIN = 5
"""The bin of a camera that does not move."""


def to_bin(degrees: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns the bin of each camera movement, int64 in [0, 11), of the same shape.

    Args:
        degrees: Degrees per tick; beyond +-10 they are clipped. A value halfway between two bins goes to the
            even bin, as in the published code.

    Raises:
        ValueError: A value is not a number.
    """
    value = np.asarray(degrees, np.float64)
    if np.isnan(value).any():
        raise ValueError(f"camera degrees contain NaN: {degrees!r}; pass finite degrees per tick")
    share = np.clip(value, -MAX_DEGREES, MAX_DEGREES) / MAX_DEGREES
    # same order of operations as the published code, so that values on a boundary round the same way
    compressed = np.sign(share) * (np.log(1.0 + MU * np.abs(share)) / np.log(1.0 + MU)) * MAX_DEGREES
    return np.asarray(np.round((compressed + MAX_DEGREES) / BIN_SIZE), np.int64)


def _centres() -> npt.NDArray[np.float64]:
    share = (np.arange(N_BINS) * BIN_SIZE - MAX_DEGREES) / MAX_DEGREES
    centres: npt.NDArray[np.float64] = np.sign(share) * ((1.0 + MU) ** np.abs(share) - 1.0) / MU * MAX_DEGREES
    centres.setflags(write=False)
    return centres


BIN_DEGREES: npt.NDArray[np.float64] = _centres()
"""(11,) float64: the degrees per tick of each bin: 0, +-0.615, +-1.609, +-3.215, +-5.809, +-10."""


def to_degrees(bins: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns the degrees per tick of each bin, float64 of the same shape.

    Raises:
        ValueError: A bin is not an integer in [0, 11).
    """
    value: npt.NDArray[Any] = np.asarray(bins)
    if value.dtype.kind not in "iu" or (value < 0).any() or (value >= N_BINS).any():
        raise ValueError(f"camera bins must be integers in [0, {N_BINS}), got {bins!r}")
    return np.asarray(BIN_DEGREES[value])
