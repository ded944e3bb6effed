"""A picture of the statistics of a directory of demos."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from vpt_gym.actions import camera
from vpt_gym.demos.library.stats import DemoStats
from vpt_gym.system.output_file import check_output_file
from vpt_gym.system.plural import counted
from vpt_gym.system.require import require

_INK, _FAINT, _GRID = "#1f2933", "#6b7785", "#d9dee4"
_BAR, _NULL = "#2f6db0", "#b4bdc7"
_OUTCOMES = ((True, "success", "#3a9256"), (False, "failure", "#c8513f"), (None, "success unknown", "#9aa5b1"))


def draw_stats(stats: DemoStats, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draws the share of ticks for each button, a histogram of the camera, and the lengths of the demos, as PNG.

    Args:
        stats: The statistics.
        path: The file to write; it is overwritten.
        title: Title of the picture.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
        ValueError: There is no tick to draw.
        OSError: The folder of ``path`` does not exist, or cannot be written to.
    """
    require("matplotlib", "plot", purpose="the picture")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not stats.ticks:
        raise ValueError("there is no tick to draw: no intact demo was found")
    check_output_file(path)

    with rc_context(_STYLE):
        figure = Figure(figsize=(13, 5.2))
        FigureCanvasAgg(figure)
        figure.text(0.015, 0.945, title or "demos", fontsize=15, fontweight="bold")
        figure.text(0.015, 0.89, headline(stats), fontsize=10.5, color=_FAINT)
        grid = figure.add_gridspec(1, 3, left=0.085, right=0.985, top=0.775, bottom=0.125, wspace=0.3)
        grid.set_width_ratios((1.0, 1.35, 1.0))
        _draw_buttons(figure.add_subplot(grid[0, 0]), stats)
        _draw_camera(figure, grid[0, 1], stats)
        _draw_lengths(figure.add_subplot(grid[0, 2]), stats)
        figure.savefig(os.fspath(path), format="png")


_STYLE: dict[Any, Any] = {
    "figure.dpi": 160,
    "savefig.dpi": 160,
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _FAINT,
    "axes.edgecolor": _GRID,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _FAINT,
    "ytick.color": _INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def _draw_buttons(axes: Any, stats: DemoStats) -> None:
    held = sorted(((count, name) for name, count in stats.held.items() if count), reverse=True)
    rows = [(100 * count / stats.ticks, name, _BAR) for count, name in held]
    rows.append((100 * stats.null_ticks / stats.ticks, "nothing (null)", _NULL))
    shares, names, colours = zip(*rows, strict=True)
    places = np.arange(len(rows))
    axes.barh(places, shares, color=colours, height=0.72)
    for place, share in zip(places, shares, strict=True):
        axes.text(share + 0.015 * max(shares), place, _percent(share), va="center", fontsize=8, color=_FAINT)
    axes.set_yticks(places, names)
    axes.set_ylim(max(len(rows), 8) - 0.4, -0.6)  # keeps few bars thin
    axes.set_xlim(0, 1.18 * max(shares))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_title("Buttons, % of ticks")
    never = [name for name, count in stats.held.items() if not count]
    if never:
        words = textwrap.fill(f"never held: {_abbreviated(never)}", 62)
        axes.text(-0.28, -0.04, words, transform=axes.transAxes, fontsize=7.5, color=_FAINT, va="top")


def _draw_camera(figure: Any, place: Any, stats: DemoStats) -> None:
    from matplotlib.colors import LogNorm

    grid = place.subgridspec(2, 3, width_ratios=(1, 0.2, 0.045), height_ratios=(0.2, 1), wspace=0.06, hspace=0.06)
    cells, colours = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 2])
    top, side = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 1])
    shares = 100 * stats.camera / stats.ticks
    rest = shares[camera.NULL_BIN, camera.NULL_BIN]
    moving = shares.copy()
    moving[camera.NULL_BIN, camera.NULL_BIN] = 0.0
    least = 100 / stats.ticks
    norm = LogNorm(least, max(float(moving.max()), 2 * least))
    cells.set_facecolor("#f4f6f8")
    edges = np.arange(camera.N_BINS + 1) - 0.5
    drawn = cells.pcolormesh(
        edges, edges, np.ma.masked_equal(moving, 0), norm=norm, cmap="YlGnBu", edgecolors="white", linewidth=0.8
    )
    cells.invert_yaxis()  # + is down
    cells.text(
        camera.NULL_BIN,
        camera.NULL_BIN,
        f"rests\n{_percent(rest)}",
        ha="center",
        va="center",
        fontsize=6.2,
        color=_FAINT,
    )
    names = [f"{degrees:+.1f}".removesuffix(".0") if degrees else "0" for degrees in camera.BIN_DEGREES]
    cells.set_xticks(range(camera.N_BINS), names, fontsize=7.5)
    cells.set_yticks(range(camera.N_BINS), names, fontsize=7.5)
    cells.set_xlabel("yaw, degrees a tick (+ right)")
    cells.set_ylabel("pitch, degrees a tick (+ down)")
    cells.spines[:].set_visible(False)
    places = np.arange(camera.N_BINS)
    top.bar(places, moving.sum(axis=0), color=_BAR, width=0.8)
    side.barh(places, moving.sum(axis=1), color=_BAR, height=0.8)
    top.set_xlim(cells.get_xlim())
    side.set_ylim(cells.get_ylim())
    for axes in (top, side):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, cax=colours)
    bar.outline.set_visible(False)
    colours.tick_params(labelsize=7.5)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    bar.ax.minorticks_off()
    pitch, yaw = stats.camera_lost
    top.set_title("Camera by VPT's bins, % of ticks", pad=24)
    words = f"movement lost by the bins: pitch {100 * pitch:.1f} %, yaw {100 * yaw:.1f} %"
    top.annotate(words, (0, 1), (0, 9), xycoords="axes fraction", textcoords="offset points", color=_FAINT)


