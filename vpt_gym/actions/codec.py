"""The VPT code: human action <-> (buttons, camera), the joint classes that a VPT policy predicts.

A code is an int64 pair ``(buttons, camera)``, or an array of such pairs on the last axis:

* ``buttons`` in [0, 8641): a mixed-radix number with one digit per group of keys that exclude each other (table
  ``GROUPS``, last group fastest), and 8640 for ``inventory`` alone. The last digit, the *camera meta-button*, is
  1 if the camera moves.
* ``camera`` in [0, 121): ``11 * pitch_bin + yaw_bin``; 60 is a camera that does not move.

Several codes can decode to the same human action (a camera with the meta-button off, the meta-button on with null
bins, any camera with ``inventory``). ``canonical`` returns the one that ``encode`` returns; labels are always
canonical.
Compatible with openai/Video-Pre-Training (``lib/action_mapping.py``, ``CameraHierarchicalMapping``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions import camera as _camera
from vpt_gym.actions.human import BUTTONS, HOTBAR, HumanAction

VPT_BUTTONS: tuple[str, ...] = (
    "attack",
    "back",
    "forward",
    "jump",
    "left",
    "right",
    "sneak",
    "sprint",
    "use",
    "drop",
    "inventory",
    *HOTBAR,
)
"""The 20 buttons that VPT knows, in the published order. ESC, pickItem and swapHands have no code."""

GROUPS: tuple[tuple[str, ...], ...] = (
    HOTBAR,
    ("forward", "back"),
    ("left", "right"),
    ("sprint", "sneak"),
    ("use",),
    ("drop",),
    ("attack",),
    ("jump",),
    ("camera",),
)
"""Keys that exclude each other, slowest digit first; digit 0 means none of them, digit k the k-th key."""

_SIZES = np.array([len(group) + 1 for group in GROUPS])
_WEIGHTS = np.append(np.cumprod(_SIZES[:0:-1])[::-1], 1).astype(np.int64)
_CANCELLING = ("forward", "left")  # groups whose two keys cancel; in the others, the later key wins

INVENTORY_CODE = int(np.prod(_SIZES))
N_BUTTONS = INVENTORY_CODE + 1
N_CAMERA = _camera.N_BINS**2
NULL_CAMERA = _camera.NULL_BIN * _camera.N_BINS + _camera.NULL_BIN
_IDS = np.array([N_BUTTONS, N_CAMERA])
NULL_CODE: tuple[int, int] = (0, NULL_CAMERA)
"""The code of a tick without any key or camera movement."""


def code_space() -> spaces.MultiDiscrete:
    """Returns the space of VPT codes, ``MultiDiscrete([8641, 121])``, int64."""
    return spaces.MultiDiscrete(np.array([N_BUTTONS, N_CAMERA]), dtype=np.int64)


def _decode_tables() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    digits = np.arange(INVENTORY_CODE)[:, None] // _WEIGHTS % _SIZES
    pressed = np.zeros((N_BUTTONS, len(VPT_BUTTONS)), np.int64)
    for group, digit in zip(GROUPS[:-1], digits.T, strict=False):
        for position, name in enumerate(group, start=1):
            pressed[:-1, VPT_BUTTONS.index(name)] = digit == position
    pressed[INVENTORY_CODE, VPT_BUTTONS.index("inventory")] = 1
    # the camera passes with `inventory`, as in the published decoding
    camera_on = np.append(digits[:, -1] == 1, True)
    pressed.setflags(write=False)
    camera_on.setflags(write=False)
    return pressed, camera_on


_PRESSED, _CAMERA_ON = _decode_tables()
_CAMERA_DEGREES = np.stack(
    [np.repeat(_camera.BIN_DEGREES, _camera.N_BINS), np.tile(_camera.BIN_DEGREES, _camera.N_BINS)], axis=-1
).astype(np.float32)


def checked_code(code: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns ``code`` as an int64 array (..., 2), or raises.

    Raises:
        ValueError: Not integers, the last axis is not (buttons, camera), or a value is out of range.
    """
    value: npt.NDArray[Any] = np.asarray(code)
    if value.dtype.kind not in "iu":
        raise ValueError(f"a VPT code consists of integers, got dtype {value.dtype}: {code!r}")
    if value.ndim == 0 or value.shape[-1] != 2:
        raise ValueError(f"the last axis of a VPT code is (buttons, camera), got shape {value.shape}")
    value = value.astype(np.int64, copy=False)
    if not ((value >= 0) & (value < _IDS)).all():
        for name, size, part in zip(("buttons", "camera"), _IDS, np.moveaxis(value, -1, 0), strict=True):
            if not (part.min() >= 0 and part.max() < size):
                raise ValueError(f"{name} id {part.min()}..{part.max()} is out of range; it must be in [0, {size})")
    return value


