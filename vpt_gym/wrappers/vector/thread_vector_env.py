"""Several environments in one process, stepped by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from copy import deepcopy
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import concatenate, iterate

from vpt_gym.spaces import TextArray
from vpt_gym.system.machine import usable_processors

if TYPE_CHECKING:
    _SyncVectorEnv = SyncVectorEnv[Any, Any]
else:  # before Gymnasium 1.4, SyncVectorEnv is not generic
    _SyncVectorEnv = SyncVectorEnv

_ROW_SPACES = (Box, Discrete, MultiBinary, MultiDiscrete, TextArray)
"""Spaces whose batches are arrays. Subclasses of them may be batched in another way."""

_ROOT = ""
"""Name of the observation itself, as if every space were in a ``Dict``."""


class _Leaf(NamedTuple):
    """An entry of an observation: an array, or a dict of the entries in ``below``."""

    name: str
    shape: tuple[int, ...]
    dtype: Any
    below: list[_Leaf]


def _leaves(parts: Mapping[str, gym.Space[Any]]) -> list[_Leaf] | None:
    """Lists the leaves of a dict of spaces; None if the batch of one of them is not an array."""
    leaves = []
    for name, space in parts.items():
        below = _leaves(space.spaces) if type(space) is Dict else []
        if below is None or not (below or type(space) in _ROW_SPACES):
            return None
        leaves.append(_Leaf(name, () if below else tuple(space.shape or ()), space.dtype, below))
    return leaves


def _empty(leaves: list[_Leaf], rows: int) -> dict[str, Any]:
    return {
        name: _empty(below, rows) if below else np.empty((rows, *shape), dtype) for name, shape, dtype, below in leaves
    }


def _write(leaves: list[_Leaf], batch: Any, row: int, observation: Any) -> None:
    """Writes an observation to its row of a batch, with the checks of ``gymnasium.vector.utils.concatenate``."""
    for name, shape, dtype, below in leaves:
        value = observation[name]
        if below:
            _write(below, batch[name], row, value)
        elif isinstance(value, (np.ndarray, np.generic)) and value.shape == shape and value.dtype == dtype:
            batch[name][row] = value
        else:
            np.stack([value], out=batch[name][row : row + 1])


class ThreadVectorEnv(_SyncVectorEnv):
    """Gymnasium's ``SyncVectorEnv``, whose environments are stepped by threads.

    It is faster for environments that release Python's global lock, such as the embedded world, and needs no processes
    and no transfer of observations. Each thread takes the next environment that is not yet stepped, the slowest first,
    and writes its observation to the batch. An observation space with entries that are not arrays is batched by
    Gymnasium instead, after the threads. ``info["final_obs"]`` is a copy. In all other respects it is a
    ``SyncVectorEnv``.

    Args:
        env_fns: Functions that make the environments.
        threads: How many environments are stepped at the same time; None for one per processor.
        **kwargs: Arguments of ``SyncVectorEnv``: ``copy``, ``observation_mode``, ``autoreset_mode``.

    Raises:
        ValueError: ``threads`` is not positive, or there is no function.
    """

    def __init__(
        self, env_fns: Iterable[Callable[[], gym.Env[Any, Any]]], threads: int | None = None, **kwargs: Any
    ) -> None:
        if threads is not None and not (isinstance(threads, int) and threads >= 1):
            raise ValueError(f"threads is {threads!r}; it must be at least 1, or None for one per processor")
        functions = list(env_fns)
        if not functions:
            raise ValueError("env_fns is empty; a vector environment needs at least one function that makes one")
        super().__init__(functions, **kwargs)
        self._threads = min(threads or usable_processors(), self.num_envs)
        # the thread that calls step() is one of the threads
        self._pool = ThreadPoolExecutor(self._threads - 1, "world") if self._threads > 1 else None
        self._seconds = np.zeros(self.num_envs)
        self._leaves = _leaves({_ROOT: self.single_observation_space})
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments; see ``SyncVectorEnv``.

        Raises:
            gymnasium.error.ResetNeeded: An episode is over and ``autoreset_mode`` is ``DISABLED``. Nothing was stepped.
            Exception: The first error of an environment. Reset all environments after it.
        """
        if self.autoreset_mode == AutoresetMode.DISABLED and self._autoreset_envs.any():
            raise gym.error.ResetNeeded(
                "an episode is over: start the next one with reset(options={'reset_mask': ...})"
            )
        each = dict(zip(range(self.num_envs), iterate(self.action_space, actions), strict=True))
        jobs = deque((i, each[i]) for i in self._longest_first())
        batch: Any = None
        if self._leaves is not None:
            batch = _empty(self._leaves, self.num_envs) if self.copy else {_ROOT: self._observations}
        reported: list[list[dict[str, Any]]] = [[] for _ in range(self.num_envs)]
        others: list[Future[None]] = []
        if self._pool is not None:
            others = [self._pool.submit(self._play, jobs, batch, reported) for _ in range(self._threads - 1)]
        try:
            self._play(jobs, batch, reported)
        finally:
            wait(others)
        for other in others:
            other.result()
        infos: dict[str, Any] = {}
        for i, parts in enumerate(reported):
            for part in parts:
                infos = self._add_info(infos, part, i)
        if batch is not None:
            observations = batch[_ROOT]
        else:
            self._observations = concatenate(self.single_observation_space, self._env_obs, self._observations)
            observations = deepcopy(self._observations) if self.copy else self._observations
        self._autoreset_envs = self._terminations | self._truncations
        return observations, self._rewards.copy(), self._terminations.copy(), self._truncations.copy(), infos

    def _longest_first(self) -> list[int]:
        """Returns the indices of all environments: first those to reset, then the others, slowest last step first.

        In this order the threads end at about the same time.
        """
        order: list[int] = np.lexsort((-self._seconds, ~self._autoreset_envs)).tolist()
        return order

    def _play(self, jobs: deque[tuple[int, Any]], batch: Any, reported: list[list[dict[str, Any]]]) -> None:
        """Steps environments until none is left. Several threads run it at once.

        Args:
            jobs: Index and action of each environment that is not yet stepped; they are removed from it.
            batch: Observations of all environments, or None; its rows are written.
            reported: The infos of each environment, in the order in which to add them; appended to.
        """
        while True:
            try:
                i, action = jobs.popleft()
            except IndexError:  # another thread took the last one
                return
            started = perf_counter()
            terminated = truncated = False
            if self.autoreset_mode == AutoresetMode.NEXT_STEP and self._autoreset_envs[i]:
                observation, info = self.envs[i].reset()
                self._rewards[i] = 0.0
            else:
                observation, self._rewards[i], terminated, truncated, info = self.envs[i].step(action)
            self._terminations[i], self._truncations[i] = terminated, truncated
            if self.autoreset_mode == AutoresetMode.SAME_STEP and (terminated or truncated):
                # a copy: some environments write their next observation to the same array
                reported[i].append({"final_obs": deepcopy(observation), "final_info": info})
                observation, info = self.envs[i].reset()
            reported[i].append(info)
            self._env_obs[i] = observation
            if self._leaves is not None:
                _write(self._leaves, batch, i, {_ROOT: observation})
            self._seconds[i] = perf_counter() - started

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads and closes the environments."""
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.shutdown()
            self._pool = None
        super().close_extras(**kwargs)
