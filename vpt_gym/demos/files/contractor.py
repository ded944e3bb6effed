"""Reading OpenAI's contractor recordings: the player's actions and cursor, from the records of one episode.

The rules are those of the public loader of openai/Video-Pre-Training (``data_loader.py`` and
``run_inverse_dynamics_model.py``). ``read_ticks(..., compat="openai")`` follows it exactly; by default three of its
faults are corrected:

* Its camera is an integer array, so every movement is truncated to whole degrees (issue 54 there).
* It decides whether a tick is null before it looks at the hotbar, so scrolling in an otherwise idle tick is lost.
* It defines, but never uses, the factors that correct mouse movements in menus for some recorder versions
  (``GUI_SCALES``).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT
from vpt_gym.demos.files.records import (
    BUTTON_OF_MOUSE,
    DEGREES_PER_COUNT,
    WINDOW_SIZE,
    Record,
    is_menu_open,
    pressed_by,
)

Compat: TypeAlias = Literal["openai"] | None
"""``"openai"`` reads like the public loader; None corrects its faults."""

GUI_SCALES: dict[str, float] = {"5.7": 0.5, "5.8": 0.5, "6.7": 2.0, "6.8": 2.0, "6.9": 2.0}
"""Factor for mouse counts while a menu is open, by recorder version; 1 for all others."""

WINDOW_HEIGHT = WINDOW_SIZE[1]
"""Height of the contractors' game window in pixels, the unit of cursor positions."""

_ATTACK = 0  # number of the left mouse button
_VERSION = re.compile(r"\d+\.\d+")


class Ticks(NamedTuple):
    """The content of T records."""

    actions: dict[str, npt.NDArray[Any]]
    """Each of the 23 buttons (T,) int8 0/1; ``camera`` (T, 2) degrees per tick, (pitch, yaw), float32, for
    ``compat="openai"`` int64."""
    skipped: npt.NDArray[np.bool_]
    """(T,) ticks that the public loader treats as null: nothing is pressed or moved, except the hotbar."""
    cursor: npt.NDArray[np.float64]
    """(T, 2) cursor position (x, y) in the 1280x720 window; NaN while no menu is open."""


def check_compat(compat: str | None) -> None:
    """Raises a ``ValueError`` for an unknown value of ``compat``."""
    if compat not in (None, "openai"):
        raise ValueError(f"compat is {compat!r}; it must be None or 'openai'")


def recorder_version_of(directory: Path, given: str | None = None) -> str | None:
    """Returns the recorder version: ``given``, or else the directory's name if that is a version.

    OpenAI publishes recordings as ``<recorder version>/<id>.mp4``; the files themselves do not contain the version.

    Raises:
        ValueError: ``given`` does not look like "6.9".
    """
    if given is not None:
        if not _VERSION.fullmatch(given):
            raise ValueError(f"recorder_version is {given!r}; it must look like '6.9'")
        return given
    return version_in_name(directory.resolve().name)


def version_in_name(name: str) -> str | None:
    """Returns a directory's name if it is a recorder version, such as "6.9"; otherwise None."""
    return name if _VERSION.fullmatch(name) else None


def read_ticks(records: list[Record], *, compat: Compat = None, recorder_version: str | None = None) -> Ticks:
    """Returns the actions and the cursor from the records of one episode, in order.

    Args:
        records: The parsed lines of a ``.jsonl`` file.
        compat: None corrects the public loader's faults, and accepts fields that are missing (``hotbar`` before 6.11)
            or null, as older recorders wrote them. ``"openai"`` behaves like the public loader.
        recorder_version: For example "6.9"; None means a version without a factor in ``GUI_SCALES``.

    Raises:
        ValueError: A record does not have the contractor layout; the message has its line number.
    """
    openai = compat == "openai"
    gui_scale = 1.0 if openai else GUI_SCALES.get(recorder_version or "", 1.0)
    n = len(records)
    actions: dict[str, npt.NDArray[Any]] = {name: np.zeros(n, np.int8) for name in BUTTONS}
    camera = actions["camera"] = np.zeros((n, 2), np.int64 if openai else np.float32)
    skipped = np.zeros(n, np.bool_)
    cursor = np.full((n, 2), np.nan)
    attack_is_stuck = False
    slot: int | None = 0 if openai else None
    for t, record in enumerate(records):
        try:
            tick = _strict(record) if openai else _lenient(record)
            if t == 0:
                # a button held since before the recording is stuck: it is ignored until the next press
                attack_is_stuck = tick.new_buttons == [_ATTACK]
            elif _ATTACK in tick.new_buttons:
                attack_is_stuck = False
            held = pressed_by(tick.keys, tick.buttons)
            if attack_is_stuck:
                held = [name for name in held if name != BUTTON_OF_MOUSE[_ATTACK]]
            for name in held:
                actions[name][t] = 1
            skipped[t] = not held and tick.dx == 0 and tick.dy == 0
            if tick.hotbar is not None:
                # the wheel is not in the records, so a change of the slot counts as a press of its key
                if slot is not None and tick.hotbar != slot:
                    actions[f"hotbar.{tick.hotbar + 1}"][t] = 1
                slot = tick.hotbar
            if tick.cursor is not None:
                if not all(math.isfinite(value) for value in tick.cursor):
                    raise ValueError(f"the cursor is at {tick.cursor}")
                cursor[t] = tick.cursor
            degrees = (tick.dy * DEGREES_PER_COUNT, tick.dx * DEGREES_PER_COUNT)
            camera[t] = degrees if openai else _turned(degrees, gui_scale if tick.gui else 1.0)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"line {t + 1}: not a record of the contractor layout: {type(error).__name__}: {error}"
            ) from error
    return Ticks(actions, skipped, cursor)


class _Tick(NamedTuple):
    keys: list[str]
    buttons: list[int]
    new_buttons: list[int]
    dx: float
    dy: float
    hotbar: int | None
    gui: bool
    cursor: tuple[float, float] | None


def _strict(record: Record) -> _Tick:
    mouse, gui = record["mouse"], is_menu_open({"isGuiOpen": record["isGuiOpen"]})
    return _Tick(
        keys=record["keyboard"]["keys"],
        buttons=mouse["buttons"],
        new_buttons=mouse["newButtons"],
        dx=mouse["dx"],
        dy=mouse["dy"],
        hotbar=record["hotbar"],
        gui=gui,
        cursor=(mouse["x"], mouse["y"]) if gui else None,
    )


def _lenient(record: Record) -> _Tick:
    mouse, keyboard = _or({}, record["mouse"]), _or({}, record["keyboard"])
    gui = is_menu_open(record)
    known = gui and mouse.get("x") is not None and mouse.get("y") is not None
    return _Tick(
        keys=_or([], keyboard.get("keys")),
        buttons=_or([], mouse.get("buttons")),
        new_buttons=_or([], mouse.get("newButtons")),
        dx=_or(0.0, mouse.get("dx")),
        dy=_or(0.0, mouse.get("dy")),
        hotbar=record.get("hotbar"),
        gui=gui,
        cursor=(mouse["x"], mouse["y"]) if known else None,
    )


def _or(default: Any, value: Any) -> Any:
    return default if value is None else value


def _turned(degrees: tuple[float, float], scale: float) -> list[float]:
    """Returns scaled degrees, and 0 for more than half a turn, which is an error of the recorder."""
    if not all(math.isfinite(value) for value in degrees):
        raise ValueError(f"the mouse moves by {degrees} degrees")
    turned = [value * scale for value in degrees]
    return [value if abs(value) <= CAMERA_LIMIT else 0.0 for value in turned]
