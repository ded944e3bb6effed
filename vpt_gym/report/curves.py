"""The curves of a report, thinned out so that a page stays small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vpt_gym.report.record import Point, RunRecord

MAX_POINTS = 1000
"""Maximum points of a curve on the page: about one for each pixel of a chart."""


def chart_data(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Returns what the page's script draws: the runs, and for each metric the points of each run.

    A curve is ``{"run": index, "step": [...], "seconds": [...], "value": [...]}``, with null for unknown seconds.
    """
    charts = []
    for name in sorted({name for run in runs for name in run.curves}, key=_group_first):
        curves = []
        for index, run in enumerate(runs):
            points = thin_out(run.curves.get(name, ()))
            if points:
                seconds = [None if point.seconds is None else round(point.seconds, 1) for point in points]
                values = [float(f"{point.value:.6g}") for point in points]
                curves.append(
                    {"run": index, "step": [point.step for point in points], "seconds": seconds, "value": values}
                )
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


def _group_first(name: str) -> tuple[str, str]:
    group, slash, _ = name.rpartition("/")
    return (group if slash else "", name)
