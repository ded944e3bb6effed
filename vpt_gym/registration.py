"""Registers the embedded environments with Gymnasium."""

from __future__ import annotations

from gymnasium.envs.registration import register

from vpt_gym.world.ids import ANY_TASK, STEP_LIMITS, env_id

_WORLD, _VECTOR = "vpt_gym.world.env:VoxelEnv", "vpt_gym.world.vector:make_worlds"


def register_envs() -> None:
    """Registers one id for each task, ``vpt_gym/World-v0`` for any task, and ``vpt_gym/MineDojo-v0``."""
    for task, limit in STEP_LIMITS.items():
        register(env_id(task), _WORLD, vector_entry_point=_VECTOR, kwargs={"task": task}, max_episode_steps=limit)
    register(ANY_TASK, _WORLD, vector_entry_point=_VECTOR)
    register("vpt_gym/MineDojo-v0", "vpt_gym.minedojo.factory:make")
