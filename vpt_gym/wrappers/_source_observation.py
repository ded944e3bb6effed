"""The complete observation of an environment, below wrappers that pass on a part of it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym


def source_observation(env: gym.Env[Any, Any], observation: Any) -> Any:
    """Returns the complete observation from which ``observation``, returned by ``env``, was made.

    ``VPTObsWrapper`` passes on only the frame, and has the complete one as its attribute ``source_observation``.
    """
    hidden = env.has_wrapper_attr("source_observation")
    return env.get_wrapper_attr("source_observation") if hidden else observation
