"""Metrics on disk, one JSON line an entry, and the learning curves drawn from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from gymnasium.error import DependencyNotInstalled

Metric = float | int | str


class MetricLogger:
    """Appends metrics to a file as they come; a killed run keeps all lines but perhaps the last.

    Args:
        path: The ``.jsonl`` file; its folder is made.
        resume: Continue an existing file; otherwise it is kept beside the new one, under a name with ``.old``.
    """

    def __init__(self, path: str | Path, *, resume: bool = False) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not resume:
            self.path.replace(self.path.with_name(self.path.name + ".old"))
        self._file = self.path.open("a", encoding="utf-8")

    def log(self, **metrics: Metric) -> None:
        """Appends one entry and flushes it.

        Raises:
            ValueError: A metric is NaN or infinite, which JSON cannot say; leave it out.
        """
        self._file.write(json.dumps(metrics, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> MetricLogger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Returns the entries that a ``MetricLogger`` wrote; a last line that a kill cut short is left out."""
    entries = []
    for line in Path(path).read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            entries.append(json.loads(line))
    return entries


def check_plots() -> None:
    """Raises now what ``plot_curves`` would raise after the training.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise DependencyNotInstalled('plots need matplotlib: pip install "vpt-gym[plot]"') from error


def plot_curves(
    path: str | Path,
    panels: Mapping[str, Mapping[str, Iterable[tuple[float, float]]]],
    *,
    labels: Mapping[str, tuple[str, str]],
    bars: Sequence[tuple[str, float, tuple[float, float]]] = (),
) -> None:
    """Draws learning curves side by side into a picture.

    Args:
        path: Where to write it; the ending chooses the format.
        panels: For each panel (its title), the curves by name, each a sequence of (x, y).
        labels: For each panel, the names of its x and y axes.
        bars: Adds a last panel of success rates: (name, rate, (low, high)) with rates as shares.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
    """
    check_plots()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = len(panels) + bool(bars)
    figure = Figure(figsize=(5.2 * columns, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis, (title, curves) in zip(axes, panels.items(), strict=False):
        for name, points in curves.items():
            xs, ys = zip(*points, strict=True) if (points := list(points)) else ((), ())
            axis.plot(xs, ys, label=name)
        axis.set(title=title, xlabel=labels[title][0], ylabel=labels[title][1])
        axis.grid(alpha=0.3)
        axis.legend()
    if bars:
        names, rates, intervals = zip(*bars, strict=True)
        below = [max(0.0, rate - low) for rate, (low, _) in zip(rates, intervals, strict=True)]
        above = [max(0.0, high - rate) for rate, (_, high) in zip(rates, intervals, strict=True)]
        axes[-1].bar(names, rates, yerr=(below, above), capsize=4, color="#4c9141")
        axes[-1].set(title="Success, unseen worlds (95 % interval)", ylim=(0, 1.05), ylabel="success rate")
        axes[-1].tick_params(axis="x", rotation=20)
        axes[-1].grid(axis="y", alpha=0.3)
    figure.savefig(Path(path), dpi=110)
