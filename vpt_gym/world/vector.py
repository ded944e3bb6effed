"""Several embedded worlds in one vector environment: the entry point of ``gymnasium.make_vec``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_whole
from vpt_gym.wrappers.vector.thread_vector_env import ThreadVectorEnv

MOST_WORLDS = 1 << 14
"""The largest number of worlds in a process. Each takes about 5 MB, so these take 80 GB."""


@checks_flags
def make_worlds(
    num_envs: int = 1,
    *,
    max_episode_steps: int | None = None,
    threads: int | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    copy: bool = True,
    **kwargs: Any,
) -> ThreadVectorEnv:
    """Makes N embedded worlds in one vector environment: the entry point of ``gymnasium.make_vec``.

    Args:
        num_envs: N.
        max_episode_steps: Steps after which an episode is truncated; None for no limit.
        threads: Number of worlds stepped in parallel; None for the number of processors.
        autoreset_mode: When an environment begins its next episode; see Gymnasium.
        copy: Whether to return copies of the observations, not arrays that the next step overwrites.
        **kwargs: Arguments of ``VoxelEnv``.

    Returns:
        The vector environment. Its worlds equal those of ``VoxelEnv`` with the same seeds.

    Raises:
        ValueError: ``num_envs`` is not an integer from 1 to ``MOST_WORLDS``, or an argument of ``VoxelEnv`` is invalid.
    """
    if not is_whole(num_envs) or num_envs < 1:
        raise ValueError(f"num_envs is {num_envs!r}; it must be a positive number of worlds")
    if num_envs > MOST_WORLDS:
        raise ValueError(
            f"num_envs is {num_envs}; one process takes at most {MOST_WORLDS:,} worlds, of about 5 MB each: "
            "share them out among several processes"
        )
    from vpt_gym.world.env import VoxelEnv

    def make() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = VoxelEnv(**kwargs)
        return env if max_episode_steps is None else gym.wrappers.TimeLimit(env, max_episode_steps)

    return ThreadVectorEnv([make] * num_envs, threads, autoreset_mode=autoreset_mode, copy=copy)
