"""The lines of code that make a translator for an unknown action space, as far as its names tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS, HOTBAR

_ALSO_CALLED: dict[str, tuple[str, ...]] = {
    "forward": ("move_forward", "w", "up"),
    "back": ("backward", "backwards", "move_backward", "s", "down"),
    "left": ("move_left", "strafe_left", "a"),
    "right": ("move_right", "strafe_right", "d"),
    "jump": ("space",),
    "sneak": ("crouch", "shift", "left_shift"),
    "sprint": ("run", "speed", "ctrl", "left_control"),
    "attack": ("dig", "mine", "shoot", "left_button", "mouse_left"),
    "use": ("place", "interact", "right_button", "mouse_right"),
    "drop": ("q",),
    "inventory": ("e",),
    "pickItem": ("pick", "middle_button"),
    **{name: (f"slot_{number}", f"slot{number}", str(number)) for number, name in enumerate(HOTBAR, start=1)},
}
"""Other names of the buttons, in lower case."""


def suggestion(space: spaces.Space[Any]) -> str:
    """Returns the lines that make a ``KeyedTranslator`` for a space, with ``...`` for what its names do not tell."""
    if not isinstance(space, spaces.Dict):
        example = "(), 1), ...: Key((), 2" if isinstance(space, spaces.Discrete) else "0), ...: Key(1"
        return _lines(f'{{"forward": Key({example})}}', "None", "", "each key's place and its value while held")
    entries = dict(space.spaces)
    keys = {name: found for name in BUTTONS if (found := _named(entries, name)) is not None}
    camera = next((name for name, entry in entries.items() if _turns(name, entry, keys.values())), None)
    others = [name for name in entries if name not in {*keys.values(), camera}]
    what = ", ".join(f'"{name}": "{entry}"' for name, entry in keys.items()) or '"forward": ...'
    turn = "None"
    if camera is not None:
        turn = f'Camera(pitch=("{camera}", 1), yaw=("{camera}", 0), degrees=...)'
    rest = ", ".join(f'"{name}": {_zero(entries[name])}' for name in others)
    return _lines(f"{{{what}}}", turn, rest, "degrees of one unit; negative where + is up or left")


def _lines(keys: str, camera: str, at_rest: str, comment: str) -> str:
    names = ", ".join(
        name for name in ("Camera", "Key", "KeyedTranslator") if f"{name}(" in keys + camera + "KeyedTranslator("
    )
    rest = f"        at_rest={{{at_rest}}},\n" if at_rest else ""
    return (
        f"    from vpt_gym.actions import {names}\n"
        "    translator = KeyedTranslator(\n"
        "        env.action_space,\n"
        f"        keys={keys},\n"
        f"        camera={camera},  # {comment}\n"
        f"{rest}"
        "    )\n"
        "    env = VPTActionWrapper(VPTObsWrapper(env), translator=translator)\n"
    )


def _named(entries: Mapping[str, spaces.Space[Any]], button: str) -> str | None:
    """Returns the entry that is a button by its name, or None."""
    names = {
        name.lower(): name for name, entry in entries.items() if isinstance(entry, spaces.Discrete) and entry.n == 2
    }
    wanted = (button.lower(), *_ALSO_CALLED.get(button, ()))
    return next((names[name] for name in wanted if name in names), None)


def _turns(name: str, entry: spaces.Space[Any], taken: Any) -> bool:
    return isinstance(entry, spaces.Box) and entry.shape == (2,) and name not in taken


def _zero(space: spaces.Space[Any]) -> str:
    if isinstance(space, spaces.Discrete):
        return "0"
    if isinstance(space, spaces.Text):
        return '""'
    if isinstance(space, spaces.Box) and space.contains(np.zeros(space.shape, space.dtype)):
        return f"np.zeros({space.shape}, np.{space.dtype})"
    return "..."
