"""Random chunks of episodes: every position of a chunk in every episode, drawn in proportion to its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vpt_gym.actions import codec

Priority: TypeAlias = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.floating[Any]]]
"""Maps the codes (T, 2) of an episode to the priority of each tick (T,): finite numbers, not negative."""


class WeightedChunks:
    """Every chunk of some episodes, to draw from with replacement.

    Args:
        weights: For each episode, the weight of the chunk that starts at each tick; (n,) float64, not negative, where
            n is the number of positions that a chunk has in the episode.
    """

    def __init__(self, weights: Sequence[npt.NDArray[np.float64]]) -> None:
        self._episode = np.concatenate([np.full(len(part), index) for index, part in enumerate(weights)])
        self._start = np.concatenate([np.arange(len(part)) for part in weights])
        self._cumulative = np.cumsum(np.concatenate(weights))

    @property
    def total_weight(self) -> float:
        """The sum of all weights. Nothing can be drawn if it is 0."""
        return float(self._cumulative[-1])

    def draw(self, rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
        """Returns (episode, first tick) of ``count`` chunks; uses ``count`` random numbers of ``rng``."""
        picks = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1], side="right")
        return [(int(self._episode[pick]), int(self._start[pick])) for pick in picks]


def chunk_sums(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Returns the sum of an episode's values (T,) over each chunk of ``length`` ticks, (T - length + 1,).

    An episode shorter than a chunk has one chunk, the complete episode.
    """
    starts = np.arange(max(len(values) - length, 0) + 1)
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[np.minimum(starts + length, len(values))] - total[starts])


def chunk_weights(
    episodes: Sequence[npt.NDArray[np.int64]], length: int, priority: Priority | None
) -> list[npt.NDArray[np.float64]]:
    """Returns the weights of the chunks of each episode: the sum of their ticks' priorities, or 1 without a priority.

    Args:
        episodes: The codes of each episode, (T, 2).
        length: Ticks in a chunk.
        priority: Computes the priority of each tick.

    Raises:
        ValueError: ``priority`` returned something other than T finite numbers that are not negative, or 0 for every
            tick of every episode.
    """
    if priority is None:
        return [np.ones(max(len(codes) - length, 0) + 1) for codes in episodes]
    weights = []
    for codes in episodes:
        ticks = len(codes)
        values = np.asarray(priority(codes), np.float64)
        if values.shape != (ticks,) or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(
                f"priority returned {values!r} for an episode of {ticks} ticks; it must return ({ticks},) finite "
                "numbers that are not negative"
            )
        weights.append(chunk_sums(values, length))
    if not any(part.any() for part in weights):
        raise ValueError("priority is 0 for every tick of every demo; nothing could be drawn")
    return weights


def moves_camera(codes: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.bool_]:
    """Returns for each chunk of an episode whether the camera moves in it, given the codes (T, 2)."""
    return chunk_sums((codes[:, 1] != codec.NULL_CAMERA).astype(np.float64), length) > 0.5
