"""The orders in which a ``DemoDataset`` goes through its episodes: which ticks go where in each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from vpt_gym.demos.dataset.chunks import WeightedChunks


class Segment(NamedTuple):
    """Consecutive ticks of one episode that go into one row of a batch."""

    row: int
    offset: int
    """Position in the row of the first of them."""
    episode: int
    start: int
    """Index in the episode of the first of them, counting only the ticks that are learned from."""
    length: int


class Order(Protocol):
    """Decides which ticks go into the next batch."""

    def next(self) -> list[Segment]:
        """Returns the segments of the next batch; there is always one more. The rest of each row is padding."""

    def starts(self, segment: Segment) -> bool:
        """Returns whether memory must be empty before the first of these ticks."""

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on. Another episode must remain."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the current position as JSON values, without the state of the random generator."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from the position that ``state_dict`` returned."""


class CarriedOrder:
    """Each row goes through complete episodes, one directly after the other, without padding.

    The episodes are shuffled, and each comes once before any comes again.

    Args:
        lengths: Ticks of each episode.
        rows: Sequences in a batch.
        ticks: Ticks in a sequence.
        rng: Shuffles the episodes.
        continued: The episode that continues another, by that other one. A row goes from one to the other, with its
            memory, and only whole chains of them are shuffled.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        rows: int,
        ticks: int,
        rng: np.random.Generator,
        *,
        continued: Mapping[int, int] | None = None,
    ) -> None:
        self._lengths, self._ticks, self._rng = lengths, ticks, rng
        self._continued = dict(continued or {})
        self._continuing = set(self._continued.values())
        self._dropped: set[int] = set()
        self._queue: list[int] = []
        self._lanes: list[list[int]] = [[self._next_episode(), 0] for _ in range(rows)]  # episode, next tick

    def next(self) -> list[Segment]:
        """Returns the segments of the next batch."""
        return [segment for row in range(len(self._lanes)) for segment in self._advance(row)]

    def starts(self, segment: Segment) -> bool:
        """Returns whether the ticks begin an episode that continues no other one."""
        return segment.start == 0 and segment.episode not in self._continuing

    def drop(self, episode: int) -> None:
        """Leaves an episode out from now on. One that continues it then begins with empty memory."""
        self._dropped.add(episode)
        self._queue = [queued for queued in self._queue if queued != episode]
        if episode in self._continued:
            self._queue.append(self._continued[episode])
        self._continued = {one: other for one, other in self._continued.items() if episode not in (one, other)}
        self._continuing = set(self._continued.values())
        for lane in self._lanes:
            if lane[0] == episode:
                lane[:] = [self._next_episode(), 0]

    def state_dict(self) -> dict[str, Any]:
        """Returns the current position."""
        return {"queue": list(self._queue), "lanes": [list(lane) for lane in self._lanes]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from the position that ``state_dict`` returned."""
        self._queue = list(state["queue"])
        self._lanes = [list(lane) for lane in state["lanes"]]

    def _advance(self, row: int) -> list[Segment]:
        lane, segments, filled = self._lanes[row], [], 0
        while filled < self._ticks:
            count = min(self._ticks - filled, self._lengths[lane[0]] - lane[1])
            segments.append(Segment(row, filled, lane[0], lane[1], count))
            filled += count
            lane[1] += count
            if lane[1] == self._lengths[lane[0]]:
                following = self._continued.get(lane[0])
                lane[:] = [self._next_episode() if following is None else following, 0]
        return segments

    def _next_episode(self) -> int:
        if not self._queue:
            shuffled: list[int] = self._rng.permutation(len(self._lengths)).tolist()
            left_out = self._dropped | self._continuing
            self._queue = [episode for episode in shuffled if episode not in left_out]
        return self._queue.pop(0)


class RandomOrder:
    """Independent chunks, drawn by their weights from every position in every episode.

    Args:
        chunks: The chunks.
        lengths: Ticks of each episode.
        rows: Chunks in a batch.
        ticks: Ticks in a chunk.
        rng: Draws them.
        motion_chunks: The chunks in which the camera moves, with a weight of 0 for the others.
        n_motion: How many chunks of a batch, its first ones, are drawn from ``motion_chunks``.
    """

    def __init__(
        self,
        chunks: WeightedChunks,
        lengths: Sequence[int],
        rows: int,
        ticks: int,
        rng: np.random.Generator,
        *,
        motion_chunks: WeightedChunks,
        n_motion: int,
    ) -> None:
        self._chunks, self._motion_chunks = chunks, motion_chunks
        self._lengths, self._rows, self._ticks = lengths, rows, ticks
        self._n_motion, self._rng = n_motion, rng

    def next(self) -> list[Segment]:
        """Returns the segments of the next batch, one for each row."""
        drawn = self._motion_chunks.draw(self._rng, self._n_motion)
        drawn += self._chunks.draw(self._rng, self._rows - self._n_motion)
        return [
            Segment(row, 0, episode, start, min(self._ticks, self._lengths[episode] - start))
            for row, (episode, start) in enumerate(drawn)
        ]

    def starts(self, segment: Segment) -> bool:
        """Returns True: every chunk is apart from the others."""
        return True

    def drop(self, episode: int) -> None:
        """Raises a ``RuntimeError``: the episodes of this order are decoded in advance, so none turns out damaged."""
        raise RuntimeError(f"episode {episode} cannot be left out: random chunks come from decoded episodes only")

    def state_dict(self) -> dict[str, Any]:
        """Returns an empty dict: the random generator has all of the state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Does nothing: the random generator has all of the state."""
