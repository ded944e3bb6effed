"""Checks the environment that a wrapper is given, and converts one of the old gym."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from vpt_gym.legacy_gym import is_legacy_env, is_vector
from vpt_gym.wrappers.conversion import as_gymnasium


def require_gymnasium(env: Any, wrapper: str) -> gym.Env[Any, Any]:
    """Returns ``env``; an environment of the old gym is converted by ``as_gymnasium``.

    Args:
        env: The argument of the wrapper.
        wrapper: Name of the wrapper, for error messages.

    Raises:
        TypeError: ``env`` is neither; the message names the remedy.
    """
    if isinstance(env, gym.Env) or is_legacy_env(env):
        return as_gymnasium(env)
    if is_vector(env):
        kind = type(getattr(env, "unwrapped", env)).__name__  # a vector wrapper around it takes no list of functions
        raise TypeError(
            f"{wrapper} wraps one environment, got a vector of {env.num_envs} ({type(env).__name__}). Wrap each of "
            f"them: {kind}([lambda: {wrapper}(make_env(), ...)] * {env.num_envs})"
        )
    raise TypeError(f"{wrapper} needs a gymnasium.Env, got {type(env).__name__}: {env!r}")


def require_resets(env: Any, wrapper: str) -> gym.Env[Any, Any]:
    """Returns ``env`` as ``require_gymnasium`` does, for a wrapper that must see each ``reset``.

    Raises:
        TypeError: ``env`` is not an environment.
        ValueError: A wrapper inside it resets it by itself.
    """
    found = part = require_gymnasium(env, wrapper)
    while isinstance(part, gym.Wrapper) and not isinstance(part, gym.wrappers.Autoreset):
        part = part.env
    # of a ResilientEnv, the attribute of an Autoreset in the other process
    elsewhere = getattr(part, "stands_for_wrappers", False) and part.has_wrapper_attr("autoreset")
    if isinstance(part, gym.wrappers.Autoreset) or elsewhere:
        raise ValueError(
            f"gymnasium.wrappers.Autoreset inside {wrapper} resets the environment by itself, so {wrapper} would not "
            f"see that a new episode begins: put Autoreset around {wrapper}"
        )
    return found
