"""Finds the frame in any observation and scales it to a policy's size: one rule for wrappers, demos and agents.

A frame is uint8 ``(H, W, 3)`` RGB. Environments return it under different keys (``KEYS``), with channels last or
first; the layout is read from the shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.system.printable import shown

Frame: TypeAlias = npt.NDArray[np.uint8]
Layout: TypeAlias = Literal["HWC", "CHW"]

FrameKey: TypeAlias = str | tuple[str, ...]
"""Where the frame is in nested dictionaries: a key, or the keys from the outside in. ``"obs.image"`` and
``"obs/image"`` are the same as ``("obs", "image")``, unless a key has that name."""

KEYS: tuple[str, ...] = ("img", "rgb", "pov", "image", "frame", "screen")
"""Keys of the frame in a dictionary, in the order in which they are tried: ``img`` (``VPTObsWrapper``), ``rgb``
(MineDojo, minecraft-gym and the embedded world), ``pov`` (MineRL), ``image`` (MineStudio), ``frame`` (MCio), ``screen``
(ViZDoom)."""

POLICY_SIZE: tuple[int, int] = (128, 128)
"""(height, width) of the frames that VPT policies take (openai/Video-Pre-Training, ``AGENT_RESOLUTION``)."""


MAX_SIDE = 4096
"""The longest side of a frame that is made, in pixels, as in the embedded world."""


def checked_size(size: Any, name: str = "size", more: str = "") -> tuple[int, int]:
    """Returns a size for frames, (height, width), as two ``int``.

    Args:
        size: The size.
        name: Its name in the message.
        more: What else it may be, for the message.

    Raises:
        ValueError: It is not two integers from 1 to ``MAX_SIDE``.
    """
    sides = tuple(size) if isinstance(size, Sequence | np.ndarray) and not isinstance(size, str) else ()
    whole = [side for side in sides if isinstance(side, int | np.integer) and not isinstance(side, bool)]
    if len(sides) != 2 or len(whole) != 2 or not all(1 <= side <= MAX_SIDE for side in whole):
        raise ValueError(
            f"{name} is {shown(size)}; it must be (height, width) in pixels, two positive integers of at most "
            f"{MAX_SIDE:,}{more}"
        )
    return int(whole[0]), int(whole[1])


def checked_key(key: Any) -> FrameKey | None:
    """Returns the key of a frame, as a text or a tuple of texts.

    Args:
        key: The key, or None where the usual names are tried.

    Raises:
        TypeError: It is neither a text nor a sequence of texts.
        ValueError: It is empty.
    """
    if key is None:
        return None
    names = (key,) if isinstance(key, str) else tuple(key) if isinstance(key, list | tuple) else (None,)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"key is {shown(key)}; it must be a text, or a tuple of texts where dictionaries are nested")
    if not names or "" in names:
        raise ValueError(f"key is {shown(key)}, which names nothing; leave it out, or name the entry with the frame")
    return str(key) if isinstance(key, str) else tuple(map(str, names))


class FrameSpec(NamedTuple):
    """Where an observation space has its frame, and the frame's shape."""

    key: FrameKey | None
    """Key in the dictionary, keys where dictionaries are nested; None when the observation is the frame itself."""
    layout: Layout | None
    """None if the frame comes elsewhere than declared, so that its layout is read when it comes."""
    size: tuple[int, int]
    """(height, width) in pixels."""


def find_frame(observation: Any, key: FrameKey | None = None, layout: Layout | None = None) -> Frame:
    """Returns the frame of an observation as a view, without a copy: strides may be negative.

    Args:
        observation: An array, or a mapping that contains one. Leading axes (environments, time) are kept.
        key: Key of the frame in a mapping; default: the first of ``KEYS`` that it has, or that the only mapping in it
            with one of them has.
        layout: ``"HWC"`` or ``"CHW"``; default: read from the shape.

    Returns:
        uint8 (..., H, W, 3), RGB.

    Raises:
        TypeError: The frame is not uint8, or ``key`` is no text.
        ValueError: There is no frame under a known key, or its shape does not determine its layout.
    """
    key = checked_key(key)
    if isinstance(observation, Mapping):
        part: Any = observation
        for name in _choose_key(observation, key):
            part = part[name]
        if isinstance(part, Mapping):
            raise ValueError(f"under key={key!r} is a dictionary with the keys {list(part)}; name one of them too")
        frame = np.asarray(part)
    elif key is not None:
        raise ValueError(f"key={key!r} was given, but the observation is not a mapping: {type(observation).__name__}")
    else:
        frame = np.asarray(observation)
    _check_dtype(frame.dtype)
    if _layout(frame.shape, layout) == "CHW":
        frame = np.moveaxis(frame, -3, -1)
    return frame


