"""Environments whose action is a dictionary of keys: each key that they share with the human action is passed on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, VPT_BUTTONS, decode
from vpt_gym.actions.coverage import Coverage
from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, HOTBAR, CheckedAction, HumanAction, checked, is_checked, no_op
from vpt_gym.actions.protocol import Translator

_CAMERA_REMEDY = (
    "Give the environment a camera that takes ±10° per tick as floats. If its unit is not degrees, write a translator "
    "that converts them"
)


def pressed_by_code() -> dict[str, npt.NDArray[np.bool_]]:
    """Returns, for each of VPT's 20 buttons, which of the 8,641 button codes press it, (8641,) bool."""
    codes = np.stack([np.arange(N_BUTTONS), np.zeros(N_BUTTONS, np.int64)], axis=-1)
    human = decode(codes)
    return {name: human[name] == 1 for name in VPT_BUTTONS}


class KeyedTranslator(Translator):
    """Passes on the keys that an environment has, reports those that it lacks, and leaves its other entries at rest.

    The camera is clipped to the bounds of the environment's, and rounded if that takes integers. What this loses is in
    ``unexpressed["camera_lost"]``; no later tick makes up for it.

    Args:
        action_space: The environment's ``Dict`` of some of the 23 buttons, ``camera`` (2,) in degrees per tick,
            (pitch, yaw), and perhaps other entries.
        dialect: Name of the kind of environment, for messages.
        at_rest: No-op values of the entries that are neither button nor camera.

    Raises:
        ValueError: The space has no such camera, its camera cannot be at rest, or an entry has no value in
            ``at_rest``.

    Example:
        >>> from gymnasium import spaces
        >>> keys = {name: spaces.Discrete(2) for name in ("forward", "jump", "attack")}
        >>> space = spaces.Dict({**keys, "camera": spaces.Box(-180, 180, (2,))})
        >>> KeyedTranslator(space, "my game").coverage().buttons_kept
        16
    """

    action_space: spaces.Dict

    def __init__(self, action_space: spaces.Dict, dialect: str, at_rest: dict[str, Any] | None = None) -> None:
        camera = action_space.spaces.get("camera")
        if not isinstance(camera, spaces.Box) or camera.shape != (2,):
            raise ValueError(f"camera must be a Box of shape (2,), (pitch, yaw) degrees, got {camera}")
        if (camera.low > 0).any() or (camera.high < 0).any():
            raise ValueError(f"camera must be able to be 0, which is no movement, got {camera}")
        self.action_space = action_space
        self._dialect = dialect
        self._keys = tuple(name for name in BUTTONS if name in action_space.spaces)
        self._missing = tuple(name for name in BUTTONS if name not in action_space.spaces)
        others = [name for name in action_space.spaces if name not in (*BUTTONS, "camera")]
        unknown = [name for name in others if name not in (at_rest or {})]
        if unknown:
            raise ValueError(f"unknown entries {unknown} in the action space of {dialect}")
        self._at_rest = {name: (at_rest or {})[name] for name in others}
        self._camera_dtype: Any = camera.dtype
        self._low, self._high = camera.low.astype(np.float64), camera.high.astype(np.float64)
        self._rounds = self._camera_dtype.kind in "iu"
        # whether the environment takes every camera movement of a human action unchanged
        self._any_camera = bool((self._low <= -CAMERA_LIMIT).all() and (self._high >= CAMERA_LIMIT).all())
        self._any_camera &= not self._rounds
        # whether an env action is a human action
        self._is_human = self._any_camera and not self._missing and not others and camera.dtype == np.float32
        self.reset()

    def to_env(self, human: HumanAction) -> dict[str, Any]:
        """Returns the keys that the environment has, and ``camera`` in degrees.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = checked(human)
        action = {name: human[name] for name in self._keys}
        camera = human["camera"] if self._any_camera else self._nearest_camera(human["camera"])
        action["camera"] = camera.astype(self._camera_dtype)
        action.update(deepcopy(self._at_rest))
        dropped = tuple(name for name in self._missing if human[name])
        self.unexpressed = {"dropped": dropped} if dropped else {}
        if not self._any_camera and (camera != human["camera"]).any():
            self.unexpressed["camera_lost"] = tuple((human["camera"] - camera).tolist())
        return CheckedAction(action) if self._is_human else action

    def _nearest_camera(self, degrees: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the movements, (..., 2) degrees, that the environment takes and that are nearest to ``degrees``."""
        nearest = np.clip(np.asarray(degrees, np.float64), self._low, self._high)
        return np.rint(nearest) if self._rounds else nearest

    def to_human(self, env_action: dict[str, Any]) -> HumanAction:
        """Returns the same keys, with the others not pressed.

        Raises:
            ValueError: ``env_action`` is not an action of this environment, or has no key in the human action.
        """
        if self._is_human and is_checked(env_action):
            return CheckedAction({**env_action, "camera": env_action["camera"].copy()})
        self._check_entries(env_action)
        for name, rest in self._at_rest.items():
            if env_action[name] != rest:
                raise ValueError(f"{name}={env_action[name]!r} has no key in the human action")
        return checked({**no_op(), **{name: env_action[name] for name in (*self._keys, "camera")}})

    def _check_entries(self, env_action: dict[str, Any]) -> None:
        expected = {*self._keys, "camera", *self._at_rest}
        if set(env_action) != expected:
            wrong = sorted(expected.symmetric_difference(env_action))
            raise ValueError(f"the action lacks or should not have {wrong}; its space is {self.action_space}")

    def coverage(self) -> Coverage:
        """Returns the coverage: kept is every code whose keys, or whose camera movement, the environment takes."""
        pressed = pressed_by_code()
        lacks, reached = np.zeros((2, N_BUTTONS), np.bool_)
        for name in VPT_BUTTONS:
            lacks |= pressed[name] & (name in self._missing)
            reached |= pressed[name] & (name in self._reached())
        degrees = np.stack([BIN_DEGREES, BIN_DEGREES], axis=-1).astype(np.float32)
        camera_kept = int(np.prod((self._nearest_camera(degrees) == degrees).sum(axis=0)))
        return Coverage(
            dialect=self._dialect,
            buttons_kept=int((~lacks).sum()),
            buttons_changed=int((lacks & reached).sum()),
            buttons_lost=int((lacks & ~reached).sum()),
            buttons_slow=0,
            camera_kept=camera_kept,
            camera_changed=N_CAMERA - camera_kept,
            notes=(*self._notes(), *self._camera_notes(camera_kept)),
            remedy=_CAMERA_REMEDY if camera_kept < N_CAMERA else "",
        )

    def _reached(self) -> tuple[str, ...]:
        """Returns the buttons that have some effect on the environment."""
        return self._keys

    def _notes(self) -> tuple[str, ...]:
        names = [name for name in self._missing if name not in HOTBAR]
        names += ["hotbar keys"] if len(names) < len(self._missing) else []
        return (f"It has no {', '.join(names)}",) if names else ()

    def _camera_notes(self, camera_kept: int) -> tuple[str, ...]:
        if camera_kept == N_CAMERA:
            return ()
        bounds = [f"{low:g}° to {high:g}°" for low, high in zip(self._low, self._high, strict=True)]
        rounding = " and rounded to whole degrees" if self._rounds else ""
        return (f"Camera movements are clipped to {bounds[0]} (pitch) and {bounds[1]} (yaw) per tick{rounding}",)
