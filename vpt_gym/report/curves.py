"""The curves of a report, thinned out so that a page stays small."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from vpt_gym.report.record import Point, RunRecord

MAX_POINTS = 1000
"""Maximum points of a curve on the page: about one for each pixel of a chart."""


def chart_data(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Returns what the page's script draws: the runs, and for each metric the points of each run.

    A curve is ``{"run": index, "step": [...], "seconds": [...], "value": [...]}``, with null for unknown seconds. One
    that was thinned out also has ``"mean"``, for smoothing: at each point the mean of the values since the one before.
    """
    charts = []
    for name in sorted({name for run in runs for name in run.curves}, key=_group_first):
        curves = []
        for index, run in enumerate(runs):
            every = run.curves.get(name, ())
            points = thin_out(every)
            if points:
                seconds = [None if point.seconds is None else round(point.seconds, 1) for point in points]
                curve = {"run": index, "step": [point.step for point in points], "seconds": seconds}
                curve["value"] = _short([point.value for point in points])
                if len(points) < len(every):
                    curve["mean"] = _short(_means(every, points))
                curves.append(curve)
        charts.append({"name": name, "curves": curves})
    return {"runs": [run.label for run in runs], "charts": charts}


def thin_out(points: Sequence[Point], limit: int = MAX_POINTS) -> list[Point]:
    """Returns at most ``limit`` points: of each part of the curve its smallest and its largest value, in order.

    The first and the last point are always kept.
    """
    if len(points) <= limit:
        return list(points)
    parts = (limit - 2) // 2
    kept = {0, len(points) - 1}
    for part in range(parts):
        span = range(part * len(points) // parts, (part + 1) * len(points) // parts)
        kept.add(min(span, key=lambda index: points[index].value))
        kept.add(max(span, key=lambda index: points[index].value))
    return [points[index] for index in sorted(kept)]


def _means(every: Sequence[Point], kept: Sequence[Point]) -> list[float]:
    """Returns the mean of the values up to each kept point, from the one before on; each value counts once."""
    ends = [bisect.bisect_right(every, point.step, key=lambda one: one.step) for point in kept]
    return [fmean(point.value for point in every[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _short(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _group_first(name: str) -> tuple[str, str]:
    group, slash, _ = name.rpartition("/")
    return (group if slash else "", name)
