"""Whether an episode succeeded, wherever an environment says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym


def success_of(env: gym.Env[Any, Any], info: Mapping[str, Any]) -> bool | None:
    """Returns whether the episode has succeeded so far, or None where nothing tells.

    Args:
        env: The environment that was stepped.
        info: What its step returned. ``"success"`` (the embedded world), ``"is_success"`` (Gymnasium-Robotics), and
            the environment's ``is_successful`` (MineDojo) are looked at, in this order.
    """
    for name in ("success", "is_success"):
        if name in info:
            return bool(info[name])
    if env.has_wrapper_attr("is_successful"):
        return bool(env.get_wrapper_attr("is_successful"))
    return None
