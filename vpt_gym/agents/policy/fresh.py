"""Fresh weights of a seed, also where several threads make networks at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SEEDED = threading.RLock()


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seeds torch's global random numbers for a ``with`` block, and restores their state after it.

    PyTorch initialises layers from that state, which all threads share. So one thread at a time is in such a block.

    Args:
        seed: The seed; None leaves the state as it is.
    """
    if seed is None:
        yield
        return
    with _SEEDED, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
