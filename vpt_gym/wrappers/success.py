"""Reads whether an episode succeeded, from the places where environments report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

_REPORTED_AS = ("success", "is_success")
"""Keys of an info, of which the first one counts: the embedded world's, and that of Gymnasium-Robotics."""


def success_of(env: gym.Env[Any, Any], info: Mapping[str, Any]) -> bool | None:
    """Returns whether the episode has succeeded so far, or None if the environment does not report it.

    Args:
        env: The environment that was stepped.
        info: The info of its last step. Read are ``"success"`` (the embedded world), ``"is_success"``
            (Gymnasium-Robotics) and the environment's ``is_successful`` (MineDojo), in this order. None is unknown.
    """
    for name in _REPORTED_AS:
        if info.get(name) is not None:
            return bool(info[name])
    if env.has_wrapper_attr("is_successful"):
        return bool(env.get_wrapper_attr("is_successful"))
    return None


def success_in(infos: Mapping[str, Any], row: int) -> bool | None:
    """Returns whether the episode of one environment of a vector has succeeded, or None if it does not report it.

    Args:
        infos: The infos of the vector environment's last step: an array for each key, and for the key ``name`` in
            ``_name`` which environments reported it.
        row: Number of the environment.
    """
    for name in _REPORTED_AS:
        reported = name in infos and (f"_{name}" not in infos or infos[f"_{name}"][row])
        if reported and infos[name][row] is not None:
            return bool(infos[name][row])
    return None
