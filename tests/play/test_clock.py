"""The clock: twenty ticks per second, without catching up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.play.clock import TickClock

PERIOD = 0.05


def played(works: list[float]) -> tuple[list[float], TickClock]:
    """The start times of ticks with the given work times, if the sleep between them is exact."""
    time = [100.0]
    clock = TickClock(now=lambda: time[0])
    starts = []
    for work in works:
        time[0] += clock.remaining()
        clock.tick()
        starts.append(time[0])
        time[0] += work
    return starts, clock


@settings(deadline=None)
@given(st.lists(st.floats(0, 0.4), min_size=2, max_size=60))
def test_ticks_never_come_in_a_burst(works: list[float]) -> None:
    starts, _ = played(works)
    gaps = [after - before for before, after in pairwise(starts)]
    assert min(gaps) >= PERIOD / 2 - 1e-9
    for first in range(len(starts)):
        span = starts[-1] - starts[first]
        assert len(starts) - first <= span / PERIOD + 1 + 0.5 + 1e-6


def test_a_fast_env_ticks_twenty_times_a_second_and_small_delays_do_not_add_up() -> None:
    starts, clock = played([0.001, 0.06, 0.001, 0.07, 0.0] * 12)
    assert starts[-1] - starts[0] == pytest.approx(59 * PERIOD, abs=0.021)
    assert clock.rate == pytest.approx(20, rel=0.02)


def test_lost_time_is_lost() -> None:
    starts, _ = played([0.0, 1.0, 0.0, 0.0, 0.0])
    assert [round(start - starts[1], 6) for start in starts[2:]] == [1.0, 1.05, 1.1]


def test_the_achieved_rate_is_measured_and_reset_by_a_pause() -> None:
    _, clock = played([0.1] * 30)
    assert clock.rate == pytest.approx(10)
    clock.restart()
    assert clock.rate is None
    assert clock.remaining() == 0.0
