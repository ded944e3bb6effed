"""Several worlds in one process, stepped by threads: the kernels run without Python's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate

Result = tuple[Any, ...]


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Ahead(gym.Wrapper[Any, Any, Any, Any]):
    """Plays a step before it is asked for, and hands the results over when they are."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._results: deque[Result] = deque()

    def play(self, action: Any, mode: AutoresetMode, ended: bool) -> None:
        """Does what a vector environment does with one of its environments in a step."""
        if mode == AutoresetMode.NEXT_STEP and ended:
            self._results.append(self.env.reset())
            return
        result = self.env.step(action)
        self._results.append(result)
        if mode == AutoresetMode.SAME_STEP and (result[2] or result[3]):
            self._results.append(self.env.reset())

    def step(self, action: Any) -> Any:
        """Returns the result of ``play``."""
        return self._results.popleft()

    def reset(self, **kwargs: Any) -> Any:
        """Returns the result of ``play``; without one, resets."""
        return self._results.popleft() if self._results else self.env.reset(**kwargs)

    def forget(self) -> None:
        """Drops results that nobody has asked for, after an error."""
        self._results.clear()


class ThreadVectorEnv(SyncVectorEnv[Any, Any]):
    """Gymnasium's ``SyncVectorEnv``, whose environments are stepped by threads.

    It pays for environments that spend their time outside Python's lock, as the embedded world does; there is neither
    a process to start nor an observation to send. All that is not said here is as in ``SyncVectorEnv``.

    Args:
        env_fns: Make the environments.
        threads: How many are stepped at a time; None for as many as there are processors.
        **kwargs: Of ``SyncVectorEnv``: ``copy``, ``observation_mode``, ``autoreset_mode``.

    Raises:
        ValueError: ``threads`` is not positive.
    """

    def __init__(
        self, env_fns: Iterable[Callable[[], gym.Env[Any, Any]]], threads: int | None = None, **kwargs: Any
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}; it must be at least 1, or None for one a processor")
        makers = [lambda make=make: _Ahead(make()) for make in env_fns]
        super().__init__(makers, **kwargs)
        self._threads = min(threads or _processors(), self.num_envs)
        self._pool = ThreadPoolExecutor(self._threads, "world") if self._threads > 1 else None
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments; see ``SyncVectorEnv``.

        Raises:
            Exception: The first error of an environment. Their episodes are to be begun anew then.
        """
        ended = self._autoreset_envs
        envs: list[Any] = list(self.envs)
        jobs = list(zip(envs, iterate(self.action_space, actions), ended.tolist(), strict=True))
        if self._pool is None:
            for env, action, over in jobs:
                self._play(env, action, over)
        else:
            # one job a thread: each takes every n-th environment
            shares = [self._pool.submit(self._play_all, jobs[k :: self._threads]) for k in range(self._threads)]
            errors = [error for share in shares if (error := share.exception()) is not None]
            if errors:
                for env in envs:
                    env.forget()
                raise errors[0]
        return super().step(actions)

    def _play(self, env: Any, action: Any, over: bool) -> None:
        if self.autoreset_mode == AutoresetMode.DISABLED and over:
            raise gym.error.ResetNeeded("an episode is over: reset(options={'reset_mask': ...}) begins the next one")
        env.play(action, self.autoreset_mode, over)

    def _play_all(self, jobs: list[tuple[Any, Any, bool]]) -> None:
        for job in jobs:
            self._play(*job)

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads and closes the environments."""
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.shutdown()
            self._pool = None
        super().close_extras(**kwargs)


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
        threads: How many worlds are stepped at a time; None for as many as there are processors.
        autoreset_mode: When an environment begins its next episode; see Gymnasium.
        copy: Return copies of the observations, not the arrays that the next step overwrites.
        **kwargs: Of ``VoxelEnv``.

    Returns:
        The vector environment; its worlds are those of ``VoxelEnv`` with the same seeds.
    """
    from vpt_gym.world.env import VoxelEnv

    def make() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = VoxelEnv(**kwargs)
        return env if max_episode_steps is None else gym.wrappers.TimeLimit(env, max_episode_steps)

    return ThreadVectorEnv([make] * num_envs, threads, autoreset_mode=autoreset_mode, copy=copy)
