"""What an environment really observed, under wrappers that pass on a part of it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym


def source_observation(env: gym.Env[Any, Any], observation: Any) -> Any:
    """Returns the whole observation behind one that ``env`` returned.

    ``VPTObsWrapper`` hides all but the frame, and offers the rest as ``source_observation``.
    """
    hidden = env.has_wrapper_attr("source_observation")
    return env.get_wrapper_attr("source_observation") if hidden else observation
