"""Settings of MineRL 1.0 that change the picture, and their values in VPT's training."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gymnasium as gym

TRAINED_WITH: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "fov_range": (70, 70),
        "gamma_range": (2, 2),
        "guiscale_range": (1, 1),
        "cursor_size_range": (16, 16),
        "resolution": (640, 360),
    }
)
"""Arguments of MineRL's environments (openai/Video-Pre-Training, ``ENV_KWARGS`` in ``agent.py``)."""


def other_settings(env: gym.Env[Any, Any]) -> dict[str, tuple[float, ...]]:
    """Returns the settings of a MineRL 1.0 environment that differ from ``TRAINED_WITH``; empty for other environments.

    MineRL keeps them as attributes of the environment's ``task``; before 1.0 there was no ``fov_range``.
    """
    task = getattr(env.unwrapped, "task", None)
    settings: dict[str, tuple[float, ...]] = {}
    if not hasattr(task, "fov_range"):
        return settings
    for name, trained in TRAINED_WITH.items():
        value = getattr(task, name, None)
        pair = tuple(value) if isinstance(value, list | tuple) else trained
        if pair != trained:
            settings[name] = pair
    return settings
