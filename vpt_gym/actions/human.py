"""The human action: a player's keyboard and mouse in one tick.

It is the action of MineRL 1.0 (``minerl`` >= 1.0, also MCio and CraftGround's ``V2_MINERL_HUMAN``): 23
buttons, each 0 or 1, and a camera movement. Every translator in this package converts to and from it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from vpt_gym.system.printable import shown

HOTBAR: tuple[str, ...] = tuple(f"hotbar.{slot}" for slot in range(1, 10))
"""The nine hotbar keys, in slot order."""

BUTTONS: tuple[str, ...] = (
    "ESC",
    "attack",
    "back",
    "drop",
    "forward",
    *HOTBAR,
    "inventory",
    "jump",
    "left",
    "pickItem",
    "right",
    "sneak",
    "sprint",
    "swapHands",
    "use",
)
"""The 23 buttons of MineRL 1.0, in the (alphabetical) order of its action space."""

CAMERA_LIMIT = 180.0
"""Largest camera movement in one tick, degrees (the bound of MineRL 1.0's action space)."""

HumanAction: TypeAlias = dict[str, Any]
"""``BUTTONS`` -> 0/1, and ``"camera"`` -> (2,) float32, degrees per tick, (pitch, yaw); + is down, right."""


def human_action_space() -> spaces.Dict:
    """Returns the space of human actions: 23 ``Discrete(2)`` and ``camera``, a ``Box(-180, 180, (2,), float32)``.

    Gymnasium sorts the keys of a ``Dict`` space given as a mapping, which is also MineRL's order.
    """
    camera = spaces.Box(-CAMERA_LIMIT, CAMERA_LIMIT, (2,), np.float32)
    return spaces.Dict({**{name: spaces.Discrete(2) for name in BUTTONS}, "camera": camera})


def no_op() -> HumanAction:
    """Returns a new human action without any key or camera movement."""
    action: HumanAction = dict.fromkeys(BUTTONS, 0)
    action["camera"] = np.zeros(2, np.float32)
    return action


def selected_slot(action: Mapping[str, Any]) -> int:
    """Returns the hotbar slot, 0 to 8, that an action selects, or -1 if it holds no hotbar key.

    Of several hotbar keys the highest wins, as in VPT's codes (openai/Video-Pre-Training, ``lib/action_mapping.py``).

    Args:
        action: The nine ``HOTBAR`` keys, 0/1; other keys are ignored.
    """
    for slot in reversed(range(len(HOTBAR))):
        if action[HOTBAR[slot]]:
            return slot
    return -1


def human_action(*pressed: str, camera: tuple[float, float] = (0.0, 0.0)) -> HumanAction:
    """Returns the human action that presses the named buttons and moves the camera.

    Args:
        *pressed: Names out of ``BUTTONS``.
        camera: Degrees in this tick, (pitch, yaw); + is down, right.

    Raises:
        ValueError: A name is not a button, or the camera is not finite or beyond +-180 degrees.

    Example:
        >>> human_action("forward", "attack", camera=(0.0, 5.0))["camera"]
        array([0., 5.], dtype=float32)
    """
    action = no_op()
    for name in pressed:
        if name not in BUTTONS:
            raise ValueError(f"unknown button {name!r}; the buttons are {', '.join(BUTTONS)}")
        action[name] = 1
    action["camera"] = np.asarray(camera, np.float32)
    return checked(action)


class CheckedAction(dict[str, Any]):
    """A valid human action on its way from a wrapper to the environment: ``checked`` does not check it again.

    The code that creates one guarantees that it is valid: all 23 buttons, each an int 0 or 1, and ``camera`` (2,)
    float32, finite, within +-180 degrees. Assigning to one of its keys makes it an ordinary dict again. Copies of it,
    also by pickle, are ordinary dicts. Its camera may be changed in place; ``is_checked`` looks at the values.

    Attributes:
        intact: False after a change of a key.
    """

    intact = True

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def _changing(method: Any) -> Any:
    @functools.wraps(method)
    def change(self: CheckedAction, *args: Any, **kwargs: Any) -> Any:
        self.intact = False
        return method(self, *args, **kwargs)

    return change


for _name in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(CheckedAction, _name, _changing(getattr(dict, _name)))


def is_checked(action: Any) -> bool:
    """Returns whether an action is a ``CheckedAction`` with no key changed and a camera within its limits."""
    if type(action) is not CheckedAction or not action.intact:
        return False
    pitch, yaw = action["camera"].tolist()
    return bool(abs(pitch) <= CAMERA_LIMIT and abs(yaw) <= CAMERA_LIMIT)


def checked(action: HumanAction) -> HumanAction:
    """Returns ``action`` with absent buttons set to 0, or raises if it is not one human action.

    Args:
        action: A mapping with ``camera`` (2,) and any of ``BUTTONS`` as 0/1, bool, or arrays of one element.
            It is not changed.

    Returns:
        A new dict; a ``CheckedAction`` is returned unchanged.

    Raises:
        ValueError: Unknown keys, a button that is not 0 or 1, or a camera that is missing, has another shape,
            is not finite, or is beyond +-180 degrees.
    """
    if is_checked(action):
        return action
    if not isinstance(action, Mapping):
        raise ValueError(f"a human action is a mapping of camera and buttons, got {shown(action)}")
    unknown = [name for name in action if name != "camera" and name not in BUTTONS]
    if unknown:
        raise ValueError(f"unknown keys {unknown} in the human action; the keys are camera, {', '.join(BUTTONS)}")
    result = no_op()
    for name in BUTTONS:
        given = action.get(name, 0)
        if type(given) is not int:  # the usual case, without an array
            value = np.asarray(given)
            given = value.item() if value.size == 1 else None
        if given not in (0, 1):
            raise ValueError(f"button {name!r} is {action[name]!r}; it must be 0 or 1")
        result[name] = int(given)
    try:
        given = np.asarray(action.get("camera", ()))
        camera = given.astype(np.float32) if given.dtype.kind in "biuf" else np.empty(0, np.float32)  # no texts
    except (TypeError, ValueError, OverflowError):  # no numbers
        camera = np.empty(0, np.float32)
    if camera.shape != (2,) or not np.isfinite(camera).all() or (np.abs(camera) > CAMERA_LIMIT).any():
        raise ValueError(
            f"camera is {action.get('camera')!r}; it must be two finite numbers (pitch, yaw), degrees per tick, "
            f"each within +-{CAMERA_LIMIT:g}"
        )
    result["camera"] = camera
    return result
