"""The clock of the game: twenty ticks per second, without catching up on lost time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

TICK_RATE = 20.0
"""Ticks per second of Minecraft."""
_SPAN = 40
"""Number of intervals over which the achieved rate is measured."""


class TickClock:
    """Computes when the next tick is due.

    A tick that is late by up to half a period does not delay the ticks after it. A later one does: the next tick is
    then due a full period after it. So two ticks are never less than half a period apart.

    Args:
        rate: Ticks per second.
        now: Returns the time in seconds.
    """

    def __init__(self, rate: float = TICK_RATE, now: Callable[[], float] = time.perf_counter) -> None:
        self._period = 1.0 / rate
        self._now = now
        self._starts: deque[float] = deque(maxlen=_SPAN + 1)
        self.restart()

    def restart(self) -> None:
        """Makes the next tick due now, as after a pause, and resets the achieved rate."""
        self._due = self._now()
        self._starts.clear()

    def remaining(self) -> float:
        """Returns the seconds until the next tick is due; 0 if it is due now."""
        return max(0.0, self._due - self._now())

    def tick(self) -> None:
        """Marks the start of a tick."""
        now = self._now()
        self._starts.append(now)
        late = now - self._due
        self._due = (self._due if late <= self._period / 2 else now) + self._period

    @property
    def rate(self) -> float | None:
        """Achieved ticks per second over the last 40 ticks; None before the first ten."""
        if len(self._starts) <= 10:
            return None
        return (len(self._starts) - 1) / (self._starts[-1] - self._starts[0])
