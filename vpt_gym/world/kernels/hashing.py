"""Random numbers that are functions of integers: equal on all machines, in any order of the calls."""

from __future__ import annotations

from vpt_gym.world.kernels.compiled import kernel


@kernel
def hash32(seed: int, a: int, b: int, c: int) -> int:
    """Returns a 32-bit hash of four integers (the finaliser of MurmurHash3, public domain, after each integer)."""
    h = (int(seed) + 0x9E3779B9) & 0xFFFFFFFF
    for k in (a, b, c):
        h = ((h ^ (int(k) & 0xFFFFFFFF)) * 0x9E3779B1) & 0xFFFFFFFF
        h ^= h >> 16
        h = (h * 0x85EBCA6B) & 0xFFFFFFFF
        h ^= h >> 13
        h = (h * 0xC2B2AE35) & 0xFFFFFFFF
        h ^= h >> 16
    return h


@kernel
def uniform(seed: int, a: int, b: int, c: int) -> float:
    """Returns a number in [0, 1) that depends only on the four integers."""
    return hash32(seed, a, b, c) / 4294967296.0
