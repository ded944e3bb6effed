"""Converting one tick of a demo to and from one JSON record in the layout of OpenAI's contractor recordings.

A record describes the human action with the contractors' fields: names of held keys, numbers of held mouse buttons,
and mouse counts of 0.15 degrees. What the layout cannot express (exact camera degrees, the reward, the executed action
where a label was stored, whether a person corrected an agent) goes under the additional key ``"vpt_gym"``, which other
readers ignore.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.human import BUTTONS, HumanAction, checked, selected_slot
from vpt_gym.system.json_text import MOST_NESTED, is_nested_deeper
from vpt_gym.system.printable import shown

Record: TypeAlias = dict[str, Any]
"""One parsed line of a ``.jsonl`` file."""

EXTRA_KEY = "vpt_gym"
"""The key of a record for everything that the contractor layout has no field for."""

DEGREES_PER_COUNT = 360.0 / 2400.0
"""Camera degrees per mouse count: 2400 counts are a full turn (from VPT's loader)."""

STATE_KEYS: tuple[str, ...] = (
    "isGuiOpen",
    "isGuiInventory",
    "yaw",
    "pitch",
    "xpos",
    "ypos",
    "zpos",
    "inventory",
    "serverTick",
    "stats",
)
"""Keys of the contractor layout for the state of the game. They are written if the caller provides them."""

_KEY_OF_BUTTON: dict[str, str] = {
    "ESC": "key.keyboard.escape",
    "back": "key.keyboard.s",
    "drop": "key.keyboard.q",
    "forward": "key.keyboard.w",
    **{f"hotbar.{slot}": f"key.keyboard.{slot}" for slot in range(1, 10)},
    "inventory": "key.keyboard.e",
    "jump": "key.keyboard.space",
    "left": "key.keyboard.a",
    "right": "key.keyboard.d",
    "sneak": "key.keyboard.left.shift",
    "sprint": "key.keyboard.left.control",
    "swapHands": "key.keyboard.f",
}
_MOUSE_OF_BUTTON: dict[str, int] = {"attack": 0, "use": 1, "pickItem": 2}
BUTTON_OF_KEY = {key: button for button, key in _KEY_OF_BUTTON.items()}
"""The button that each keyboard key in a record presses; other keys press none."""
BUTTON_OF_MOUSE = {number: button for button, number in _MOUSE_OF_BUTTON.items()}
"""The button that each mouse button number in a record presses; other numbers press none."""

WINDOW_SIZE = (1280, 720)
"""(width, height) of the contractors' game window, pixels, the unit of cursor positions. Without an open menu, the
cursor is in its middle."""


class RecordBuilder:
    """Converts the human actions of one episode, tick by tick, to contractor records.

    It keeps the held keys (for ``newKeys`` and ``newButtons``) and the selected hotbar slot of the last tick. Two rules
    of the public loader determine what is written:

    * It takes ``newButtons == [0]`` in the first record for a mouse button that was stuck before the recording, and
      deletes attacks until the next press. Which keys were held before the first tick is unknown, so record 0 has no
      new ones.
    * It turns every change of ``hotbar`` into a press of that hotbar key. So ``hotbar`` follows the hotbar keys
      (``selected_slot``) in the same tick.
    """

    def __init__(self) -> None:
        self._tick = 0
        self._keys: list[str] = []
        self._mouse: list[int] = []
        self._hotbar = 0

    def build(
        self,
        action: HumanAction,
        *,
        milli: int,
        reward: float = 0.0,
        executed: HumanAction | None = None,
        intervention: bool = False,
        state: Mapping[str, Any] | None = None,
        cursor: tuple[float, float] | None = None,
    ) -> Record:
        """Returns the record of the next tick.

        Without ``isGuiOpen`` or ``isGuiInventory`` in ``state``, the record has null there: unknown. (The public loader
        needs the key, and draws no cursor for null.) While a menu is open, that loader draws a cursor at the record's
        position. If ``cursor`` is None, the position is the window's lower right corner, where nothing is visible.

        Args:
            action: The human action of this tick (the label, where that differs from what was executed).
            milli: Time of the tick, milliseconds. (The contractors' recorder wrote the wall-clock time.)
            reward: Reward of the step that the executed action took.
            executed: The human action that was executed, where ``action`` is a label for it.
            intervention: Whether a person took over from an agent in this tick, or corrected it.
            state: Any of ``STATE_KEYS``, from before the action.
            cursor: Where the cursor is in the frame while a menu is open: (x, y), each from 0 (left, top) to 1.

        Raises:
            ValueError: The human action is invalid, the reward or ``cursor`` is not finite, or ``state`` has an unknown
                key.
        """
        action = checked(action)
        try:
            reward = float(reward)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"reward is {shown(reward)} at tick {self._tick}; it must be a number") from error
        if not math.isfinite(reward):
            raise ValueError(f"reward is {reward} at tick {self._tick}; a demo's rewards must be finite")
        if state is not None and not isinstance(state, Mapping):
            raise ValueError(f"state is {shown(state)} at tick {self._tick}; it must be a mapping")
        unknown = sorted(set(state or ()) - set(STATE_KEYS))
        if unknown:
            raise ValueError(f"unknown state keys {unknown}; the known ones are {', '.join(STATE_KEYS)}")
        for name in ("isGuiOpen", "isGuiInventory"):
            _truth((state or {}).get(name), name)

        keys = [key for button, key in _KEY_OF_BUTTON.items() if action[button]]
        mouse = [number for button, number in _MOUSE_OF_BUTTON.items() if action[button]]
        new_keys = [key for key in keys if key not in self._keys] if self._tick else []
        new_mouse = [number for number in mouse if number not in self._mouse] if self._tick else []
        slot = selected_slot(action)
        if slot >= 0:
            self._hotbar = slot

        if not (state or {}).get("isGuiOpen"):
            x, y = 0.5, 0.5
        else:
            try:
                x, y = (1.0, 1.0) if cursor is None else map(float, cursor)
            except (TypeError, ValueError, OverflowError):
                x = y = math.nan
            if not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError(f"cursor is {shown(cursor)} at tick {self._tick}; its position must be finite, (x, y)")
        pitch, yaw = action["camera"].tolist()
        extra: dict[str, Any] = {"camera": [pitch, yaw], "reward": reward}
        if executed is not None:
            extra["executed"] = _compact(checked(executed))
        if intervention:
            extra["intervention"] = True
        record = {
            "mouse": {
                "x": x * WINDOW_SIZE[0],
                "y": y * WINDOW_SIZE[1],
                "dx": float(round(yaw / DEGREES_PER_COUNT)),
                "dy": float(round(pitch / DEGREES_PER_COUNT)),
                "scaledX": 0.0,
                "scaledY": 0.0,
                "dwheel": 0.0,
                "buttons": mouse,
                "newButtons": new_mouse,
            },
            "keyboard": {"keys": keys, "newKeys": new_keys, "chars": ""},
            "isGuiOpen": None,
            "isGuiInventory": None,
            "hotbar": self._hotbar,
            "tick": self._tick,
            "milli": milli,
            **(state or {}),
            EXTRA_KEY: extra,
        }
        self._tick += 1
        self._keys, self._mouse = keys, mouse
        return record


