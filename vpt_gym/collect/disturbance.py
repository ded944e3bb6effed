"""Disturbed demos: pushes turn the view away for some ticks, and the expert's labels show how to recover.

A policy cloned from undisturbed demos has never seen its own mistakes. Noise in the executed action, with the expert's
action as the label, shows them. Source: Laskey et al. 2017, "DART: Noise Injection for Robust Imitation Learning"
(arXiv:1703.09327).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.actions.camera import MAX_DEGREES
from vpt_gym.actions.human import HumanAction

SHORTEST, LONGEST = 3, 12
"""Shortest and longest push, ticks."""
SPREAD = (9.0, 6.0)
"""Standard deviation of a push, degrees per tick, (pitch, yaw). A push is clipped to the range of VPT's camera.

A push in pitch must be able to reach straight up and straight down. The view of a policy that was cloned from smaller
ones (a standard deviation of 4) drifts to a pitch that no demo contains, and never returns (docs/experiments.md).
"""


class Disturbance:
    """Replaces the camera movement of some sequences of ticks by a constant push.

    Args:
        rate: Probability that a push begins, in each tick without one.
        seed: Seed of the pushes.

    Raises:
        ValueError: ``rate`` is outside [0, 1].
    """

    def __init__(self, rate: float, *, seed: int = 0) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"rate is {rate}; it must be a probability between 0 and 1")
        self.rate = rate
        self._rng = np.random.default_rng(seed)
        self._left = 0
        self._push = np.zeros(2, np.float32)

    @property
    def provenance(self) -> dict[str, Any]:
        """What the metadata of a demo holds about its pushes, as JSON values."""
        pushes = {"spread": list(SPREAD), "ticks": [SHORTEST, LONGEST]}
        return {"disturbance": self.rate, **({"pushes": pushes} if self.rate else {})}

    def executed(self, action: HumanAction) -> HumanAction:
        """Returns the action to execute: ``action`` itself, or ``action`` with the push as its camera movement."""
        if self._left == 0 and self._rng.random() < self.rate:
            self._left = int(self._rng.integers(SHORTEST, LONGEST + 1))
            self._push = np.clip(self._rng.normal(0.0, SPREAD), -MAX_DEGREES, MAX_DEGREES).astype(np.float32)
        if self._left == 0:
            return action
        self._left -= 1
        return {**action, "camera": self._push.copy()}
