"""MineStudio: its simulator takes VPT codes (``action_type="agent"``, the default) or keys (``"env"``).

Facts: ``minestudio`` 1.1.6.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, VPT_BUTTONS, decode, encode
from vpt_gym.actions.human import CAMERA_LIMIT, HumanAction, checked, human_action
from vpt_gym.actions.keyed import KeyedTranslator
from vpt_gym.actions.protocol import Translator

KEYS = frozenset((*VPT_BUTTONS, "camera")) - {"drop"}
"""The entries of ``action_type="env"``."""


class MineStudioTranslator(Translator):
    """Human action <-> ``Dict(buttons, camera)`` of one VPT code, whose entries may be numbers or arrays of one.

    Each VPT code is kept. Of a human action that is none, what VPT's code cannot express is dropped, and the camera is
    rounded to VPT's bins.

    Args:
        action_space: The ``Dict`` of ``buttons`` (8,641 choices) and ``camera`` (121).
    """

    action_space: spaces.Dict

    def __init__(self, action_space: spaces.Dict) -> None:
        self.action_space = action_space
        self.dialect = "MineStudio (VPT codes)"
        self.reset()

    def to_env(self, human: HumanAction) -> dict[str, Any]:
        """Returns the code, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = checked(human)
        code = encode(human)
        meant = decode(code)
        dropped = tuple(name for name, held in human.items() if name != "camera" and held and not meant[name])
        self.unexpressed = {"dropped": dropped} if dropped else {}
        lost = human["camera"].astype(np.float64) - meant["camera"]
        if lost.any():
            self.unexpressed["camera_lost"] = tuple(lost.tolist())
        pairs = zip(("buttons", "camera"), code.tolist(), strict=True)
        return {name: np.full(self.action_space[name].shape or (), value, np.int64) for name, value in pairs}

    def to_human(self, env_action: dict[str, Any]) -> HumanAction:
        """Returns the keys of a code.

        Raises:
            ValueError: ``env_action`` is not a code.
        """
        if set(env_action) != {"buttons", "camera"} or any(np.size(part) != 1 for part in env_action.values()):
            raise ValueError(f"{env_action!r} is not one VPT code in the entries buttons and camera")
        return decode([np.asarray(env_action[name]).item() for name in ("buttons", "camera")])


def recognise(space: spaces.Space[Any]) -> Translator | None:
    """Returns a translator for MineStudio's simulator, None for another space."""
    if not isinstance(space, spaces.Dict):
        return None
    keys = frozenset(space.spaces)
    if keys == {"buttons", "camera"} and _choices(space["buttons"], space["camera"]) == [N_BUTTONS, N_CAMERA]:
        return MineStudioTranslator(space)
    camera = space.spaces.get("camera")
    if keys == KEYS and isinstance(camera, spaces.Box) and bool((camera.high == CAMERA_LIMIT).all()):
        return KeyedTranslator(space, "MineStudio (keys)")
    return None


def require_vpt_camera(env: gym.Env[Any, Any]) -> None:
    """Checks that the simulator turns by the degrees of VPT's codes.

    With a ``camera_config`` of the user's own it turns by others, and its space still has 121 camera choices.

    Raises:
        ValueError: It does not.
    """
    keys_of = getattr(env.unwrapped, "agent_action_to_env_action", None)
    if keys_of is None:
        return
    for degrees in BIN_DEGREES:
        buttons, camera = encode(human_action(camera=(degrees, degrees)))
        try:
            turned = keys_of({"buttons": np.array([buttons]), "camera": np.array([camera])})["camera"]
        except IndexError:  # fewer bins
            turned = None
        if turned is None or not np.allclose(turned, degrees, atol=1e-3):
            raise ValueError(
                f"MineStudio's simulator turns by {turned} degrees for the VPT code of {degrees:.3f}: make it without "
                "a camera_config, whose default is VPT's, or with action_type='env', which takes degrees"
            )


def _choices(*entries: spaces.Space[Any]) -> list[int]:
    """Returns the number of choices of each entry that is one choice, 0 for another."""
    return [
        int(entry.n)
        if isinstance(entry, spaces.Discrete)
        else int(entry.nvec.item())
        if isinstance(entry, spaces.MultiDiscrete) and entry.nvec.size == 1
        else 0
        for entry in entries
    ]