def to_line(record: Record) -> str:
    """Returns the record as one line of JSON, with its newline.

    Raises:
        ValueError: It contains a number that is not finite, which JSON cannot express, or is nested too deeply; the
            message names the key.
        TypeError: It contains a value that JSON cannot express, such as a NumPy array in ``state``.
    """
    try:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False)
        if is_nested_deeper(record, line, MOST_NESTED):
            raise ValueError(f"it is nested deeper than {MOST_NESTED} levels, which no reader takes")
        return line + "\n"
    except (ValueError, RecursionError) as error:
        names = ", ".join(key for key, value in record.items() if not _is_json(value))
        raise ValueError(f"{error}: {names} at tick {record.get('tick')}") from error


def _is_json(value: Any) -> bool:
    try:
        return not is_nested_deeper(value, json.dumps(value, allow_nan=False), MOST_NESTED - 1)
    except (ValueError, TypeError, RecursionError):
        return False


def human_action_of(record: Record) -> HumanAction:
    """Returns the human action of one record: the label, if one was stored.

    The camera has the exact degrees if the record contains them, else 0.15 degrees per mouse count.

    Raises:
        ValueError: The record lacks a key of the layout, or does not describe a human action.
    """
    try:
        mouse = record["mouse"]
        pressed = pressed_by(record["keyboard"]["keys"], mouse["buttons"])
        extra = _extra_of(record)
        camera = extra["camera"] if "camera" in extra else [mouse[d] * DEGREES_PER_COUNT for d in ("dy", "dx")]
        return checked({**dict.fromkeys(pressed, 1), "camera": camera})
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a record of the contractor layout: {type(error).__name__}: {error}") from error


