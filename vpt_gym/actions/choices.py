"""Actions as choices: one integer for each entry of an action, for policies with a head for each entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces


def action_sizes(space: spaces.Space[Any]) -> tuple[int, ...]:
    """Returns the number of alternatives of each entry of an action of ``space``.

    Raises:
        ValueError: The space is not ``Discrete``, ``MultiDiscrete`` or ``MultiBinary``, or does not start at 0.
    """
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1 and not space.start.any():
        return tuple(int(n) for n in space.nvec)
    if isinstance(space, spaces.MultiBinary) and isinstance(space.n, int | np.integer):
        return (2,) * int(space.n)
    raise ValueError(
        f"no head for the action space {space}; there are heads for Discrete, MultiDiscrete and MultiBinary spaces of "
        "one axis that start at 0. Convert your environment to one of them with a gymnasium.ActionWrapper"
    )


def to_choices(space: spaces.Space[Any], action: Any) -> npt.NDArray[np.int64]:
    """Returns an action of a space as choices, (k,) int64, one for each of ``action_sizes(space)``.

    Raises:
        ValueError: There is no head for the space, or the action is not in it.
    """
    sizes = action_sizes(space)
    choices = np.asarray(action).reshape(-1)
    if choices.dtype.kind not in "iub" or choices.shape != (len(sizes),) or not _within(choices, sizes):
        raise ValueError(f"{action!r} is not in the action space {space}")
    return choices.astype(np.int64)


def from_choices(space: spaces.Space[Any], choices: npt.ArrayLike) -> Any:
    """Returns the action of a space that has these choices, in the type that its environment takes.

    Raises:
        ValueError: There is no head for the space, or the choices do not fit it.
    """
    sizes, given = action_sizes(space), np.asarray(choices)
    if given.dtype.kind not in "iu" or given.shape != (len(sizes),) or not _within(given, sizes):
        raise ValueError(f"{choices!r} are not choices of the action space {space}; they are (k,) = ({len(sizes)},)")
    return np.int64(given[0]) if isinstance(space, spaces.Discrete) else given.astype(space.dtype)


def _within(choices: npt.NDArray[Any], sizes: tuple[int, ...]) -> bool:
    return bool(((choices >= 0) & (choices < np.array(sizes))).all())