def find_declared_frame(observation: Any, where: FrameSpec, *, named: bool = False) -> Frame:
    """Returns the frame of an observation where its space declared it, as a view: ``find_frame`` for wrappers.

    CraftGround declares its frame at ``obs.image`` and returns it as ``rgb`` and ``pov``. So where the declared key is
    missing, and was not named by the user, the frame is found under one of ``KEYS``. A frame that comes elsewhere than
    declared must have the declared size.

    Args:
        observation: The observation.
        where: The result of ``declared_frame``.
        named: Whether the user named the key.

    Raises:
        TypeError: The frame is not uint8.
        ValueError: There is no frame, or it has another size than declared.
    """
    elsewhere = isinstance(observation, Mapping) and where.key is not None and _path(observation, where.key) is None
    if where.layout is not None and (named or not elsewhere):
        return find_frame(observation, where.key, where.layout)
    frame = find_frame(observation, where.key if where.layout is None else None)
    if frame.shape[-3:-1] != where.size:
        at = "" if where.layout is None else f" at {where.key!r}"
        raise ValueError(
            f"the observation space declares frames of {where.size} (height, width){at}; the observation "
            f"has the keys {sorted(observation)} and a frame of {frame.shape[-3:-1]}. Pass its key as key="
        )
    return frame


def declared_frame(space: spaces.Space[Any], key: FrameKey | None = None) -> FrameSpec:
    """Returns where the observations of a space have their frame, for wrappers, which see what comes.

    As ``find_frame_space``. But where the space declares its frame in a nested ``Dict``, and ``key`` is another of
    ``KEYS``, such as ``"rgb"``, the frame is expected there, in the declared size: CraftGround returns it there.

    Args:
        space: A ``Box`` or ``Dict`` observation space.
        key: Key of the frame in a ``Dict``.

    Raises:
        TypeError: The frame is not uint8, or ``key`` is no text.
        ValueError: As for ``find_frame_space``.
    """
    key = checked_key(key)
    if key in KEYS and isinstance(space, spaces.Dict) and key not in space.spaces:
        with suppress(ValueError):
            declared = find_frame_space(space)
            if not isinstance(declared.key, str):
                return FrameSpec(key, None, declared.size)
    return find_frame_space(space, key)


def find_frame_space(space: spaces.Space[Any], key: FrameKey | None = None, layout: Layout | None = None) -> FrameSpec:
    """Returns where the observations of a space have their frame: ``find_frame`` for constructors.

    Args:
        space: A ``Box`` or ``Dict`` observation space.
        key: Key of the frame in a ``Dict``; default: the first of ``KEYS`` that it has, or that the only ``Dict`` in it
            with one of them has.
        layout: ``"HWC"`` or ``"CHW"``; default: read from the shape.

    Raises:
        TypeError: The frame is not uint8, or ``key`` is no text.
        ValueError: There is no frame under a known key, it is not one image, or its shape does not determine its
            layout.
    """
    key = checked_key(key)
    if isinstance(space, spaces.Dict):
        path = _choose_key(space, key)
        for name in path:
            space = space[name]  # type: ignore[index]
        key = path[0] if len(path) == 1 else path
    elif key is not None:
        raise ValueError(f"key={key!r} was given, but the observation space is not a Dict: {space}")
    if not isinstance(space, spaces.Box):
        where = "the observation space" if key is None else f"the space under {key!r}"
        raise ValueError(f"{where} is {space}; a frame needs a Box. Pass the key of the frame as key=")
    _check_dtype(space.dtype)
    if len(space.shape) != 3:
        what = _instead(space.shape) if len(space.shape) < 3 else _STACK
        raise ValueError(f"a frame has 3 axes, got a Box of shape {space.shape}. {what}")
    found = _layout(space.shape, layout)
    height, width = space.shape[:2] if found == "HWC" else space.shape[1:]
    return FrameSpec(key, found, (height, width))


