"""MCio's ``MCioEnv``: the keys of the keyboard by their names, and the mouse in pixels.

Facts: ``mcio-ctrl`` 1.5.2. Its ``MinerlEnv`` takes the human action (``minerl.py``).
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from vpt_gym.actions.camera_entry import Camera
from vpt_gym.actions.human import HOTBAR
from vpt_gym.actions.keyed import KeyedTranslator

KEYS: dict[str, str] = {
    "attack": "LEFT_BUTTON",
    "use": "RIGHT_BUTTON",
    "pickItem": "MIDDLE_BUTTON",
    "forward": "W",
    "left": "A",
    "right": "D",
    "back": "S",
    "drop": "Q",
    "inventory": "E",
    "jump": "SPACE",
    "sneak": "LEFT_SHIFT",
    "sprint": "LEFT_CONTROL",
    "swapHands": "F",
    **{name: name.removeprefix("hotbar.") for name in HOTBAR},
}
"""The names of MCio's entries, by button, in Minecraft's own assignment of keys."""

CURSOR = "cursor_delta"
"""The entry of the mouse: (right, down), pixels in this step."""

DEGREES_PER_PIXEL = 0.15
"""Of Minecraft's default mouse sensitivity (0.5), which MCio sets."""


def recognise(space: spaces.Space[Any]) -> KeyedTranslator | None:
    """Returns a translator for ``MCioEnv``, None for another space."""
    if not isinstance(space, spaces.Dict) or frozenset(space.spaces) != {*KEYS.values(), CURSOR}:
        return None
    camera = Camera(pitch=(CURSOR, 1), yaw=(CURSOR, 0), degrees=DEGREES_PER_PIXEL)
    return KeyedTranslator(space, "MCio (keys and pixels)", keys=KEYS, camera=camera)