def pressed_by(keys: Any, numbers: Any) -> list[str]:
    """Returns the buttons that held keys and mouse buttons of a record press.

    Args:
        keys: Names of keyboard keys.
        numbers: Numbers of mouse buttons.

    Raises:
        TypeError: They are not lists of names and of numbers. A text would be read letter by letter, and press nothing.
    """
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise TypeError(f"keys are {reprlib.repr(keys)}; they must be a list of names")
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise TypeError(f"mouse buttons are {reprlib.repr(numbers)}; they must be a list of numbers")
    pressed = [BUTTON_OF_KEY[key] for key in keys if key in BUTTON_OF_KEY]
    return pressed + [BUTTON_OF_MOUSE[number] for number in numbers if number in BUTTON_OF_MOUSE]


def executed_action_of(record: Record) -> HumanAction | None:
    """Returns the executed human action if the record's own action is a label for it, else None.

    Raises:
        ValueError: The stored action is not a human action.
    """
    stored = _extra_of(record).get("executed")
    if stored is None:
        return None
    try:
        return checked({**dict.fromkeys(stored["buttons"], 1), "camera": stored["camera"]})
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"not an executed action: {type(error).__name__}: {error}") from error


def reward_of(record: Record) -> float:
    """Returns the record's reward, 0.0 if none was stored.

    Raises:
        ValueError: The stored reward is not a finite number.
    """
    stored = _extra_of(record).get("reward", 0.0)
    try:
        reward = math.nan if isinstance(stored, bool | str) else float(stored)
    except (TypeError, OverflowError):
        reward = math.nan
    if not math.isfinite(reward):
        raise ValueError(f"the reward is {reprlib.repr(stored)}; it must be a finite number")
    return reward


def is_intervention(record: Record) -> bool:
    """Returns whether a person took over from an agent in this tick, or corrected it.

    Raises:
        ValueError: The record's extra content is not an object, or this is neither true nor false.
    """
    return _truth(_extra_of(record).get("intervention"), "intervention")


def is_menu_open(record: Record) -> bool:
    """Returns whether a menu is open; False where this is unknown, as in a record without ``isGuiOpen``.

    Raises:
        ValueError: The record has something other than true, false or null there.
    """
    return _truth(record.get("isGuiOpen"), "isGuiOpen")


def _truth(value: Any, name: str) -> bool:
    known = finite(value)
    if known not in (None, False, True):
        raise ValueError(f"{name} is {reprlib.repr(value)}; it must be true or false")
    return bool(known)


def state_of(record: Record) -> dict[str, Any]:
    """Returns the state of the game in a record: those of ``STATE_KEYS`` that it has and that are known, not NaN."""
    state = finite({key: record.get(key) for key in STATE_KEYS})
    return {key: value for key, value in state.items() if value is not None}


def cursor_of(record: Record) -> tuple[float, float] | None:
    """Returns where the cursor is in the frame, (x, y), each from 0 to 1; None if no menu is open or it is unknown."""
    mouse = record.get("mouse")
    if not record.get("isGuiOpen") or not isinstance(mouse, dict):
        return None
    try:
        x, y = float(mouse["x"]) / WINDOW_SIZE[0], float(mouse["y"]) / WINDOW_SIZE[1]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None


def finite(value: Any) -> Any:
    """Returns a value without NumPy's types, and with None for the numbers that JSON lacks, NaN and infinity.

    Keys that JSON lacks become their ``repr``.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key if isinstance(key, str | int | None) else repr(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _extra_of(record: Record) -> dict[str, Any]:
    extra = record.get(EXTRA_KEY, {})
    if not isinstance(extra, dict):
        raise ValueError(f"not a record: {EXTRA_KEY!r} is {reprlib.repr(extra)}; it must be an object")
    return extra


def stack_actions(actions: Iterable[HumanAction]) -> dict[str, npt.NDArray[Any]]:
    """Stacks T human actions into one dict of arrays: each button (T,) int8, ``camera`` (T, 2) float32 degrees."""
    sequence: Sequence[HumanAction] = list(actions)
    stacked: dict[str, npt.NDArray[Any]] = {
        name: np.array([action[name] for action in sequence], np.int8) for name in BUTTONS
    }
    stacked["camera"] = np.array([action["camera"] for action in sequence], np.float32).reshape(-1, 2)
    return stacked


def _compact(action: HumanAction) -> dict[str, Any]:
    return {"buttons": [name for name in BUTTONS if action[name]], "camera": action["camera"].tolist()}
