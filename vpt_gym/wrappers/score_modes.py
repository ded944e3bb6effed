"""Formulas that turn the scores of videos into rewards. All are those of public code that uses MineCLIP."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Mode: TypeAlias = Literal["direct", "delta", "threshold"]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ScoreThreshold:
    """Constants of the mode ``"threshold"``; the defaults are those of DeckardAgent/deckard (``clip_wrapper.py``).

    They were chosen there for the logits of one of the published checkpoints; look at yours before you trust them
    (``info["mineclip_score"]``).

    Attributes:
        low: Logit that counts as 0.
        high: Logit that counts as 1; higher ones count for more.
        smoothing: Steps over which logits are averaged; fewer at the start of an episode.
        weight: Factor of the reward.
    """

    low: float = 21.0
    high: float = 23.0
    smoothing: int = 50
    weight: float = 0.01

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and self.low < self.high < math.inf and math.isfinite(self.weight)):
            raise ValueError(f"low={self.low}, high={self.high}, weight={self.weight}; low must be below high")
        if self.smoothing < 1:
            raise ValueError(f"smoothing={self.smoothing}; it must be at least one step")


def probability(logits: Floats) -> Floats:
    """Returns the probability of the first prompt among all: (..., P) -> (...)."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    share: Floats = odds[..., 0] / odds.sum(axis=-1)
    return share


def score(logits: Floats) -> Floats:
    """Returns the first prompt's probability, or its logit where it is the only one: (..., P) -> (...)."""
    return probability(logits) if logits.shape[-1] > 1 else logits[..., 0]


class ScoreMode(Protocol):
    """A formula, with what it remembers of N episodes. A mask, (N,) bool, selects the episodes of the logits' rows."""

    def restart(self, which: Mask, logits: Floats) -> None:
        """Starts episodes; ``logits`` are those of their first videos, (which.sum(), P)."""

    def rewards(self, which: Mask, logits: Floats) -> Floats:
        """Returns the rewards of a step in these episodes: (which.sum(), P) -> (which.sum(),)."""


class Direct:
    """``max(p - 1 / P, 0)``, where p is the probability of the task among P prompts."""

    def restart(self, which: Mask, logits: Floats) -> None:
        """Does nothing: the reward depends on the last video alone."""

    def rewards(self, which: Mask, logits: Floats) -> Floats:
        """Returns the rewards of a step."""
        above: Floats = np.maximum(probability(logits) - 1 / logits.shape[-1], 0.0)
        return above


class Delta:
    """The change of the score since the last step; in the first step since the episode's first frame."""

    def __init__(self, episodes: int) -> None:
        self._last = np.zeros(episodes)

    def restart(self, which: Mask, logits: Floats) -> None:
        """Remembers the score of the first video."""
        self._last[which] = score(logits)

    def rewards(self, which: Mask, logits: Floats) -> Floats:
        """Returns the rewards of a step."""
        now = score(logits)
        change = now - self._last[which]
        self._last[which] = now
        return change


class Thresholded:
    """Pays ``weight * s`` whenever s exceeds its highest value so far in the episode.

    s is the mean of the last logits, scaled so that ``low`` is 0 and ``high`` is 1, and not below 0.
    """

    def __init__(self, episodes: int, constants: ScoreThreshold) -> None:
        self._constants = constants
        self._logits = np.zeros((episodes, constants.smoothing))
        self._steps = np.zeros(episodes, np.int64)
        self._best = np.zeros(episodes)

    def restart(self, which: Mask, logits: Floats) -> None:
        """Forgets all logits; that of the first video does not count."""
        self._logits[which] = self._best[which] = self._steps[which] = 0

    def rewards(self, which: Mask, logits: Floats) -> Floats:
        """Returns the rewards of a step."""
        of = self._constants
        rows = np.flatnonzero(which)
        self._logits[rows, self._steps[rows] % of.smoothing] = logits[:, 0]
        self._steps[rows] += 1
        mean = self._logits[rows].sum(axis=1) / np.minimum(self._steps[rows], of.smoothing)
        scaled = np.maximum(mean - of.low, 0.0) / (of.high - of.low)
        better = scaled > self._best[rows]
        self._best[rows] = np.maximum(self._best[rows], scaled)
        return np.where(better, of.weight * scaled, 0.0)