def to_size(frame: Frame, size: tuple[int, int] = POLICY_SIZE, out: Frame | None = None) -> Frame:
    """Returns a frame scaled to ``size``, as a contiguous copy.

    The interpolation is OpenCV's ``INTER_LINEAR``, without antialiasing and without keeping the aspect ratio, as in
    the training of the published policies.

    Args:
        frame: uint8 (H, W, 3); any strides.
        size: (height, width) in pixels.
        out: uint8 (*size, 3), contiguous, to write to; default: a new array.

    Returns:
        uint8 (*size, 3), contiguous, sharing no memory with ``frame``; ``out`` if it was passed.

    Raises:
        TypeError: ``frame`` is not uint8.
        ValueError: ``frame`` is not (H, W, 3), or ``out`` is not as above.
    """
    _check_dtype(frame.dtype)
    if frame.ndim != 3 or frame.shape[-1] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame is (H, W, 3), got shape {frame.shape}; find_frame returns this layout")
    height, width = size
    if out is not None and (out.shape != (height, width, 3) or out.dtype != np.uint8 or not out.flags.c_contiguous):
        raise ValueError(f"out is {out.dtype} {out.shape}; it must be uint8 {(height, width, 3)} and contiguous")
    if frame.shape[:2] == (height, width):
        if out is None:
            return packed_copy(frame)
        out[:] = frame
        return out
    packed = frame if frame.flags.c_contiguous else packed_copy(frame)
    scaled = cv2.resize(packed, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
    return np.asarray(scaled, np.uint8) if out is None else out


def packed_copy(frame: Frame) -> Frame:
    """Returns a contiguous copy of a frame (H, W, 3) of any strides."""
    if frame.strides[-1] > frame.strides[-2]:  # planes: OpenCV interleaves them over ten times faster than NumPy
        return np.asarray(cv2.merge([np.ascontiguousarray(frame[..., channel]) for channel in range(3)]), np.uint8)
    return np.array(frame, order="C")


def _choose_key(where: Any, key: FrameKey | None) -> tuple[str, ...]:
    """Returns the keys of the frame in nested dictionaries, from the outside in."""
    entries = _entries(where) or {}
    if key is not None:
        path = _path(where, key)
        if path is None:
            raise ValueError(f"key={key!r} is not in the observation; it has the keys {_listed(entries)}")
        return path
    for name in KEYS:
        if name in entries:
            return (name,)
    inside = {outer: _entries(inner) or {} for outer, inner in entries.items()}
    nested = [
        (outer, next(name for name in KEYS if name in inner))
        for outer, inner in inside.items()
        if not inner.keys().isdisjoint(KEYS)
    ]
    if len(nested) != 1:
        which = f"it is under several: {nested}" if nested else f"a frame is expected under one of {list(KEYS)}"
        raise ValueError(
            f"no frame in the observation: it has the keys {_listed(entries)}, {which}. Pass the key of the frame as "
            'key=, as key="obs.image" where it is nested'
        )
    return nested[0]


def _entries(where: Any) -> Mapping[str, Any] | None:
    """Returns the entries of a dictionary or of a ``Dict``, None for all else."""
    if isinstance(where, spaces.Dict):
        return where.spaces
    return where if isinstance(where, Mapping) else None


def _path(where: Any, key: FrameKey) -> tuple[str, ...] | None:
    """Returns a key as the keys from the outside in; None if there is no such entry."""
    if isinstance(key, str):
        if key in (_entries(where) or {}):
            return (key,)
        key = tuple(key.replace("/", ".").split("."))
    for name in key:
        entries = _entries(where)
        if entries is None or name not in entries:
            return None
        where = entries[name]
    return tuple(key)


def _listed(entries: Mapping[str, Any]) -> list[str]:
    """Returns the keys of nested dictionaries, sorted."""
    names = []
    for name, entry in entries.items():
        inner = _entries(entry)
        names += [name] if inner is None else [f"{name}.{below}" for below in _listed(inner)] or [name]
    return sorted(names)


def _check_dtype(dtype: Any) -> None:
    if dtype != np.uint8:
        raise TypeError(
            f"a frame is uint8 in 0..255, got {dtype}. Take the frame before it is scaled to floats, or convert it "
            "back, e.g. with gymnasium.wrappers.TransformObservation"
        )


def _layout(shape: tuple[int, ...], layout: Layout | None) -> Layout:
    if layout not in (None, "HWC", "CHW"):
        raise ValueError(f"layout={layout!r}; it must be 'HWC' or 'CHW'")
    possible: list[Layout] = []
    if len(shape) >= 3 and 0 not in shape:
        possible += ["HWC"] if shape[-1] == 3 else []
        possible += ["CHW"] if shape[-3] == 3 else []
    if layout is not None:
        if layout not in possible:
            raise ValueError(f"layout={layout!r} does not fit a frame of shape {shape}: its colour axis must be 3")
        return layout
    if not possible:
        raise ValueError(f"shape {shape} is neither (H, W, 3) nor (3, H, W). {_instead(shape)}")
    if len(possible) == 2:
        raise ValueError(f"shape {shape} can be (H, W, 3) and (3, H, W). Choose with layout='HWC' or 'CHW'")
    return possible[0]


_STACK = "Frame stacks are not supported: VPT policies have a memory, so pass them one frame per tick"


def _instead(shape: tuple[int, ...]) -> str:
    """Returns what an array that is no RGB frame looks like, and the remedy."""
    ends = {shape[0], shape[-1]} if len(shape) == 3 else set()
    if len(shape) == 2 or 1 in ends:
        return (
            "This is a grey image, and VPT policies need colour: remove the wrapper that makes it grey, or pass the "
            "key of an RGB frame as key="
        )
    if 4 in ends:
        return (
            "If it is RGBA, leave the alpha channel out, e.g. with gymnasium.wrappers.TransformObservation and "
            f"obs[..., :3]; if it is 4 grey images: {_STACK}"
        )
    if any(size > 4 and size % 3 == 0 and size < 64 for size in ends):
        return f"{_STACK}. Or pass the key of an RGB frame as key="
    return "Pass the key of an RGB frame as key="
