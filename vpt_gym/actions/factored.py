"""The factored action: what an inverse dynamics model predicts for one tick.

It is the VPT code without its exclusions: each of VPT's 20 buttons is held or not, independently of the others, and
each axis has one camera bin (openai/Video-Pre-Training, ``lib/action_mapping.py``, ``IDMActionMapping``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions import camera as _camera
from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import BUTTONS, HumanAction


def from_human(action: HumanAction) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the factored action of a human action; ESC, pickItem and swapHands are left out.

    Args:
        action: VPT's buttons, 0/1 of shape (...), and ``camera`` (..., 2) degrees per tick, (pitch, yaw).

    Returns:
        Buttons, int64 (..., 20) 0/1 in the order of ``VPT_BUTTONS``, and camera bins, int64 (..., 2) in [0, 11).

    Raises:
        ValueError: A key is missing, the shapes disagree, a button is not 0 or 1, or the camera contains NaN.
    """
    missing = [name for name in (*VPT_BUTTONS, "camera") if name not in action]
    if missing:
        raise ValueError(f"the human action lacks {missing}; start from vpt_gym.actions.human.no_op()")
    degrees = np.asarray(action["camera"])
    if degrees.ndim == 0 or degrees.shape[-1] != 2:
        raise ValueError(f"camera must be (..., 2), (pitch, yaw), got shape {degrees.shape}")
    for name in VPT_BUTTONS:
        value = np.asarray(action[name])
        if value.shape != degrees.shape[:-1]:
            raise ValueError(
                f"button {name!r} has shape {value.shape}, the camera {degrees.shape}: leading axes differ"
            )
        if not ((value == 0) | (value == 1)).all():
            raise ValueError(f"button {name!r} is {action[name]!r}; it must be 0 or 1")
    buttons = np.stack([np.asarray(action[name], np.int64) for name in VPT_BUTTONS], axis=-1)
    return buttons, _camera.to_bin(degrees)


def to_human(buttons: npt.ArrayLike, camera: npt.ArrayLike) -> HumanAction:
    """Returns the human action of a factored action.

    Args:
        buttons: Integers or bools (..., 20), 0/1, in the order of ``VPT_BUTTONS``.
        camera: Integers (..., 2) in [0, 11), camera bins (pitch, yaw).

    Returns:
        The human action: each of the 23 buttons int8 (...), ``camera`` float32 (..., 2) degrees per tick.
        ESC, pickItem and swapHands, which a factored action lacks, are 0.

    Raises:
        ValueError: A shape is wrong, a button is not 0 or 1, or a bin is out of range.
    """
    pressed: npt.NDArray[Any] = np.asarray(buttons)
    degrees = _camera.to_degrees(camera).astype(np.float32)
    if pressed.ndim == 0 or pressed.shape[-1] != len(VPT_BUTTONS) or degrees.shape != (*pressed.shape[:-1], 2):
        raise ValueError(
            f"buttons must be (..., {len(VPT_BUTTONS)}) and camera (..., 2), got {pressed.shape} and {degrees.shape}"
        )
    if not ((pressed == 0) | (pressed == 1)).all():
        raise ValueError(f"buttons must be 0 or 1, got values {np.unique(pressed)}")
    action: HumanAction = {name: np.zeros(pressed.shape[:-1], np.int8) for name in BUTTONS}
    for index, name in enumerate(VPT_BUTTONS):
        action[name] = pressed[..., index].astype(np.int8)
    action["camera"] = degrees
    return action


def mirrored(
    buttons: npt.NDArray[np.int64], camera: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the factored action of a mirrored frame: left and right keys swapped, yaw negated."""
    flipped = buttons[..., _MIRROR]
    return flipped, np.stack([camera[..., 0], _camera.N_BINS - 1 - camera[..., 1]], axis=-1)


_OPPOSITE = {"left": "right", "right": "left"}
_MIRROR = [VPT_BUTTONS.index(_OPPOSITE.get(name, name)) for name in VPT_BUTTONS]
