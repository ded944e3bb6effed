"""Several worlds in one process, stepped by threads: the kernels run without Python's lock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from copy import deepcopy
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
"""Spaces whose batches are arrays. A space derived from one of them may be batched in another way."""


_ROOT = ""
"""Name of the whole observation, for spaces that are not ``Dict`` themselves."""


class _Leaf(NamedTuple):
    """Where an observation has an array, or (``below``) a dict of them."""

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
    """Writes an observation into its row of a batch, with the checks of ``gymnasium.vector.utils.concatenate``."""
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

    It pays for environments that spend their time outside Python's lock, as the embedded world does; there is neither
    a process to start nor an observation to send. Each thread takes the next environment that none has taken, the
    slowest first, and writes its observation into the batch itself; only an observation space with other parts than
    arrays is batched by Gymnasium, after the threads. All that is not said here is as in ``SyncVectorEnv``.

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
        super().__init__(list(env_fns), **kwargs)
        self._threads = min(threads or usable_processors(), self.num_envs)
        # the thread that calls step() is one of them
        self._pool = ThreadPoolExecutor(self._threads - 1, "world") if self._threads > 1 else None
        self._seconds = np.zeros(self.num_envs)
        self._leaves = _leaves({_ROOT: self.single_observation_space})
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments; see ``SyncVectorEnv``.

        Raises:
            gymnasium.error.ResetNeeded: An episode is over and ``autoreset_mode`` is ``DISABLED``. Nothing was stepped.
            Exception: The first error of an environment. All episodes are to be begun anew then.
        """
        if self.autoreset_mode == AutoresetMode.DISABLED and self._autoreset_envs.any():
            raise gym.error.ResetNeeded("an episode is over: reset(options={'reset_mask': ...}) begins the next one")
        each = dict(zip(range(self.num_envs), iterate(self.action_space, actions), strict=True))
        jobs = deque((i, each[i]) for i in self._longest_first())
        batch: Any = None
        if self._leaves is not None:
            batch = _empty(self._leaves, self.num_envs) if self.copy else {_ROOT: self._observations}
        told: list[list[dict[str, Any]]] = [[] for _ in range(self.num_envs)]
        others: list[Future[None]] = []
        if self._pool is not None:
            others = [self._pool.submit(self._play, jobs, batch, told) for _ in range(self._threads - 1)]
        try:
            self._play(jobs, batch, told)
        finally:
            wait(others)
        for other in others:
            other.result()
        infos: dict[str, Any] = {}
        for i, parts in enumerate(told):
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
        """Returns the indices of all environments: those to be reset, then by how long the last step took.

        The threads then end at about the same time.
        """
        order: list[int] = np.lexsort((-self._seconds, ~self._autoreset_envs)).tolist()
        return order

    def _play(self, jobs: deque[tuple[int, Any]], batch: Any, told: list[list[dict[str, Any]]]) -> None:
        """Steps environments until none is left; several threads do so at once.

        Args:
            jobs: Index and action of each environment not yet begun; taken from.
            batch: Observations of all environments, or None; rows of it are written.
            told: What each environment tells in its infos, in the order in which it is to be added; appended to.
        """
        while True:
            try:
                i, action = jobs.popleft()
            except IndexError:  # another thread took the last one
                return
            started = time.perf_counter()
            terminated = truncated = False
            if self.autoreset_mode == AutoresetMode.NEXT_STEP and self._autoreset_envs[i]:
                observation, info = self.envs[i].reset()
                self._rewards[i] = 0.0
            else:
                observation, self._rewards[i], terminated, truncated, info = self.envs[i].step(action)
            self._terminations[i], self._truncations[i] = terminated, truncated
            if self.autoreset_mode == AutoresetMode.SAME_STEP and (terminated or truncated):
                told[i].append({"final_obs": observation, "final_info": info})
                observation, info = self.envs[i].reset()
            told[i].append(info)
            self._env_obs[i] = observation
            if self._leaves is not None:
                _write(self._leaves, batch, i, {_ROOT: observation})
            self._seconds[i] = time.perf_counter() - started

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the threads and closes the environments."""
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.shutdown()
            self._pool = None
        super().close_extras(**kwargs)
