"""The clock of the game: twenty ticks a second, and never a burst to make up for lost time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

TICK_RATE = 20.0
"""Ticks per second of Minecraft."""
_SPAN = 40
"""Intervals that the achieved rate is measured over."""


class TickClock:
    """Says when the next tick is due.

    A tick that begins a little late does not shift those after it. Time lost by more than half a period is lost: the
    next tick is due a whole period later. So ticks are never nearer than half a period, nor more than the rate allows.

    Args:
        rate: Ticks per second.
        now: Gives the time in seconds.
    """

    def __init__(self, rate: float = TICK_RATE, now: Callable[[], float] = time.perf_counter) -> None:
        self._period = 1.0 / rate
        self._now = now
        self._starts: deque[float] = deque(maxlen=_SPAN + 1)
        self.restart()

    def restart(self) -> None:
        """Makes the next tick due at once, as after a pause, and forgets the achieved rate."""
        self._due = self._now()
        self._starts.clear()

    def remaining(self) -> float:
        """Returns the seconds until the next tick is due; 0 if it is."""
        return max(0.0, self._due - self._now())

    def tick(self) -> None:
        """Notes that a tick begins now."""
        now = self._now()
        self._starts.append(now)
        late = now - self._due
        self._due = (self._due if late <= self._period / 2 else now) + self._period

    @property
    def rate(self) -> float | None:
        """Ticks per second achieved over the last two seconds' worth of ticks; None before there are ten."""
        if len(self._starts) <= 10:
            return None
        return (len(self._starts) - 1) / (self._starts[-1] - self._starts[0])
