"""Chunks of episodes, drawn at random: every placement of a chunk in every episode, by its priority."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions import codec


@dataclass(frozen=True)
class Chunks:
    """Every placement of a chunk in every episode.

    Attributes:
        episode: (N,) index of the episode.
        start: (N,) position of the chunk's first tick.
        priority: (N,) cumulative priority.
        motion: (N,) cumulative priority, counting only chunks in which the camera moves.
    """

    episode: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    priority: npt.NDArray[np.float64]
    motion: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls,
        codes: Sequence[npt.NDArray[np.int64]],
        seq_len: int,
        priority: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.floating[Any]]] | None,
    ) -> Chunks:
        """Returns the chunks of ``seq_len`` ticks of episodes, given their codes (T, 2) each.

        Raises:
            ValueError: ``priority`` returns something else than a finite number, not negative, for each tick, or 0
                for all.
        """
        index, start, weight, moves = [], [], [], []
        for number, episode in enumerate(codes):
            ticks = len(episode)
            starts = np.arange(max(ticks - seq_len, 0) + 1)
            index.append(np.full(len(starts), number))
            start.append(starts)
            moving = (episode[:, 1] != codec.NULL_CAMERA).astype(np.float64)
            moves.append(_window_sums(moving, starts, seq_len) > 0.5)
            if priority is None:
                weight.append(np.ones(len(starts)))
                continue
            each = np.asarray(priority(episode), np.float64)
            if each.shape != (ticks,) or not np.isfinite(each).all() or (each < 0).any():
                raise ValueError(
                    f"priority returned {each!r} for an episode of {ticks} ticks; it must return ({ticks},) finite "
                    "numbers that are not negative"
                )
            weight.append(_window_sums(each, starts, seq_len))
        all_weights = np.concatenate(weight)
        if not all_weights.sum() > 0:
            raise ValueError("priority is 0 for every tick of every demo; nothing could be drawn")
        return cls(
            episode=np.concatenate(index),
            start=np.concatenate(start),
            priority=np.cumsum(all_weights),
            motion=np.cumsum(np.where(np.concatenate(moves), all_weights, 0.0)),
        )

    def draw(self, rng: np.random.Generator, count: int, n_motion: int) -> list[tuple[int, int]]:
        """Returns (episode, start) of ``count`` chunks, the first ``n_motion`` of them with camera motion."""
        picks = [
            int(np.searchsorted(total, rng.random() * total[-1], side="right"))
            for total in [self.motion] * n_motion + [self.priority] * (count - n_motion)
        ]
        return [(int(self.episode[pick]), int(self.start[pick])) for pick in picks]


def _window_sums(
    values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.float64]:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(total[np.minimum(starts + length, len(values))] - total[starts])
