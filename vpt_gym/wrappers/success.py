"""Reads whether an episode succeeded, from the places where environments report it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from vpt_gym.system.printable import shown

_REPORTED_AS = ("success", "is_success")
"""Keys of an info, of which the first one counts: the embedded world's, and that of Gymnasium-Robotics."""


def success_of(env: gym.Env[Any, Any], info: Mapping[str, Any]) -> bool | None:
    """Returns whether an environment reports success in its last step, or None if it does not say.

    Args:
        env: The environment that was stepped.
        info: The info of its last step. Read are ``"success"`` (the embedded world), ``"is_success"``
            (Gymnasium-Robotics) and the environment's ``is_successful`` (MineDojo), in this order. None and NaN are
            unknown.

    Raises:
        TypeError: It is reported as something other than true, false or a number.
    """
    for name in _REPORTED_AS:
        if (success := truth_of(info.get(name), name)) is not None:
            return success
    if env.has_wrapper_attr("is_successful"):
        return bool(env.get_wrapper_attr("is_successful"))
    return None


def success_so_far(before: bool | None, now: bool | None) -> bool | None:
    """Returns whether an episode has succeeded, which lasts: environments may report it in the tick of success alone.

    Args:
        before: What was known before a tick.
        now: What this tick reports (:func:`success_of`); None: nothing.
    """
    return before if now is None else now or bool(before)


def success_in(infos: Mapping[str, Any], row: int) -> bool | None:
    """Returns whether the episode of one environment of a vector has succeeded, or None if it does not report it.

    Args:
        infos: The infos of the vector environment's last step: an array for each key, and for the key ``name`` in
            ``_name`` which environments reported it.
        row: Number of the environment.
    """
    for name in _REPORTED_AS:
        reported = name in infos and (f"_{name}" not in infos or infos[f"_{name}"][row])
        success = truth_of(infos[name][row], name) if reported else None
        if success is not None:
            return success
    return None


class RunningSuccess:
    """Whether the running episodes of N environments of a vector have succeeded so far (:func:`success_so_far`).

    Args:
        num_envs: N.

    Attributes:
        so_far: For each environment; None where it has not been reported.
    """

    def __init__(self, num_envs: int) -> None:
        self.so_far: list[bool | None] = [None] * num_envs

    def update(self, infos: Mapping[str, Any], began: Sequence[bool] | npt.NDArray[np.bool_]) -> None:
        """Takes the infos of a step of all environments.

        Args:
            infos: The infos of the vector environment.
            began: (N,), true where the step only began an episode.
        """
        self.so_far = [
            None if began[row] else success_so_far(before, success_in(infos, row))
            for row, before in enumerate(self.so_far)
        ]


def truth_of(value: Any, name: str) -> bool | None:
    """Returns a truth of an info; None if it is unknown: None or NaN.

    Args:
        value: A truth, a number, or an array of one of these.
        name: Its key, for the message.

    Raises:
        TypeError: It is something else. The text "false" would be true.
    """
    single = value
    if hasattr(value, "item"):  # an array or tensor of any package, on any device
        with suppress(ValueError, TypeError, RuntimeError):  # of several values
            single = value.item()
    if single is None or isinstance(single, bool):
        return single
    if not isinstance(single, int | float):
        raise TypeError(f"info[{name!r}] is {shown(value)}; it must be true or false, or None if it is unknown")
    return None if single != single else bool(single)  # NaN
