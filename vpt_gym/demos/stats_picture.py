"""A picture of what is in a directory of demos."""

from __future__ import annotations

import os

import numpy as np
from gymnasium.error import DependencyNotInstalled

from vpt_gym.actions import camera
from vpt_gym.demos.stats import DemoStats

INSTALL = 'pip install "vpt-gym[plot]"'


def draw_stats(stats: DemoStats, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draws episode lengths, how often each button is held, and the camera's histogram, as PNG.

    Args:
        stats: What to draw.
        path: The file to write; it is overwritten.
        title: Stands first above the picture.

    Raises:
        DependencyNotInstalled: matplotlib is not installed.
        ValueError: There is no tick to draw.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise DependencyNotInstalled(f"the picture needs matplotlib: {INSTALL}") from error
    if not stats.ticks:
        raise ValueError("there is no tick to draw: no whole demo was found")

    figure = Figure(figsize=(13, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle("   ".join(filter(None, [title, headline(stats)])), fontsize=11)
    buttons, squares, lengths = figure.subplots(1, 3, width_ratios=(1.15, 1.25, 1))

    shares = sorted((100 * count / stats.ticks, name) for name, count in stats.held.items())
    bars = buttons.barh([name for _, name in shares], [share for share, _ in shares], color="tab:blue")
    buttons.bar_label(bars, [f"{share:.2g}" if share else "" for share, _ in shares], padding=2, fontsize=7)
    buttons.set_title(f"Buttons held, % of ticks (null: {100 * stats.null_ticks / stats.ticks:.1f} %)", fontsize=10)
    buttons.tick_params(axis="y", labelsize=8)
    buttons.margins(x=0.12)

    moving = stats.camera.astype(float)
    resting = int(moving[camera.NULL_BIN, camera.NULL_BIN])
    moving[camera.NULL_BIN, camera.NULL_BIN] = np.nan
    top = max(float(np.nanmax(moving)), 2.0)
    drawn = squares.imshow(np.where(moving > 0, moving, np.nan), norm=LogNorm(1, top), cmap="viridis")
    names = [f"{degrees:.2g}" for degrees in camera.BIN_DEGREES]
    squares.set_xticks(range(camera.N_BINS), names, rotation=90, fontsize=7)
    squares.set_yticks(range(camera.N_BINS), names, fontsize=7)
    squares.set_xlabel("yaw, degrees per tick (+ right)", fontsize=8)
    squares.set_ylabel("pitch, degrees per tick (+ down)", fontsize=8)
    pitch, yaw = stats.camera_lost
    squares.set_title(
        f"Ticks by VPT's camera bins (resting: {100 * resting / stats.ticks:.1f} %)\n"
        f"lost by the bins: pitch {100 * pitch:.1f} %, yaw {100 * yaw:.1f} % of the movement",
        fontsize=10,
    )
    figure.colorbar(drawn, ax=squares, shrink=0.8)

    lengths.hist(np.array(stats.lengths) / 20, bins=min(30, max(5, stats.episodes // 3)), color="tab:green")
    lengths.set_title("Length of episodes", fontsize=10)
    lengths.set_xlabel("seconds", fontsize=8)
    lengths.set_ylabel("episodes", fontsize=8)
    for axes in (buttons, lengths):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(os.fspath(path), format="png")


def headline(stats: DemoStats) -> str:
    """Returns episodes, ticks and success in a line."""
    words = [f"{stats.episodes:,} episodes", f"{stats.ticks:,} ticks", f"{stats.ticks / 20 / 60:.1f} minutes"]
    if stats.success_rate is not None:
        known = stats.successes + stats.failures
        words.append(f"success {100 * stats.success_rate:.0f} % ({stats.successes} of {known})")
    if stats.damaged:
        words.append(f"{len(stats.damaged)} damaged, left out")
    return ", ".join(words)
