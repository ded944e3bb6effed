"""Registers the embedded environments with Gymnasium.

Gymnasium imports the part of an id before a colon, so that ``gym.make("vpt_gym:vpt_gym/Harvest1Log-v0")`` needs no
``import vpt_gym``. Gymnasium 1 no longer loads plugins by entry points.
"""

from __future__ import annotations

from typing import Any

from gymnasium.envs.registration import EnvSpec, register, registry

from vpt_gym.world.ids import ANY_TASK, PLAY, PLAY_STEPS, STEP_LIMITS, env_id

_WORLD, _VECTOR = "vpt_gym.world.env:VoxelEnv", "vpt_gym.world.vector:make_worlds"


def register_envs() -> None:
    """Registers an id for each task, ``vpt_gym/World-v0`` for any task, ``vpt_gym/Play-v0``, ``vpt_gym/MineDojo-v0``.

    A second call, as by ``importlib.reload``, changes nothing.
    """
    for task, limit in STEP_LIMITS.items():
        _register(env_id(task), _WORLD, vector_entry_point=_VECTOR, kwargs={"task": task}, max_episode_steps=limit)
    _register(ANY_TASK, _WORLD, vector_entry_point=_VECTOR)
    _register(PLAY, "vpt_gym.world.play_env:PlayEnv", max_episode_steps=PLAY_STEPS)
    _register("vpt_gym/MineDojo-v0", "vpt_gym.minedojo.factory:make")


def _register(name: str, entry_point: str, **arguments: Any) -> None:
    # Gymnasium warns about an id that is registered again, even with the same spec
    if registry.get(name) != EnvSpec(name, entry_point, **arguments):
        register(name, entry_point, **arguments)
