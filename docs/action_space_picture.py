"""Draws ``docs/images/action-spaces.svg``: VPT's action space, MineDojo's, and what the second loses of the first.

Run it with ``python docs/action_space_picture.py`` in the repository's root. Sizes and bins come from the package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpt_gym.actions.camera import BIN_DEGREES, N_BINS
from vpt_gym.actions.codec import GROUPS, N_BUTTONS, N_CAMERA

FILE = Path(__file__).parent / "images" / "action-spaces.svg"
WIDTH, MARGIN, INNER = 640, 20, 600
INTERVAL = 15.0
"""MineDojo's default camera bins, degrees."""
VPT, MINEDOJO, INK, PALE = "#00796b", "#c2410c", "#1f2937", "#6b7280"
MINEDOJO_ENTRIES = (
    ("forward, back", 3),
    ("left, right", 3),
    ("jump or sneak or sprint", 4),
    ("pitch", 25),
    ("yaw", 25),
    ("one of: use, drop, attack, craft, equip, place, destroy", 8),
    ("what to craft", 244),
    ("inventory slot", 36),
)


def text(
    x: float, y: float, words: str, size: int = 15, colour: str = INK, anchor: str = "start", bold: bool = False
) -> str:
    """Returns a line of text."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}>{words}</text>'


def chips(entries: list[tuple[str, int]], y: float, colour: str) -> tuple[list[str], float]:
    """Returns one rounded box for each choice, in rows from ``y`` down, and where the last row ends."""
    parts, x = [], MARGIN + 12.0
    for words, size in entries:
        label = f"{words}: {size}"
        width = 7.4 * len(label) + 18
        if x + width > MARGIN + INNER - 8:
            x, y = MARGIN + 12.0, y + 34
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="27" rx="6" fill="white" stroke="{colour}"/>')
        parts.append(text(x + width / 2, y + 19, label, 14, anchor="middle"))
        x += width + 7
    return parts, y + 27


def panel(y: float, height: float, colour: str, fill: str) -> str:
    """Returns the background of a panel."""
    return f'<rect x="{MARGIN}" y="{y:g}" width="{INNER}" height="{height:g}" rx="10" fill="{fill}" stroke="{colour}"/>'


def spaces() -> tuple[list[str], float]:
    """Returns the two panels with the choices of each action space."""
    named = {"hotbar.1": "hotbar key or none", "camera": "camera moves"}
    entries = [(named.get(group[0], ", ".join(group)), len(group) + 1) for group in GROUPS]
    vpt, end = chips(entries, 82, VPT)
    parts = [
        panel(14, end + 46 - 14, VPT, "#e6f4f1"),
        text(MARGIN + 12, 42, "A VPT code: two numbers", 19, VPT, bold=True),
        text(MARGIN + 12, 68, f"buttons, 0 to {N_BUTTONS - 1:,}: one choice from each list, or inventory alone"),
        *vpt,
        text(MARGIN + 12, end + 28, f"camera, 0 to {N_CAMERA - 1}: {N_BINS} bins of pitch by {N_BINS} of yaw"),
    ]
    top = end + 62
    minedojo, end = chips(list(MINEDOJO_ENTRIES), top + 68, MINEDOJO)
    parts += [
        panel(top, end + 14 - top, MINEDOJO, "#fdf0e8"),
        text(MARGIN + 12, top + 28, "MineDojo's action: eight numbers", 19, MINEDOJO, bold=True),
        text(MARGIN + 12, top + 54, "one choice from each list"),
        *minedojo,
    ]
    return parts, end + 14


def camera(top: float) -> tuple[list[str], float]:
    """Returns the camera bins of both on an axis of degrees, each of VPT's joined to the nearest of MineDojo's."""

    def at(degrees: float) -> float:
        return WIDTH / 2 + degrees * 16.5

    upper, lower = top + 104, top + 184
    nearest = np.round(BIN_DEGREES / INTERVAL) * INTERVAL
    parts = [
        text(MARGIN, top + 28, "Camera bins on one axis, degrees in a tick", 19, bold=True),
        text(MARGIN, upper - 44, f"VPT: {N_BINS} bins up to 10°", 15, VPT, bold=True),
        text(MARGIN, lower + 48, f"MineDojo: bins of {INTERVAL:g}° (its default)", 15, MINEDOJO, bold=True),
    ]
    for y in (upper, lower):
        parts.append(f'<line x1="{at(-17.5):g}" y1="{y}" x2="{at(17.5):g}" y2="{y}" stroke="{PALE}" stroke-width="1"/>')
    for degrees, end in zip(BIN_DEGREES, nearest, strict=True):
        parts.append(
            f'<line x1="{at(degrees):.1f}" y1="{upper}" x2="{at(end):.1f}" y2="{lower}" stroke="{PALE}" opacity="0.7"/>'
        )
        parts.append(f'<circle cx="{at(degrees):.1f}" cy="{upper}" r="5" fill="{VPT}"/>')
    for degrees in (-10.0, -5.81, 0.0, 5.81, 10.0):
        parts.append(text(at(degrees), upper - 12, f"{degrees:g}°", 13, VPT, "middle"))
    for degrees in (-INTERVAL, 0.0, INTERVAL):
        parts.append(f'<rect x="{at(degrees) - 6:.1f}" y="{lower - 6}" width="12" height="12" fill="{MINEDOJO}"/>')
        parts.append(text(at(degrees), lower + 22, f"{degrees:g}°", 13, MINEDOJO, "middle"))
    lost = int((nearest == 0).sum())
    parts.append(
        text(MARGIN, lower + 76, f"{lost} of VPT's {N_BINS} bins round to no movement. vpt-gym sends exact degrees to")
    )
    parts.append(text(MARGIN, lower + 96, "MineDojo instead; where it cannot, it carries the rest to the next tick."))
    return parts, lower + 110


def main() -> None:
    """Writes the picture."""
    parts, end = spaces()
    lower, end = camera(end + 6)
    FILE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end:g}" '
        'font-family="Helvetica, Arial, sans-serif">\n' + "\n".join(parts + lower) + "\n</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
