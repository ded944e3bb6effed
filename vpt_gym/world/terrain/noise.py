"""Gradient noise on the torus, equal to the bit on every machine, and quantiles of it. Used by ``generate``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import SIDE
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import hash32

SLANT = 0.7071067811865476
GRADIENT_X = (1.0, SLANT, 0.0, -SLANT, -1.0, -SLANT, 0.0, SLANT)
GRADIENT_Z = (0.0, SLANT, 1.0, SLANT, 0.0, -SLANT, -1.0, -SLANT)
BINS = 2048


@kernel
def add_noise(seed: int, layer: int, cells: int, weight: float, values: Any) -> None:
    """Adds gradient noise to a map of the torus. Most of its values are in [-weight / 2, weight / 2].

    Args:
        seed: Any integer.
        layer: Distinguishes the maps of one seed.
        cells: Number of lattice cells around the torus; hills are about ``SIDE / cells`` blocks apart.
        weight: Multiplies the noise.
        values: (SIDE, SIDE) float64; changed.
    """
    corners = np.empty((cells, cells), np.int64)
    for i in range(cells):
        for j in range(cells):
            corners[i, j] = hash32(seed, i, j, layer) & 7
    for x in range(SIDE):
        fx = x * cells / SIDE
        x0 = math.floor(fx)
        x1 = (x0 + 1) % cells
        u = fx - x0
        su = u * u * u * (u * (u * 6.0 - 15.0) + 10.0)
        for z in range(SIDE):
            fz = z * cells / SIDE
            z0 = math.floor(fz)
            z1 = (z0 + 1) % cells
            v = fz - z0
            sv = v * v * v * (v * (v * 6.0 - 15.0) + 10.0)
            a = corners[x0, z0]
            b = corners[x1, z0]
            c = corners[x0, z1]
            d = corners[x1, z1]
            near = (GRADIENT_X[a] * u + GRADIENT_Z[a] * v) * (1.0 - su) + (
                GRADIENT_X[b] * (u - 1.0) + GRADIENT_Z[b] * v
            ) * su
            far = (GRADIENT_X[c] * u + GRADIENT_Z[c] * (v - 1.0)) * (1.0 - su) + (
                GRADIENT_X[d] * (u - 1.0) + GRADIENT_Z[d] * (v - 1.0)
            ) * su
            values[x, z] += weight * (near * (1.0 - sv) + far * sv)


@kernel
def quantile(values: Any, share: float) -> float:
    """Returns a quantile (0 to 1) of a (SIDE, SIDE) map, to a precision of 1/2,048 of its range."""
    low = math.inf
    high = -math.inf
    for x in range(SIDE):
        for z in range(SIDE):
            low = min(low, values[x, z])
            high = max(high, values[x, z])
    size = max(high - low, 1e-9)
    counts = np.zeros(BINS + 1, np.int64)
    for x in range(SIDE):
        for z in range(SIDE):
            counts[int((values[x, z] - low) / size * BINS)] += 1
    below = 0
    for k in range(BINS):
        if below >= share * SIDE * SIDE:
            return low + size * k / BINS
        below += counts[k]
    return low + size
