"""The vector environment of a training run: threads for the embedded world, processes for environments that wait."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import gymnasium as gym
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from vpt_gym.wrappers.episode_seeds import EpisodeSeeds
from vpt_gym.wrappers.vector.thread_vector_env import ThreadVectorEnv

VectorKind: TypeAlias = Literal["auto", "threads", "processes", "sync"]
"""How the environments of a training run are stepped; see :func:`make_vector_env`."""

SKIPPED = 1000
"""The envs of a lost Ray worker leave out a multiple of so many seeds: how many they had played is unknown."""

_OWN_WORLD = "vpt_gym.world."
"""The module of the embedded world. Its environments release Python's global lock while they compute."""


def make_vector_env(
    make_env: Callable[[], gym.Env[Any, Any]], seeds: Sequence[Sequence[int]], kind: VectorKind = "auto"
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Makes N environments that are stepped together, with ``AutoresetMode.NEXT_STEP``.

    Args:
        make_env: Makes one. For processes it is pickled.
        seeds: The seeds of the episodes of each of the N environments, in their order (``EpisodeSeeds``).
        kind: ``"threads"`` (``ThreadVectorEnv``) suits environments that compute and release Python's global lock, as
            the embedded world does. ``"processes"`` (Gymnasium's ``AsyncVectorEnv``) suits those that wait for a game,
            such as MineDojo, or compute in Python. ``"sync"`` steps them one after the other. ``"auto"`` is threads
            for the embedded world, and processes for all others.

    Raises:
        ValueError: There is no environment to make.
    """
    if not seeds:
        raise ValueError("seeds is empty; it needs one sequence of seeds for each environment")
    if kind == "auto":
        env = make_env()
        kind = "threads" if type(env.unwrapped).__module__.startswith(_OWN_WORLD) else "processes"
        env.close()
    makers = [partial(_seeded, make_env, own) for own in seeds]
    if kind == "threads":
        return ThreadVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP)
    if kind == "sync":
        return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP)
    # not "fork": PyTorch's threads do not survive it
    context = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    return AsyncVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP, context=context)


def _seeded(make_env: Callable[[], gym.Env[Any, Any]], seeds: Sequence[int]) -> gym.Env[Any, Any]:
    return EpisodeSeeds(make_env(), seeds)
