"""Environments whose action is a dictionary of keys: each key that they share with the human action is passed on."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, VPT_BUTTONS, decode
from vpt_gym.actions.human import BUTTONS, HOTBAR, CheckedAction, HumanAction, checked, is_checked, no_op
from vpt_gym.actions.protocol import Coverage, Translator


def pressed_by_code() -> dict[str, npt.NDArray[np.bool_]]:
    """Returns, for each of VPT's 20 buttons, which of the 8,641 button codes press it, (8641,) bool."""
    codes = np.stack([np.arange(N_BUTTONS), np.zeros(N_BUTTONS, np.int64)], axis=-1)
    human = decode(codes)
    return {name: human[name] == 1 for name in VPT_BUTTONS}


class KeyedTranslator(Translator):
    """Passes on the keys that an environment has, reports those that it lacks, and leaves its other entries at rest.

    Args:
        action_space: The environment's ``Dict`` of some of the 23 buttons, ``camera`` (2,) in degrees per tick,
            (pitch, yaw), and perhaps other entries.
        dialect: Name of the kind of environment, for messages.
        at_rest: No-op values of the entries that are neither button nor camera.

    Raises:
        ValueError: The space has no such camera, or an entry without a value in ``at_rest``.
    """

    action_space: spaces.Dict

    def __init__(self, action_space: spaces.Dict, dialect: str, at_rest: dict[str, Any] | None = None) -> None:
        camera = action_space.spaces.get("camera")
        if not isinstance(camera, spaces.Box) or camera.shape != (2,):
            raise ValueError(f"camera must be a Box of shape (2,), (pitch, yaw) degrees, got {camera}")
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
        # whether an env action is a human action
        self._is_human = not self._missing and not others and camera.dtype == np.float32
        self.reset()

    def to_env(self, human: HumanAction) -> dict[str, Any]:
        """Returns the keys that the environment has, and ``camera`` in exact degrees.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = checked(human)
        action = {name: human[name] for name in self._keys}
        action["camera"] = human["camera"].astype(self._camera_dtype)
        action.update(deepcopy(self._at_rest))
        dropped = tuple(name for name in self._missing if human[name])
        self.unexpressed = {"dropped": dropped} if dropped else {}
        return CheckedAction(action) if self._is_human else action

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
        """Returns the coverage: every code whose keys the environment has, and every camera movement, is kept."""
        pressed = pressed_by_code()
        lacks, reached = np.zeros((2, N_BUTTONS), np.bool_)
        for name in VPT_BUTTONS:
            lacks |= pressed[name] & (name in self._missing)
            reached |= pressed[name] & (name in self._reached())
        return Coverage(
            dialect=self._dialect,
            buttons_kept=int((~lacks).sum()),
            buttons_changed=int((lacks & reached).sum()),
            buttons_lost=int((lacks & ~reached).sum()),
            buttons_slow=0,
            camera_kept=N_CAMERA,
            camera_changed=0,
            notes=self._notes(),
        )

    def _reached(self) -> tuple[str, ...]:
        """Returns the buttons that have some effect on the environment."""
        return self._keys

    def _notes(self) -> tuple[str, ...]:
        names = [name for name in self._missing if name not in HOTBAR]
        names += ["hotbar keys"] if len(names) < len(self._missing) else []
        return (f"It has no {', '.join(names)}",) if names else ()
