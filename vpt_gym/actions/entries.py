"""The places in an env action that hold one number, and how they are read and written.

An action may be a number, an array, or dictionaries and tuples of these; a place is the path to one number in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

At: TypeAlias = str | int | tuple[str | int, ...]
"""A place in an env action: a key of a ``Dict``, an index of an array or ``Tuple``, or a path of these from the outside
in, such as ``("binary", 3)``. ``()`` is the action itself."""

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """One number in an env action.

    Attributes:
        path: Where it is.
        low: Its smallest value.
        high: Its largest value.
        whole: Whether it is an integer.
        array: The dtype of the array of shape () that holds it; None if it is a plain number, or in a larger array.
    """

    path: Path
    low: float
    high: float
    whole: bool
    array: np.dtype[Any] | None = None

    def takes(self, value: float) -> bool:
        """Returns whether the number may be ``value``."""
        return self.low <= value <= self.high and (not self.whole or value == int(value))

    def read(self, action: Any) -> Any:
        """Returns the number."""
        for step in self.path:
            action = action[step]
        return action

    def write(self, action: Any, value: Any) -> Any:
        """Returns ``action`` with the number set to ``value``, in place where neither a number nor a tuple holds it."""
        if not self.path and self.array is None:
            return np.int64(value) if self.whole else value
        return self._written(action, self.path, value)

    def _written(self, part: Any, path: Path, value: Any) -> Any:
        if not path:
            number = int(value) if self.whole else value
            return number if self.array is None else np.array(number, self.array)
        inner = self._written(part[path[0]], path[1:], value)
        if isinstance(part, tuple):
            return tuple(inner if index == path[0] else other for index, other in enumerate(part))
        part[path[0]] = inner
        return part


def path_of(at: At) -> Path:
    """Returns a place as a path."""
    return at if isinstance(at, tuple) else (at,)


def find_place(space: spaces.Space[Any], at: At) -> Place:
    """Returns the place ``at`` of a space's actions.

    Raises:
        ValueError: The space has no number there.
    """
    path = path_of(at)
    part: Any = space
    for depth, step in enumerate(path):
        inner = _inside(part, step)
        if inner is None:
            return _in_array(space, part, path, path[depth:])
        part = inner
    if isinstance(part, spaces.Discrete):
        return Place(path, int(part.start), int(part.start + part.n - 1), True)
    if part.shape == (1,):
        return _in_array(space, part, (*path, 0), (0,))
    if isinstance(part, spaces.Box) and part.shape == ():
        return replace(_in_array(space, part, path, ()), array=part.dtype)
    raise ValueError(f"{at!r} is {part}; one number is needed: name an entry of it, such as {(*path, 0)}")


def _inside(space: Any, step: str | int) -> spaces.Space[Any] | None:
    """Returns an entry of a ``Dict`` or ``Tuple``, or None if there is none."""
    parts: Any = space.spaces if isinstance(space, spaces.Dict | spaces.Tuple) else ()
    if isinstance(space, spaces.Dict):
        return parts.get(step)  # type: ignore[no-any-return]
    return parts[step] if isinstance(step, int) and 0 <= step < len(parts) else None


def _in_array(space: spaces.Space[Any], part: Any, path: Path, index: Any) -> Place:
    known = isinstance(part, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete)
    shape = tuple(part.shape or ()) if known else ()
    inside = len(index) == len(shape) and all(
        isinstance(step, int) and 0 <= step < size for step, size in zip(index, shape, strict=True)
    )
    if not known or not inside:
        raise ValueError(f"the action space has no entry {path if len(path) != 1 else path[0]!r}; it is {space}")
    if isinstance(part, spaces.Box):
        return Place(path, float(part.low[index]), float(part.high[index]), part.dtype.kind in "iu")
    if isinstance(part, spaces.MultiBinary):
        return Place(path, 0, 1, True)
    start = int(part.start[index])
    return Place(path, start, start + int(part.nvec[index]) - 1, True)


def rest_of(space: spaces.Space[Any], given: Any = None) -> Any:
    """Returns an action in which nothing is done: ``given``, where it has a value, else zeros and empty texts.

    Args:
        space: The space of the action.
        given: The action, or for a ``Dict`` a mapping of some of its entries; None for none.

    Raises:
        ValueError: The value of an entry without zero was not given, or one that was given is not in the space.
    """
    if isinstance(space, spaces.Dict) and (given is None or isinstance(given, Mapping)):
        unknown = [name for name in given or () if name not in space.spaces]
        if unknown:
            raise ValueError(f"at_rest names {unknown}, which the action space lacks; it has {list(space.spaces)}")
        return {name: rest_of(part, (given or {}).get(name)) for name, part in space.spaces.items()}
    if given is not None:
        return _checked_rest(space, given)
    if isinstance(space, spaces.Tuple):
        return tuple(rest_of(part) for part in space.spaces)
    if isinstance(space, spaces.Discrete) and space.contains(np.int64(0)):
        return 0
    if isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        zeros = np.zeros(space.shape, space.dtype)
        if space.contains(zeros):
            return zeros
    if isinstance(space, spaces.Text) and space.min_length == 0:
        return ""
    if "none" in getattr(space, "values", ()):  # MineRL's and MineDojo's items
        return "none"
    raise ValueError(f"what does nothing in {space} is unknown; give it in at_rest")


def _checked_rest(space: spaces.Space[Any], given: Any) -> Any:
    """Returns a copy of an action that was given, with its arrays in the dtypes of the space."""
    if isinstance(space, spaces.Tuple) and isinstance(given, list | tuple) and len(given) == len(space.spaces):
        return tuple(map(_checked_rest, space.spaces, given))
    value = fresh(given)
    if isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        exact = np.asarray(given)
        value = exact.astype(space.dtype) if exact.dtype.kind in "biuf" else exact
        if space.dtype.kind in "biu" and not np.array_equal(value, exact):  # a rounded value is another one
            value = exact
    # no text, where one letter at least is declared (Gymnasium's default), or an array of one text (MineRL's chat)
    if isinstance(given, str) and given == "" and np.dtype(space.dtype).kind == "U":
        return given
    if not space.contains(value):
        raise ValueError(f"at_rest is {given!r} where the action space has {space}, which does not contain it")
    return value


def fresh(action: Any) -> Any:
    """Returns a copy of an action: its dictionaries and arrays are new."""
    if isinstance(action, dict):
        return {name: fresh(value) for name, value in action.items()}
    if isinstance(action, tuple):
        return tuple(fresh(value) for value in action)
    return action.copy() if isinstance(action, np.ndarray) else action
