"""Converting keys and mouse to human actions, tick by tick, and the keys for the program's commands."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, HOTBAR, HumanAction, no_op, selected_slot
from vpt_gym.demos.files.records import DEGREES_PER_COUNT

DEFAULT_SENSITIVITY = 100.0
"""Mouse sensitivity in percent, as in Minecraft's options: 0.15 degrees per mouse count."""
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
"""The button of the human action that each key presses: Minecraft's defaults. As in Minecraft, keys are positions on
the keyboard, with the names of a US keyboard (SDL's scancodes)."""

BUTTON_OF_MOUSE: dict[int, str] = {1: "attack", 2: "pickItem", 3: "use"}
"""The button of the human action that each mouse button (left, middle, right) presses."""


class Command(Enum):
    """A command of the person to the program."""

    PAUSE = "pause"
    """Pause or continue."""
    CONTINUE = "continue"
    """Continue after a pause, or with the next episode."""
    RESTART = "restart"
    HAND_OVER = "hand over"
    SAVE = "save"
    DISCARD = "discard"
    FOCUS_LOST = "focus lost"
    """The window has lost the keyboard focus: pause, unless already paused."""
    QUIT = "quit"


COMMAND_OF_KEY: dict[str, Command] = {
    "ESCAPE": Command.PAUSE,
    "RETURN": Command.CONTINUE,
    "F5": Command.RESTART,
    "F6": Command.HAND_OVER,
    "F9": Command.SAVE,
    "F10": Command.DISCARD,
}
"""The command of each key. Only Escape is also a key of the game; it is therefore never recorded."""


def degrees_per_count(sensitivity: float) -> float:
    """Returns the degrees that the view turns for one mouse count, by Minecraft's formula.

    Args:
        sensitivity: Percent, as in Minecraft's options, 0 to 200; the default 100 is 0.15 degrees.

    Raises:
        ValueError: ``sensitivity`` is outside [0, 200].
    """
    if not 0.0 <= sensitivity <= MAX_SENSITIVITY:
        raise ValueError(f"sensitivity is {sensitivity}; it must be 0 to 200 percent, as in Minecraft's options")
    factor = sensitivity / MAX_SENSITIVITY * 0.6 + 0.2
    return DEGREES_PER_COUNT * 8.0 * factor**3


class InputCollector:
    """Collects the input of keys and mouse between two ticks, and returns it as one human action.

    A button counts as pressed in a tick if it is held at the end of the tick or was pressed during it, so the shortest
    tap takes effect for one tick. Every mouse count goes into the camera of exactly one tick: movement beyond 180
    degrees, the maximum of a human action, is kept for the next tick. The wheel presses the hotbar key of the slot that
    it turns to.

    Args:
        sensitivity: See ``degrees_per_count``.

    Raises:
        ValueError: ``sensitivity`` is out of range.
    """

    def __init__(self, sensitivity: float = DEFAULT_SENSITIVITY) -> None:
        self.degrees_per_count = degrees_per_count(sensitivity)
        self._max_counts = int(CAMERA_LIMIT / self.degrees_per_count)
        if self._max_counts * self.degrees_per_count > CAMERA_LIMIT:  # because of rounding
            self._max_counts -= 1
        self._slot = 0
        self.clear()

    def clear(self) -> None:
        """Discards all input: after a pause, a key takes effect only when it is pressed again."""
        self._held: set[str] = set()
        self._tapped: set[str] = set()
        self._counts = [0, 0]  # x, y
        self._notches = 0

    def begin_episode(self) -> None:
        """Discards all input and selects the first slot."""
        self.clear()
        self._slot = 0

    def press(self, button: str) -> None:
        """Presses a button.

        Raises:
            ValueError: There is no such button.
        """
        if button not in BUTTONS:
            raise ValueError(f"unknown button {button!r}; the buttons are {', '.join(BUTTONS)}")
        self._held.add(button)
        self._tapped.add(button)

    def release(self, button: str) -> None:
        """Releases a button, if it is held."""
        self._held.discard(button)

    def move(self, dx: int, dy: int) -> None:
        """Moves the mouse by counts; + is right and down."""
        self._counts[0] += dx
        self._counts[1] += dy

    def scroll(self, notches: int) -> None:
        """Turns the wheel; + is away from the person, which selects the slot to the left, as in Minecraft."""
        self._notches += notches

    def take(self) -> HumanAction:
        """Returns the human action of the tick that ends now, and starts the next tick."""
        action = no_op()
        for button in self._held | self._tapped:
            action[button] = 1
        self._tapped = set()
        if self._notches % len(HOTBAR) and not any(action[name] for name in HOTBAR):
            action[HOTBAR[(self._slot - self._notches) % len(HOTBAR)]] = 1
        self._notches = 0
        used_counts = [max(-self._max_counts, min(self._max_counts, count)) for count in self._counts]
        self._counts = [count - used for count, used in zip(self._counts, used_counts, strict=True)]
        action["camera"] = np.array([used_counts[1], used_counts[0]], np.float64) * self.degrees_per_count
        action["camera"] = action["camera"].astype(np.float32)
        return action

    def follow(self, executed: dict[str, Any]) -> None:
        """Updates the selected slot, from which the wheel turns, after an action of any player."""
        slot = selected_slot(executed)
        if slot >= 0:
            self._slot = slot
