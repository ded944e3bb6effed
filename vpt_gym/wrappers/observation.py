"""Observations for a VPT policy: the frame of any environment in the policy's size and layout."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from vpt_gym.frames import (
    POLICY_SIZE,
    FrameKey,
    checked_size,
    declared_frame,
    find_declared_frame,
    find_frame_space,
    to_size,
)
from vpt_gym.system.printable import shown
from vpt_gym.wrappers._minerl_settings import TRAINED_WITH, other_settings
from vpt_gym.wrappers._source_observation import source_observation
from vpt_gym.wrappers._wrapped_env import require_gymnasium

TRAINED_ASPECT = 16 / 9
"""Width over height of the recordings that VPT was trained on (640x360)."""

ASPECT_TOLERANCE = 0.12
"""Relative deviation from ``TRAINED_ASPECT`` without a warning: 256x160, MineDojo's example size, is 10 % off."""


class VPTObsWrapper(gym.ObservationWrapper[Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Converts observations to the frames of a VPT policy: uint8 ``(128, 128, 3)``, RGB, scaled as in its training.

    The frame is found under ``img``, ``rgb``, ``pov``, ``image``, ``frame`` or ``screen``, or is the observation
    itself; channels first or last (see ``vpt_gym.frames``). It is scaled with OpenCV's ``INTER_LINEAR`` without keeping
    the aspect ratio.

    Example:
        >>> import gymnasium as gym
        >>> from vpt_gym import VPTObsWrapper
        >>> env = gym.make("vpt_gym/Harvest1Log-v0")
        >>> env.observation_space["rgb"]
        Box(0, 255, (3, 144, 256), uint8)
        >>> env = VPTObsWrapper(env)
        >>> env.observation_space
        Box(0, 255, (128, 128, 3), uint8)

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.
        size: (height, width) of the frame, pixels.
        keep: Keys of the wrapped ``Dict`` observation to keep. With any, the observation is a ``Dict`` of ``"img"``
            (the frame) and these; without, it is the frame itself.
        key: Key of the frame in a wrapped ``Dict``; needed only if it is another one. Where dictionaries are nested,
            ``"obs.image"`` or ``("obs", "image")``.

    Attributes:
        source_observation: The last observation of the wrapped environment, unconverted, also below another
            ``VPTObsWrapper``; None before the first ``reset``. Action translators above this wrapper read the player's
            pitch from it.

    Raises:
        TypeError: ``env`` is not an environment, its frame is not uint8, or ``keep`` or ``key`` are no texts.
        ValueError: No frame is found, ``size`` is not two positive numbers, or ``keep`` names a missing key or
            ``"img"``.

    Warns:
        UserWarning: The frame is more than 12 % off the aspect ratio 16:9 that policies were trained on, and is not
            one that a wrapper below, or the environment itself, has scaled to a square. A MineRL 1.0 environment has
            another field of view, gamma, scale of menus, cursor or resolution than those that policies were trained on.

    Change log: v0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        size: tuple[int, int] = POLICY_SIZE,
        keep: Sequence[str] = (),
        key: FrameKey | None = None,
    ) -> None:
        env = require_gymnasium(env, "VPTObsWrapper")
        self._keep = _checked_keys(keep)
        gym.utils.RecordConstructorArgs.__init__(self, size=size, keep=self._keep, key=key)
        super().__init__(env)
        self._size = checked_size(size, more=", such as size=(128, 128)")
        self._where, self._named = declared_frame(env.observation_space, key), key is not None
        self.source_observation: Any = None

        frame_space = spaces.Box(0, 255, (*self._size, 3), np.uint8)
        self.observation_space = frame_space if not self._keep else self._with_kept(frame_space)
        # Craftium and MineStudio declare (width, height, 3) and return (height, width, 3): the first frame tells
        self._judge_by_frame = not _is_wide(self._where.size) and _is_wide(self._where.size[::-1])
        if not self._judge_by_frame:
            self._check_aspect(self._where.size)
        if other := other_settings(env):
            right = ", ".join(f"{name}={list(TRAINED_WITH[name])}" for name in other)
            warnings.warn(
                f"this MineRL environment has {', '.join(f'{name}={list(value)}' for name, value in other.items())}; "
                f"VPT policies were trained with {right}, and see other pictures: make it with these",
                stacklevel=2,
            )

    def _with_kept(self, frame_space: spaces.Box) -> spaces.Dict:
        source = self.env.observation_space
        if not isinstance(source, spaces.Dict):
            raise ValueError(f"keep={self._keep!r} needs a Dict observation, the wrapped one is {source}")
        missing = [name for name in self._keep if name not in source.spaces]
        if missing:
            raise ValueError(f"keep names {missing}, which the observation lacks; it has {sorted(source.spaces)}")
        if "img" in self._keep:
            raise ValueError("keep must not name 'img', which is the key of the frame itself")
        return spaces.Dict({"img": frame_space, **{name: source[name] for name in self._keep}})

    def _check_aspect(self, source_size: tuple[int, ...]) -> None:
        height, width = source_size
        if not (_is_wide(source_size) or (height == width and any(map(_is_wide, _sizes_below(self.env))))):
            warnings.warn(
                f"the frames of this environment are {width}x{height} (width x height), {width / height:.2f}:1; VPT "
                f"policies were trained on 16:9 scaled to a square, and see these frames distorted. Make the "
                f"environment with 16:9 frames, e.g. image_size=(144, 256). (16:9 frames that were scaled to a square "
                f"in the environment itself are right as they are)",
                stacklevel=3,
            )

    def observation(self, observation: Any) -> Any:
        """Returns the frame of ``observation`` in the policy's size, with the kept keys if there are any."""
        self.source_observation = source_observation(self.env, observation)
        picture = find_declared_frame(observation, self._where, named=self._named)
        if self._judge_by_frame:
            self._judge_by_frame = False
            self._check_aspect(picture.shape[:2])
        frame = to_size(picture, self._size)
        if not self._keep:
            return frame
        return {"img": frame, **{name: observation[name] for name in self._keep}}


def _checked_keys(keep: Any) -> tuple[str, ...]:
    """Returns keys to keep, which are read once: they may be a generator."""
    if isinstance(keep, str):
        raise ValueError(f"keep={keep!r} is one string; pass a sequence of keys, e.g. keep=[{keep!r}]")
    keys = tuple(keep) if isinstance(keep, Iterable) else None
    if keys is None or not all(isinstance(name, str) for name in keys):
        raise TypeError(f"keep is {shown(keep)}; it must be a sequence of keys of the observation, such as ['compass']")
    return keys


def _is_wide(size: tuple[int, ...]) -> bool:
    height, width = size
    return abs(width / height / TRAINED_ASPECT - 1) <= ASPECT_TOLERANCE


def _sizes_below(env: gym.Env[Any, Any]) -> Iterator[tuple[int, ...]]:
    """Yields the frame sizes, (height, width), that the wrappers of an environment get, from the outside in.

    The last one is the size of the picture from which an environment itself made the frame: ``picture_size`` of the
    embedded world, (height, width), or ``render_size`` of MineStudio, (width, height).
    """
    while isinstance(env, gym.Wrapper):
        env = env.env
        with suppress(TypeError, ValueError):  # no frame here
            yield find_frame_space(env.observation_space).size
    for name, step in (("picture_size", 1), ("render_size", -1)):
        sides = getattr(env, name, None)
        if isinstance(sides, tuple | list) and len(sides) == 2 and all(isinstance(side, int) for side in sides):
            yield tuple(sides[::step])
