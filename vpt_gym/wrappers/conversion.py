"""Converts environments of the old gym, such as MineDojo's, to Gymnasium environments."""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym

from vpt_gym.actions.minedojo_spaces import is_minedojo_space
from vpt_gym.legacy_gym import LegacyGymEnv, accept_reset_arguments, is_legacy_env, is_vector
from vpt_gym.minedojo.env import MineDojoEnv
from vpt_gym.minedojo.parts import find_parts
from vpt_gym.system.printable import shown


def as_gymnasium(env: Any, actions: Literal["human", "minedojo"] = "human") -> gym.Env[Any, Any]:
    """Returns an environment of the old ``gym`` as a Gymnasium environment; one of Gymnasium is returned itself.

    An environment of ``minedojo.make`` becomes a ``vpt_gym.minedojo.MineDojoEnv``, with exact actions and reported
    failures. Methods of its instances are rebound; no class and nothing on disk is changed. Any other becomes a
    ``vpt_gym.legacy_gym.LegacyGymEnv``. Where the ``reset`` of a Gymnasium environment takes no ``seed`` or no
    ``options`` (MineStudio), it is replaced in this instance by one that does. ``VPTObsWrapper``, ``VPTActionWrapper``,
    ``HumanActionWrapper`` and ``RecorderWrapper`` call this function themselves.

    Args:
        env: The environment.
        actions: For an environment of ``minedojo.make``: ``"human"`` (keys and exact camera degrees) or ``"minedojo"``
            (its ``MultiDiscrete``). Every other environment keeps its own actions.

    Raises:
        TypeError: ``env`` is not an environment.
        ValueError: One of its spaces has no counterpart, or it does not support ``actions``.
    """
    if actions not in ("human", "minedojo"):
        raise ValueError(f"actions is {shown(actions)}; it must be 'human' or 'minedojo'")
    if isinstance(env, gym.Env):
        if actions == "minedojo" and not is_minedojo_space(env.action_space):
            raise _without_actions(env, actions)
        accept_reset_arguments(env)
        return env
    if is_vector(env):
        raise TypeError(
            f"as_gymnasium takes one environment, got a vector of {env.num_envs} ({type(env).__name__}). Convert each "
            f"of them: {type(env).__name__}([lambda: as_gymnasium(make_env())] * {env.num_envs})"
        )
    if not is_legacy_env(env):
        raise TypeError(f"{type(env).__name__} is not an environment: {env!r}")
    if find_parts(env) is not None:
        return MineDojoEnv(env, actions=actions)
    if actions == "minedojo":
        raise _without_actions(env, actions)
    return LegacyGymEnv(env)


def _without_actions(env: Any, actions: str) -> ValueError:
    return ValueError(
        f"actions is {actions!r}, which only an environment of minedojo.make can have; {type(env).__name__} keeps its "
        f"own, {env.action_space}. Leave actions out"
    )
