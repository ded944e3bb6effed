"""The check that every wrapper makes first: what it is handed is a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym


def require_gymnasium(env: Any, wrapper: str) -> None:
    """Raises a ``TypeError`` that names the remedy unless ``env`` is a Gymnasium environment.

    Args:
        env: What the wrapper was handed.
        wrapper: Name of the wrapper, for the message.
    """
    if isinstance(env, gym.Env):
        return
    if isinstance(env, gym.vector.VectorEnv):
        raise TypeError(
            f"{wrapper} wraps one environment, got a vector of {env.num_envs} ({type(env).__name__}). Wrap each of "
            "them: SyncVectorEnv([lambda: wrapper(make())] * n)"
        )
    if hasattr(env, "step") and hasattr(env, "reset"):
        raise TypeError(
            f"{wrapper} needs a gymnasium.Env, got {type(env).__module__}.{type(env).__qualname__}, which looks like "
            "an environment of the old gym. Convert it first to a gymnasium.Env: Gymnasium spaces, reset(seed, "
            "options) -> (observation, info), step -> (observation, reward, terminated, truncated, info)"
        )
    raise TypeError(f"{wrapper} needs a gymnasium.Env, got {type(env).__name__}: {env!r}")
