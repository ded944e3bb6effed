"""minecraft-gym: a ``MultiDiscrete`` of 15 with five camera values on each axis.

Facts: ``minecraft-gym`` 0.3.2. Its environments spend ``frame_skip`` ticks on a step, 4 by default. The mouse in menus
(entries 12 to 14) has no key in the human action and stays at rest.
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from vpt_gym.actions.camera_entry import Camera
from vpt_gym.actions.human import HOTBAR
from vpt_gym.actions.keyed import Key, KeyedTranslator

CHOICES = [3, 3, 2, 2, 2, 2, 2, 2, 2, 5, 5, 10, 5, 5, 3]
"""The numbers of choices of its action space."""

KEYS: dict[str, Key] = {
    "left": Key(0, 1),
    "right": Key(0, 2),
    "forward": Key(1, 1),
    "back": Key(1, 2),
    **{name: Key(2 + i) for i, name in enumerate(("jump", "sprint", "sneak", "attack", "use", "inventory", "drop"))},
    **{name: Key(11, slot) for slot, name in enumerate(HOTBAR, start=1)},
}
"""Its entries and their values, by button."""

CAMERA = Camera(pitch=10, yaw=9, values=(0.0, -6.0, 6.0, -18.0, 18.0))
"""Degrees per step of its camera's choices."""


def recognise(space: spaces.Space[Any]) -> KeyedTranslator | None:
    """Returns a translator for minecraft-gym's space, None for another."""
    if not isinstance(space, spaces.MultiDiscrete) or space.nvec.tolist() != CHOICES or space.start.any():
        return None
    return KeyedTranslator(space, "minecraft-gym MultiDiscrete", keys=KEYS, camera=CAMERA)