def _draw_lengths(axes: Any, stats: DemoStats) -> None:
    seconds = np.array(stats.seconds)
    lengths_by_outcome = [
        (name, colour, seconds[[outcome is which for outcome in stats.outcomes]]) for which, name, colour in _OUTCOMES
    ]
    present = [item for item in lengths_by_outcome if len(item[2])]
    bins = np.histogram_bin_edges(seconds, bins=min(24, max(8, stats.episodes // 3)))
    axes.hist(
        [lengths for *_, lengths in present],
        bins=bins.tolist(),
        stacked=True,
        color=[colour for _, colour, _ in present],
        label=[f"{name} ({len(lengths)})" for name, _, lengths in present],
        edgecolor="white",
        linewidth=0.8,
    )
    middle = float(np.median(seconds))
    axes.axvline(middle, color=_INK, linewidth=1, linestyle=(0, (4, 3)), label=f"median {middle:.1f} s")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(axis="y", colors=_FAINT)
    axes.grid(axis="y", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_title("Episodes by length")
    axes.set_xlabel("seconds of play")
    axes.set_ylim(top=1.25 * axes.get_ylim()[1])  # room for the legend
    axes.legend(frameon=False, fontsize=8, loc="upper right")


def _percent(share: float) -> str:
    return "0 %" if share == 0 else "<0.01 %" if share < 0.01 else f"{share:.2g} %" if share < 99 else f"{share:.1f} %"


def _abbreviated(names: Sequence[str]) -> str:
    """Returns a list of button names, with the hotbar keys as numbers."""
    slots = [name.removeprefix("hotbar.") for name in names if name.startswith("hotbar.")]
    words = [name for name in names if not name.startswith("hotbar.")]
    if slots:
        words.append(f"hotbar {', '.join(slots)}" if len(slots) < 9 else "hotbar 1 to 9")
    return ", ".join(words)


def headline(stats: DemoStats) -> str:
    """Returns a line with the number of episodes and ticks, the duration and the success rate."""
    words = [counted(stats.episodes, "episode"), counted(stats.ticks, "tick"), f"{stats.minutes:.1f} minutes"]
    if stats.success_rate is not None:
        known = stats.successes + stats.failures
        words.append(f"success {100 * stats.success_rate:.0f} % ({stats.successes} of {known})")
    if stats.damaged:
        words.append(f"{len(stats.damaged)} damaged, left out")
    return ", ".join(words)
