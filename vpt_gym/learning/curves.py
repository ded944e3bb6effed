"""Pictures of learning curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vpt_gym.learning.logging import read_metrics
from vpt_gym.system.require import require


def plot_curves(
    path: str | Path,
    panels: Mapping[str, Mapping[str, Iterable[tuple[float, float]]]],
    *,
    labels: Mapping[str, tuple[str, str]],
    bars: Sequence[tuple[str, int, int, tuple[float, float]]] = (),
) -> None:
    """Draws learning curves into a picture, one panel next to the other.

    Args:
        path: The file to write; its suffix chooses the format.
        panels: The curves of each panel: panel title -> curve name -> points (x, y).
        labels: The labels of the x and y axes of each panel, by its title.
        bars: Success rates for an additional bar chart: (name, successes, episodes, (low, high)), with
            bounds in [0, 1].

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
    """
    columns = len(panels) + bool(bars)
    figure = _figure(5.2 * columns, 3.8)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis, (title, curves) in zip(axes, panels.items(), strict=False):
        for name, points in curves.items():
            xs, ys = zip(*points, strict=True) if (points := list(points)) else ((), ())
            axis.plot(xs, ys, marker="." if len(xs) == 1 else None, label=name)
        axis.set(title=title, xlabel=labels[title][0], ylabel=labels[title][1])
        _space_out(axis)
        axis.legend()
    if bars:
        names, successes, episodes, intervals = zip(*bars, strict=True)
        rates = [won / played for won, played in zip(successes, episodes, strict=True)]
        below = [max(0.0, rate - low) for rate, (low, _) in zip(rates, intervals, strict=True)]
        above = [max(0.0, high - rate) for rate, (_, high) in zip(rates, intervals, strict=True)]
        drawn = axes[-1].bar(names, rates, yerr=(below, above), capsize=4, color="#4c9141")
        counts = [f"{won}/{played}" for won, played in zip(successes, episodes, strict=True)]
        axes[-1].bar_label(drawn, counts, padding=2)  # a bar of height 0 is only visible by its label
        axes[-1].set(title="Success, unseen worlds (95 % interval)", ylim=(0, 1.12), ylabel="success rate")
        axes[-1].tick_params(axis="x", labelsize=7)
        axes[-1].grid(axis="y", alpha=0.3)
    figure.savefig(Path(path), dpi=110)


def plot_metrics(metrics: str | Path, path: str | Path) -> None:
    """Draws each metric of a run over its steps into a picture, one panel a metric.

    Args:
        metrics: The ``metrics.jsonl`` of the run.
        path: The picture to write; its suffix chooses the format.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
        ValueError: There are no metrics.
    """
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for entry in read_metrics(metrics):
        for name, value in entry.items():
            if name not in ("step", "seconds"):
                steps, values = curves.setdefault(name, ([], []))
                steps.append(entry["step"])
                values.append(value)
    if not curves:
        raise ValueError(f"{metrics} has no metrics to draw")
    columns = min(len(curves), 4)
    rows = math.ceil(len(curves) / columns)
    figure = _figure(3.6 * columns, 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis, name in zip(axes, sorted(curves), strict=False):
        axis.plot(*curves[name], marker="." if len(curves[name][0]) == 1 else None)
        axis.set_title(name, fontsize="medium")
        _space_out(axis)
    for axis in axes[len(curves) :]:
        axis.set_axis_off()
    figure.savefig(Path(path), dpi=110)


def _figure(width: float, height: float) -> Any:
    """Returns an empty matplotlib figure of a size in inches, without any state of pyplot."""
    matplotlib_figure = require("matplotlib.figure", "plot", purpose="drawing curves")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = matplotlib_figure.Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _space_out(axis: Any) -> None:
    """Gives an axis a grid, and so few and short numbers of steps that they do not overlap."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axis.grid(alpha=0.3)


def _short(value: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
