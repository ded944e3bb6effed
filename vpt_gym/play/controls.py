"""Keys and mouse to human actions, tick by tick; and the keys that command the program. No window is needed here."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, HOTBAR, HumanAction, no_op, selected_slot
from vpt_gym.demos.files.records import DEGREES_PER_COUNT

DEFAULT_SENSITIVITY = 100.0
"""Percent, as Minecraft's options show it: 0.15 degrees a count."""
MAX_SENSITIVITY = 200.0

BUTTON_OF_KEY: dict[str, str] = {
    "W": "forward",
    "A": "left",
    "S": "back",
    "D": "right",
    "SPACE": "jump",
    "LSHIFT": "sneak",
    "LCTRL": "sprint",
    "E": "inventory",
    "Q": "drop",
    "F": "swapHands",
    **{str(slot): f"hotbar.{slot}" for slot in range(1, 10)},
}
"""Key -> the button of the human action that it presses: Minecraft's defaults. Keys are places on the keyboard, as in
Minecraft, named as a US keyboard labels them (SDL's scancodes)."""

BUTTON_OF_MOUSE: dict[int, str] = {1: "attack", 2: "pickItem", 3: "use"}
"""Number of a mouse button (left, middle, right) -> the button of the human action."""


class Command(Enum):
    """What the person can tell the program, beside playing."""

    PAUSE = "pause"
    """Pause, or go on."""
    CONTINUE = "go on"
    """Go on, from a pause or to the next episode."""
    RESTART = "restart"
    HAND_OVER = "hand over"
    SAVE = "save"
    DISCARD = "discard"
    FOCUS_LOST = "focus lost"
    """The window has lost the keyboard: pause, unless that is so already."""
    QUIT = "quit"


COMMAND_OF_KEY: dict[str, Command] = {
    "ESCAPE": Command.PAUSE,
    "RETURN": Command.CONTINUE,
    "F5": Command.RESTART,
    "F6": Command.HAND_OVER,
    "F9": Command.SAVE,
    "F10": Command.DISCARD,
}
"""Key -> command. None of them is a key of the game but Escape, which is therefore never recorded."""


def degrees_per_count(sensitivity: float) -> float:
    """Returns the degrees that the view turns for one mouse count, by Minecraft's formula.

    Args:
        sensitivity: Percent, as Minecraft's options show it, 0 to 200; 100 is the default, 0.15 degrees.

    Raises:
        ValueError: ``sensitivity`` is outside [0, 200].
    """
    if not 0.0 <= sensitivity <= MAX_SENSITIVITY:
        raise ValueError(f"sensitivity is {sensitivity}; it is percent as in Minecraft's options, 0 to 200")
    factor = sensitivity / MAX_SENSITIVITY * 0.6 + 0.2
    return DEGREES_PER_COUNT * 8.0 * factor**3


class InputCollector:
    """Collects what keys and mouse do between two ticks, and gives it as one human action.

    A button is pressed in a tick if it is held at its end or was pressed at any time in it, so the shortest tap acts
    for one tick. Every mouse count ends up in the camera of exactly one tick: what would turn the view by more than
    180 degrees, the most that a human action says, waits for the next. The wheel presses the hotbar key of the slot
    that it turns to.

    Args:
        sensitivity: See ``degrees_per_count``.

    Raises:
        ValueError: ``sensitivity`` is out of its range.
    """

    def __init__(self, sensitivity: float = DEFAULT_SENSITIVITY) -> None:
        self.degrees_per_count = degrees_per_count(sensitivity)
        self._most = int(CAMERA_LIMIT / self.degrees_per_count)
        if self._most * self.degrees_per_count > CAMERA_LIMIT:  # by rounding
            self._most -= 1
        self._slot = 0
        self.clear()

    def clear(self) -> None:
        """Forgets what is held and what was moved: after a pause nothing acts until it is pressed anew."""
        self._held: set[str] = set()
        self._tapped: set[str] = set()
        self._counts = [0, 0]  # x, y
        self._notches = 0

    def begin_episode(self) -> None:
        """Forgets everything; the first slot is selected."""
        self.clear()
        self._slot = 0

    def press(self, button: str) -> None:
        """A button goes down.

        Raises:
            ValueError: There is no such button.
        """
        if button not in BUTTONS:
            raise ValueError(f"unknown button {button!r}; the buttons are {', '.join(BUTTONS)}")
        self._held.add(button)
        self._tapped.add(button)

    def release(self, button: str) -> None:
        """A button goes up; one that was not down is ignored."""
        self._held.discard(button)

    def move(self, dx: int, dy: int) -> None:
        """The mouse moves by counts, + is right and down."""
        self._counts[0] += dx
        self._counts[1] += dy

    def scroll(self, notches: int) -> None:
        """The wheel turns; + is away from the person, to the slot on the left, as in Minecraft."""
        self._notches += notches

    def take(self) -> HumanAction:
        """Returns the human action of the tick that ends now, and begins the next."""
        action = no_op()
        for button in self._held | self._tapped:
            action[button] = 1
        self._tapped = set()
        if self._notches % len(HOTBAR) and not any(action[name] for name in HOTBAR):
            action[HOTBAR[(self._slot - self._notches) % len(HOTBAR)]] = 1
        self._notches = 0
        acting = [max(-self._most, min(self._most, count)) for count in self._counts]
        self._counts = [count - used for count, used in zip(self._counts, acting, strict=True)]
        action["camera"] = np.array([acting[1], acting[0]], np.float64) * self.degrees_per_count
        action["camera"] = action["camera"].astype(np.float32)
        return action

    def follow(self, executed: dict[str, Any]) -> None:
        """Notes which slot an action selects, whoever did it: the wheel turns on from there."""
        slot = selected_slot(executed)
        if slot >= 0:
            self._slot = slot
