"""Times several functions in alternation, and measures the load from other processes meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil


def in_turns(
    ways: Mapping[str, Callable[[], object]], *, rounds: int, block: int, warm_up: int = 3
) -> tuple[dict[str, dict[str, float]], float]:
    """Runs blocks of each function in alternation.

    Args:
        ways: The functions to time, by name. On a GPU they must wait for the device.
        rounds: Blocks of each function.
        block: Timed runs in a block, after one that is not timed.
        warm_up: Runs of each function before the first block.

    Returns:
        For each way, milliseconds a run: median, quartiles and least over all runs; and how many cores other
        programs kept busy meanwhile.
    """
    for run in ways.values():
        for _ in range(warm_up):
            run()
    times: dict[str, list[float]] = {name: [] for name in ways}
    clock, all_before, own_before = time.perf_counter(), _busy(), _own()
    for _ in range(rounds):
        for name, run in ways.items():
            run()
            for _ in range(block):
                start = time.perf_counter()
                run()
                times[name].append(1e3 * (time.perf_counter() - start))
    others = (_busy() - all_before - (_own() - own_before)) / (time.perf_counter() - clock)
    return {name: spread(values) for name, values in times.items()}, round(max(0.0, others), 2)


def spread(values: list[float]) -> dict[str, float]:
    """Returns the median, the quartiles and the minimum of some values."""
    low, middle, high = statistics.quantiles(values, n=4)
    figures: dict[str, float] = {"median": middle, "q1": low, "q3": high, "least": min(values)}
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def _busy() -> float:
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    total: float = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - idle


def _own() -> float:
    times: Any = os.times()
    return float(times.user + times.system)
