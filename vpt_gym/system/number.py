"""Whether a value is a number, for checks of arguments; True and False are none."""

from __future__ import annotations

import math
import numbers
from typing import TypeGuard

from vpt_gym.system.printable import shown


def is_real(value: object) -> TypeGuard[float]:
    """Returns whether a value is a real number, of Python or NumPy. NaN and infinity are numbers too."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Returns whether a value is an integer, of Python or NumPy."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def checked_seconds(name: str, value: object, more: str = "") -> float:
    """Returns a limit of time, given in seconds, as a float.

    Args:
        name: Its name in the message.
        value: The limit.
        more: What else it may be, for the message.

    Raises:
        ValueError: It is no number, not above 0, or not finite.
    """
    if is_real(value) and 0 < float(value) < math.inf:
        return float(value)
    raise ValueError(f"{name} is {shown(value)}; it must be a finite number of seconds above 0{more}")
