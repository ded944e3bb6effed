"""Mirrored codes: for frames flipped from left to right."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from vpt_gym.actions import codec
from vpt_gym.actions.camera import N_BINS


@cache
def _tables() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    buttons = np.stack(np.broadcast_arrays(np.arange(codec.N_BUTTONS), codec.NULL_CAMERA + 1), axis=-1)
    action = codec.decode(buttons)
    action["left"], action["right"] = action["right"], action["left"]
    # the camera of these codes moves, so that encode keeps the meta-button where it is set
    flipped = codec.encode(action)[:, 0]
    pitch, yaw = np.divmod(np.arange(codec.N_CAMERA), N_BINS)
    return flipped, pitch * N_BINS + (N_BINS - 1 - yaw)


def mirrored(code: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Returns the codes (..., 2) of mirrored frames: left and right keys swapped, yaw negated.

    Raises:
        ValueError: ``code`` is not a VPT code.
    """
    value = codec.checked_code(code)
    buttons, camera = _tables()
    return np.stack([buttons[value[..., 0]], camera[value[..., 1]]], axis=-1)
