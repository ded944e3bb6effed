"""The learning-rate schedules of the trainers: a linear warm-up, and half a cosine after it."""

from __future__ import annotations

import math

FINAL_SHARE = 0.02
"""Share of the peak learning rate that is left at the end: small, but the last updates still count."""


def linear_warmup(update: int, warmup: int) -> float:
    """Returns the learning rate of an update as a share of its peak, to which it rises linearly.

    Adam's first steps are as long as its learning rate, however small and noisy the gradients: its moments are those of
    a few updates.

    Args:
        update: Number of the update, from 1.
        warmup: Updates over which the rate rises; 0 for none.

    Example:
        >>> [linear_warmup(update, 4) for update in (1, 2, 4, 5)]
        [0.25, 0.5, 1.0, 1.0]
    """
    return min(1.0, update / warmup) if warmup else 1.0


def warmup_cosine(update: int, done: float, *, warmup: int) -> float:
    """Returns the learning rate of an update as a share of its peak.

    The decay depends on the progress, not on the number of the update, so that a training run may end by the clock.

    Args:
        update: Number of the update, from 1.
        done: Progress of the training at this update, in [0, 1].
        warmup: Updates over which the rate rises linearly to its peak; 0 for none.

    Example:
        >>> [round(warmup_cosine(update, update / 100, warmup=10), 3) for update in (1, 10, 50, 100)]
        [0.1, 0.976, 0.51, 0.02]
    """
    return linear_warmup(update, warmup) * (
        FINAL_SHARE + (1.0 - FINAL_SHARE) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, done)))
    )