def decode(code: npt.ArrayLike) -> HumanAction:
    """Returns the human action of a VPT code (the published decoding).

    Args:
        code: (..., 2) integers, (buttons, camera).

    Returns:
        The human action: 23 buttons and ``camera``. For one code: buttons are int, ``camera`` is (2,) float32 degrees
        per tick, (pitch, yaw); + is down, right. For leading axes (...): buttons are int64 (...), ``camera`` (..., 2).

    Raises:
        ValueError: ``code`` is not a VPT code.
    """
    value = checked_code(code)
    buttons, camera = value[..., 0], value[..., 1]
    pressed = _PRESSED[buttons]
    degrees = _CAMERA_DEGREES[np.where(_CAMERA_ON[buttons], camera, NULL_CAMERA)]
    if value.ndim == 1:
        action: HumanAction = dict.fromkeys(BUTTONS, 0)
        action.update(zip(VPT_BUTTONS, pressed.tolist(), strict=True))
    else:
        zeros = np.zeros(buttons.shape, np.int64)
        action = {name: zeros.copy() for name in BUTTONS}
        action.update({name: pressed[..., k].copy() for k, name in enumerate(VPT_BUTTONS)})
    action["camera"] = degrees.copy()
    return action


def encode(action: HumanAction) -> npt.NDArray[np.int64]:
    """Returns the canonical VPT code that is nearest to a human action.

    Forward with back, and left with right, cancel. Of sprint and sneak, and of several hotbar keys, the later one in
    ``GROUPS`` wins. ``inventory`` suppresses everything else. ESC, pickItem and swapHands have no code. The camera is
    rounded to the nearest mu-law bin as a float. The public data loader truncates it to an integer, which mislabels
    most small movements (openai/Video-Pre-Training issue 54); this function does not.

    Args:
        action: The keys of a human action; buttons 0/1 of shape (...), ``camera`` (..., 2) degrees per tick.

    Returns:
        (..., 2) int64, (buttons, camera).

    Raises:
        ValueError: A key that VPT needs is missing, the shapes disagree, a button is not 0 or 1, or the camera
            contains NaN.
    """
    missing = [name for name in (*VPT_BUTTONS, "camera") if name not in action]
    if missing:
        raise ValueError(f"the human action lacks {missing}; start from vpt_gym.actions.human.no_op()")
    degrees = np.asarray(action["camera"])
    if degrees.ndim == 0 or degrees.shape[-1] != 2:
        raise ValueError(f"camera must be (..., 2), (pitch, yaw), got shape {degrees.shape}")
    held: dict[str, npt.NDArray[np.bool_]] = {}
    for name in VPT_BUTTONS:
        value = np.asarray(action[name])
        if value.shape != degrees.shape[:-1]:
            raise ValueError(
                f"button {name!r} has shape {value.shape}, the camera {degrees.shape}: leading axes differ"
            )
        held[name] = value == 1
        if not (held[name] | (value == 0)).all():
            raise ValueError(f"button {name!r} is {action[name]!r}; it must be 0 or 1")

    bins = _camera.to_bin(degrees)
    camera = bins[..., 0] * _camera.N_BINS + bins[..., 1]
    held["camera"] = camera != NULL_CAMERA
    buttons = np.zeros(camera.shape, np.int64)
    for group, weight in zip(GROUPS, _WEIGHTS, strict=True):
        digit = np.zeros(camera.shape, np.int64)
        for position, name in enumerate(group, start=1):
            digit = np.where(held[name], position, digit)
        if group[0] in _CANCELLING:
            digit = np.where(held[group[0]] & held[group[1]], 0, digit)
        buttons += weight * digit
    buttons = np.where(held["inventory"], INVENTORY_CODE, buttons)
    camera = np.where(held["inventory"], NULL_CAMERA, camera)
    return np.stack([buttons, camera], axis=-1)


def canonical(code: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns ``encode(decode(code))``: of all codes with the same decoding, the one that labels use.

    Args:
        code: (..., 2) integers, (buttons, camera).

    Raises:
        ValueError: ``code`` is not a VPT code.
    """
    value = checked_code(code)
    buttons, camera = value[..., 0], value[..., 1]
    moves = _CAMERA_ON[buttons] & (buttons != INVENTORY_CODE) & (camera != NULL_CAMERA)
    has_meta = _CAMERA_ON[buttons] & (buttons != INVENTORY_CODE)
    return np.stack([np.where(has_meta & ~moves, buttons - 1, buttons), np.where(moves, camera, NULL_CAMERA)], axis=-1)


def is_null(code: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Returns, for each code (..., 2), whether it does nothing: no button and no camera movement.

    Raises:
        ValueError: ``code`` is not a VPT code.
    """
    return np.asarray((canonical(code) == np.array(NULL_CODE)).all(axis=-1))
