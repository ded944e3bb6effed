"""Disturbed demonstrations: the view is pushed aside now and then, and the expert's labels show how to recover.

A learner cloned from clean demos has never seen its own mistakes. Noise in what is executed, with the label left as
the expert meant it, shows them. Source: Laskey et al. 2017, "DART: Noise Injection for Robust Imitation Learning"
(arXiv:1703.09327).
"""

from __future__ import annotations

import numpy as np

from vpt_gym.actions.camera import MAX_DEGREES
from vpt_gym.actions.human import HumanAction

SHORTEST, LONGEST = 3, 10
"""Ticks that one push lasts."""
SPREAD = (4.0, 6.0)
"""Standard deviation of a push, degrees per tick, (pitch, yaw); clipped to what VPT's actions can say."""


class Disturbance:
    """Replaces the camera movement of some stretches of ticks by a steady push.

    Args:
        rate: Chance of a push to begin, for each tick without one.
        seed: Seed of the pushes.

    Raises:
        ValueError: ``rate`` is outside [0, 1].
    """

    def __init__(self, rate: float, *, seed: int = 0) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"rate is {rate}; it must be a chance between 0 and 1")
        self.rate = rate
        self._rng = np.random.default_rng(seed)
        self._left = 0
        self._push = np.zeros(2, np.float32)

    def executed(self, action: HumanAction) -> HumanAction:
        """Returns what to execute instead of ``action``: itself, or with the push as its camera movement."""
        if self._left == 0 and self._rng.random() < self.rate:
            self._left = int(self._rng.integers(SHORTEST, LONGEST + 1))
            self._push = np.clip(self._rng.normal(0.0, SPREAD), -MAX_DEGREES, MAX_DEGREES).astype(np.float32)
        if self._left == 0:
            return action
        self._left -= 1
        return {**action, "camera": self._push.copy()}
