"""Reads whether an episode succeeded, from the places where environments report it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym


def success_of(env: gym.Env[Any, Any], info: Mapping[str, Any]) -> bool | None:
    """Returns whether the episode has succeeded so far, or None if the environment does not report it.

    Args:
        env: The environment that was stepped.
        info: The info of its last step. Read are ``"success"`` (the embedded world), ``"is_success"``
            (Gymnasium-Robotics) and the environment's ``is_successful`` (MineDojo), in this order. None is unknown.
    """
    for name in ("success", "is_success"):
        if info.get(name) is not None:
            return bool(info[name])
    if env.has_wrapper_attr("is_successful"):
        return bool(env.get_wrapper_attr("is_successful"))
    return None
