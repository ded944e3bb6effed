"""Which ticks of which episodes stand where in a batch: the orders in which a ``DemoDataset`` goes through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from vpt_gym.demos.dataset.chunks import Chunks

_POOL = 16  # batches whose episodes are sorted by length together


class Segment(NamedTuple):
    """Successive ticks of an episode that go into one row of a batch."""

    row: int
    at: int
    """Where in the row they begin."""
    episode: int
    start: int
    """The first of them, counted in the ticks that are learned from."""
    length: int


class Plan(NamedTuple):
    """What a batch is made of. What no segment covers is padding, at the end of a row."""

    rows: int
    ticks: int
    segments: list[Segment]


class Order(Protocol):
    """Says what the next batch is made of."""

    def next(self) -> Plan:
        """Returns the plan of the next batch; there is always one more."""

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on. There must be another."""

    def state_dict(self) -> dict[str, Any]:
        """Returns where it stands, as JSON values; the random generator is not part of it."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where ``state_dict`` was taken."""


class _Episodes:
    """Episodes in a shuffled order, in which each comes once before any comes again."""

    def __init__(self, lengths: Sequence[int], rng: np.random.Generator) -> None:
        self.lengths, self.rng = lengths, rng
        self.dropped: set[int] = set()

    def shuffled(self) -> list[int]:
        order: list[int] = self.rng.permutation(len(self.lengths)).tolist()
        return [episode for episode in order if episode not in self.dropped]


class CarriedOrder:
    """Each row walks through whole episodes, one right behind the other: nothing is padded.

    Args:
        lengths: Ticks of each episode.
        rows: Sequences in a batch.
        ticks: Ticks in a sequence.
        rng: Shuffles the episodes.
    """

    def __init__(self, lengths: Sequence[int], rows: int, ticks: int, rng: np.random.Generator) -> None:
        self._episodes = _Episodes(lengths, rng)
        self._ticks = ticks
        self._queue: list[int] = []
        self._lanes: list[list[int]] = [[self._next_episode(), 0] for _ in range(rows)]

    def next(self) -> Plan:
        """Returns the plan of the next batch."""
        segments = [segment for row in range(len(self._lanes)) for segment in self._walk(row)]
        return Plan(len(self._lanes), self._ticks, segments)

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on."""
        self._episodes.dropped.add(episode)
        self._queue = [queued for queued in self._queue if queued != episode]
        for lane in self._lanes:
            if lane[0] == episode:
                lane[:] = [self._next_episode(), 0]

    def state_dict(self) -> dict[str, Any]:
        """Returns where it stands."""
        return {"queue": list(self._queue), "lanes": [list(lane) for lane in self._lanes]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where ``state_dict`` was taken."""
        self._queue = list(state["queue"])
        self._lanes = [list(lane) for lane in state["lanes"]]

    def _walk(self, row: int) -> list[Segment]:
        lane, segments, filled = self._lanes[row], [], 0
        while filled < self._ticks:
            count = min(self._ticks - filled, self._episodes.lengths[lane[0]] - lane[1])
            segments.append(Segment(row, filled, lane[0], lane[1], count))
            filled += count
            lane[1] += count
            if lane[1] == self._episodes.lengths[lane[0]]:
                lane[:] = [self._next_episode(), 0]
        return segments

    def _next_episode(self) -> int:
        if not self._queue:
            self._queue = self._episodes.shuffled()
        return self._queue.pop(0)


class BucketedOrder:
    """Whole episodes, those of similar length together, each row padded to the longest of its batch.

    The shuffled episodes are sorted by length in pools of several batches, and the batches of a pool are shuffled. The
    last batch before all episodes come again may have fewer rows.

    Args:
        lengths: Ticks of each episode.
        rows: Episodes in a batch.
        rng: Shuffles the episodes and the batches.
    """

    def __init__(self, lengths: Sequence[int], rows: int, rng: np.random.Generator) -> None:
        self._episodes = _Episodes(lengths, rng)
        self._rows = rows
        self._queue: list[list[int]] = []

    def next(self) -> Plan:
        """Returns the plan of the next batch."""
        if not self._queue:
            self._queue = self._batches(self._episodes.shuffled())
        chosen = self._queue.pop(0)
        lengths = [self._episodes.lengths[episode] for episode in chosen]
        segments = [Segment(row, 0, episode, 0, lengths[row]) for row, episode in enumerate(chosen)]
        return Plan(len(chosen), max(lengths), segments)

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on."""
        self._episodes.dropped.add(episode)
        left = [[queued for queued in batch if queued != episode] for batch in self._queue]
        self._queue = [batch for batch in left if batch]

    def state_dict(self) -> dict[str, Any]:
        """Returns where it stands."""
        return {"queue": [list(batch) for batch in self._queue]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where ``state_dict`` was taken."""
        self._queue = [list(batch) for batch in state["queue"]]

    def _batches(self, order: list[int]) -> list[list[int]]:
        batches = []
        for start in range(0, len(order), _POOL * self._rows):
            pool = sorted(
                order[start : start + _POOL * self._rows], key=lambda episode: self._episodes.lengths[episode]
            )
            cut = [pool[i : i + self._rows] for i in range(0, len(pool), self._rows)]
            batches += [cut[i] for i in self._episodes.rng.permutation(len(cut))]
        return batches


class RandomOrder:
    """Chunks, each drawn by its priority from every placement in every episode.

    Args:
        chunks: The chunks.
        lengths: Ticks of each episode.
        rows: Chunks in a batch.
        ticks: Ticks in a chunk.
        n_motion: How many chunks of a batch are drawn from those in which the camera moves.
        rng: Draws them.
    """

    def __init__(
        self, chunks: Chunks, lengths: Sequence[int], rows: int, ticks: int, n_motion: int, rng: np.random.Generator
    ) -> None:
        self._chunks, self._lengths, self._rows, self._ticks = chunks, lengths, rows, ticks
        self._n_motion, self._rng = n_motion, rng

    def next(self) -> Plan:
        """Returns the plan of the next batch."""
        drawn = self._chunks.draw(self._rng, self._rows, self._n_motion)
        segments = [
            Segment(row, 0, episode, start, min(self._ticks, self._lengths[episode] - start))
            for row, (episode, start) in enumerate(drawn)
        ]
        return Plan(self._rows, self._ticks, segments)

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on."""
        raise RuntimeError("chunks are drawn from decoded episodes only, and these cannot be damaged")

    def state_dict(self) -> dict[str, Any]:
        """Returns nothing: all of its state is in the random generator."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing: all of its state is in the random generator."""
