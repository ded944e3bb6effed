"""Puts the frame where everything finds it, for an environment that has it under a key of its own."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.frames import FrameKey, declared_frame, find_declared_frame
from vpt_gym.wrappers._wrapped_env import require_gymnasium


class FrameKeyWrapper(gym.ObservationWrapper[Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Adds the frame of a ``Dict`` observation as its entry ``img``, uint8 (H, W, 3), where it is looked for first.

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.
        key: Key of the frame; ``"obs.image"`` or ``("obs", "image")`` where dictionaries are nested.
            None: a key that is known, such as ``rgb`` or ``pov``.

    Attributes:
        key: As above.

    Raises:
        TypeError: ``env`` is not an environment, or its frame is not uint8.
        ValueError: The observation is no ``Dict``, or has no frame under this key.

    Change log: v0.1.0 - added.
    """

    def __init__(self, env: gym.Env[Any, Any], key: FrameKey | None = None) -> None:
        env = require_gymnasium(env, type(self).__name__)
        gym.utils.RecordConstructorArgs.__init__(self, key=key)
        super().__init__(env)
        self.key = key
        self._where, self._named = declared_frame(env.observation_space, key), key is not None
        entries = dict(env.observation_space.spaces)  # type: ignore[attr-defined] # a Dict, else the line above raises
        self.observation_space = spaces.Dict({**entries, "img": spaces.Box(0, 255, (*self._where.size, 3), np.uint8)})

    def observation(self, observation: Any) -> dict[str, Any]:
        """Returns ``observation`` with its frame as ``img``."""
        frame = find_declared_frame(observation, self._where, named=self._named)
        return {**observation, "img": np.ascontiguousarray(frame)}
