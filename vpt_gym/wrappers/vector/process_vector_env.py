"""Several vector environments, each in a process of its own, as one."""

from __future__ import annotations

import os
import pickle
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from vpt_gym.resilient.child import RemoteError, dumps
from vpt_gym.resilient.parent import EnvFailure, Worker, pickle_function, receive_all
from vpt_gym.wrappers.vector.process_worker import VectorDescription
from vpt_gym.wrappers.vector.row_batches import add_infos, copied, joined, rows_of
from vpt_gym.wrappers.vector.shared_batch import open_memory, shared_batch
from vpt_gym.wrappers.vector.thread_vector_env import check_no_reset_needed

_PROGRAM = "from vpt_gym.wrappers.vector.process_worker import main; main()"

_PATIENCE = 10.0
"""Seconds that all workers together may take to close their environments before they are killed."""


class ProcessVectorEnv(VectorEnv[Any, Any, Any]):
    """One vector environment whose parts are played by worker processes.

    Each worker makes a vector environment and writes its observations to memory that this process shares. Actions,
    rewards and infos go through a pipe. Results equal those of one vector environment with the environments of all
    parts, and so do ``call``, ``get_attr`` and ``set_attr`` (which those of the parts must have). Observations that are
    not arrays, such as texts, go through the pipe too.

    It pays where environments compute for milliseconds, on as many workers as there are processors. Workers are new
    Python processes: a script needs no ``__main__`` guard. They end with this process, however it ends::

        def make():
            return ThreadVectorEnv([make_one] * 4, threads=1, copy=False)

        envs = ProcessVectorEnv([make] * 2)  # 8 environments

    Args:
        env_fns: Functions that make the parts, in order; ``cloudpickle`` must be able to pickle them. The parts need
            no copies of their own (``copy=False``).
        copy: Whether to return copies of the observations, not arrays that the next step overwrites.

    Attributes:
        autoreset_mode: That of the parts.
        process_ids: The process of each worker.

    Raises:
        TypeError: A function cannot be pickled, or does not return a vector environment.
        ValueError: There is no function, or the parts differ in spaces or autoreset mode.
        NotImplementedError: On Windows.
        vpt_gym.resilient.env.EnvFailure: A worker died.
        Exception: The error that a function raised.
    """

    def __init__(self, env_fns: Iterable[Callable[[], VectorEnv[Any, Any, Any]]], *, copy: bool = True) -> None:
        self.closed = True  # until there is something to close
        if os.name != "posix":
            raise NotImplementedError("ProcessVectorEnv runs on Linux and macOS; on Windows, use it in WSL")
        pickled = [
            pickle_function(env_fn, f"env_fns[{number}]", "a vector environment")
            for number, env_fn in enumerate(env_fns)
        ]
        if not pickled:
            raise ValueError("env_fns is empty; it needs at least one function that makes a vector environment")
        self.copy = copy
        self._failure: EnvFailure | None = None
        self._workers: list[Worker] = []
        memory = open_memory()
        # also when this object is collected or the program ends without a close
        self._kill = weakref.finalize(self, _kill_all, self._workers)
        self.closed = False
        try:
            for number in range(len(pickled)):
                self._workers.append(Worker(program=_PROGRAM, name=f"worker {number}", files=[memory]))
            parts: list[VectorDescription] = self._ask("make", [(env_fn,) for env_fn in pickled])
            self._describe(parts)
            self._shared = shared_batch(self.single_observation_space, self.num_envs, memory)
            if self._shared is not None:
                self._ask("share", [(memory, rows.start, self.num_envs) for rows in self._rows])
        except BaseException:
            self._kill()
            self.closed = True
            raise
        finally:
            os.close(memory)
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._observed: list[Any] = [None] * len(self._workers)

    def _describe(self, parts: Sequence[VectorDescription]) -> None:
        """Takes the attributes of the parts."""
        first = parts[0]
        mode = first.metadata.get("autoreset_mode")
        for number, part in enumerate(parts):
            for name in ("single_observation_space", "single_action_space"):
                if getattr(part, name) != getattr(first, name):
                    raise ValueError(
                        f"{name} of worker {number} is {getattr(part, name)}, that of worker 0 {getattr(first, name)}; "
                        "they must be equal"
                    )
            if part.metadata.get("autoreset_mode") != mode:
                raise ValueError(
                    f"autoreset_mode of worker {number} is {part.metadata.get('autoreset_mode')}, that of worker 0 "
                    f"{mode}; they must be equal"
                )
        ends = np.cumsum([0, *(part.num_envs for part in parts)]).tolist()
        self._rows = [slice(start, stop) for start, stop in pairwise(ends)]
        self.num_envs = ends[-1]
        for number, (worker, rows) in enumerate(zip(self._workers, self._rows, strict=True)):
            worker.name = f"worker {number} (process {worker.pid}, environments {rows.start} to {rows.stop - 1})"
        self.process_ids = tuple(worker.pid for worker in self._workers)
        self.single_observation_space = first.single_observation_space
        self.single_action_space = first.single_action_space
        self.observation_space = batch_space(first.single_observation_space, self.num_envs)
        self.action_space = batch_space(first.single_action_space, self.num_envs)
        self.metadata = dict(first.metadata)
        self.autoreset_mode = mode
        self.render_mode = first.render_mode

    @property
    def np_random_seed(self) -> Any:
        """The seeds of the environments' random generators, a tuple."""
        return self.get_attr("np_random_seed")

    @property  # type: ignore[misc] # read-only, as in SyncVectorEnv
    def np_random(self) -> Any:
        """Copies of the environments' random generators, a tuple."""
        return self.get_attr("np_random")

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all environments, or those where ``options["reset_mask"]``, (N,) bool, is True.

        Args:
            seed: None, the seed of the first environment (the next one gets ``seed + 1``), or the seed of each.
            options: Passed on to the environments.

        Raises:
            ValueError: The number of seeds, or the shape of the mask, is wrong; or the mask is False everywhere.
            TypeError: The mask is not an array of bool.
        """
        seeds: Any = [None] * self.num_envs if seed is None else seed
        if isinstance(seed, int | np.integer):
            seeds = [int(seed) + i for i in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed has {len(seeds)} entries; there are {self.num_envs} environments")
        options = dict(options) if options is not None else None
        mask = np.ones(self.num_envs, np.bool_)
        masked = options is not None and "reset_mask" in options
        if options is not None and masked:
            mask = _check_mask(options["reset_mask"], self.num_envs)
        arguments: list[tuple[Any, ...] | None] = []
        for rows in self._rows:
            own = {**options, "reset_mask": mask[rows]} if options is not None and masked else options
            arguments.append((list(seeds[rows]), own) if mask[rows].any() else None)
        self._ended &= ~mask
        results = self._ask("reset", arguments)
        return self._observations([result and result[0] for result in results]), self._infos(
            [result[1] if result else {} for result in results]
        )

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments.

        Raises:
            ValueError: The number of actions is wrong. Nothing was stepped.
            gymnasium.error.ResetNeeded: An episode is over and the autoreset mode is ``DISABLED``. Nothing was stepped.
            vpt_gym.resilient.env.EnvFailure: A worker died. Make a new vector environment.
            Exception: The first error of an environment, with the worker and its traceback as the cause. Reset all
                environments after it.
        """
        check_no_reset_needed(self.autoreset_mode, self._ended)
        each = [(rows_of(self.single_action_space, actions, rows, self.num_envs),) for rows in self._rows]
        results = self._ask("step", each)
        observations, rewards, terminated, truncated, infos = zip(*results, strict=True)
        ends = [np.concatenate(parts) for parts in (rewards, terminated, truncated)]
        self._ended = ends[1] | ends[2]
        return self._observations(observations), *ends, self._infos(infos)

    def render(self) -> Any:
        """Returns the pictures of all environments, a tuple; None if there are none."""
        return self._joined("render", [()] * len(self._workers))

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Calls a method of each environment and returns the results, or copies of an attribute: a tuple."""
        return self._joined("call", [(name, args, kwargs)] * len(self._workers))

    def get_attr(self, name: str) -> Any:
        """Returns copies of an attribute of each environment, a tuple."""
        return self._joined("get_attr", [(name,)] * len(self._workers))

    def set_attr(self, name: str, values: Any) -> None:
        """Sets an attribute of each environment: to its entry of a list or tuple, or all to the same value.

        Raises:
            ValueError: The number of values is wrong.
        """
        every = values if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(every) != self.num_envs:
            raise ValueError(f"values has {len(every)} entries; there are {self.num_envs} environments")
        self._ask("set_attr", [(name, list(every[rows])) for rows in self._rows])

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the environments and ends the workers, by force if they do not end in time."""
        if not all(worker.is_mine for worker in self._workers):  # this is a fork; the environments go on without it
            return
        errors: list[Exception] = []
        try:
            if self._failure is None:
                errors = self._close_parts()
        except EnvFailure as failure:
            gym.logger.warn(f"the workers of a vector environment were ended by force; {failure}")
        finally:
            self._kill()
            self._shared = None
        if errors:
            raise errors[0]

    def _close_parts(self) -> list[Exception]:
        """Asks all workers to close and to end; returns the errors of their environments."""
        for worker in self._workers:
            worker.send(pickle.dumps(("close", ())), "close")
        deadline = time.monotonic() + _PATIENCE
        replies = []
        for worker in self._workers:
            replies.append(pickle.loads(worker.receive("close", max(0.0, deadline - time.monotonic()))))
            worker.wait(max(0.0, deadline - time.monotonic()))
        return [
            reply.exception(f"close: {worker.name} raised this")
            for worker, reply in zip(self._workers, replies, strict=True)
            if isinstance(reply, RemoteError)
        ]

    def _ask(self, request: str, arguments: Sequence[tuple[Any, ...] | None]) -> list[Any]:
        """Sends a request to the workers and returns their replies; None where the arguments are None.

        Raises:
            EnvFailure: A worker died; all are killed.
            Exception: The first error of an environment.
        """
        if self.closed:
            raise gym.error.ClosedEnvironmentError("the vector environment is closed; make a new one")
        if self._failure is not None:
            raise EnvFailure(f"{self._failure}; make a new vector environment")
        if not self._workers[0].is_mine:
            raise RuntimeError(
                "this ProcessVectorEnv was made in another process, of which this one is a fork; make it here"
            )
        # actions are arrays, which pickle does in a tenth of the time; all else may have classes of the main module
        pack = dumps if request == "step" else cloudpickle.dumps
        messages = [None if own is None else pack((request, own)) for own in arguments]
        asked = [worker for worker, message in zip(self._workers, messages, strict=True) if message is not None]
        try:
            for worker, message in zip(self._workers, messages, strict=True):
                if message is not None:
                    worker.send(message, request)
            answers = dict(zip(asked, receive_all(asked, request), strict=True))
        except EnvFailure as lost:
            self._lose(lost)
            raise
        except BaseException as interruption:  # Ctrl-C: late replies would be mistaken for the next ones
            self._lose(EnvFailure(f"{request}: {type(interruption).__name__} in the program while it waited"))
            raise
        replies = []
        for worker in self._workers:
            reply = pickle.loads(answers[worker]) if worker in answers else None
            if isinstance(reply, RemoteError):
                raise reply.exception(f"{request}: {worker.name} raised this")
            replies.append(reply)
        return replies

    def _lose(self, failure: EnvFailure) -> None:
        self._failure = failure
        self._kill()

    def _joined(self, request: str, arguments: Sequence[tuple[Any, ...]]) -> Any:
        results = self._ask(request, arguments)
        if any(result is None for result in results):
            return None
        return tuple(value for result in results for value in result)

    def _observations(self, parts: Sequence[Any]) -> Any:
        """Returns the observations of all environments."""
        if self._shared is not None:
            return copied(self._shared) if self.copy else self._shared
        self._observed = [old if new is None else new for old, new in zip(self._observed, parts, strict=True)]
        return joined(
            self.single_observation_space,
            [(rows.stop - rows.start, part) for rows, part in zip(self._rows, self._observed, strict=True)],
        )

    def _infos(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        for rows, part in zip(self._rows, parts, strict=True):
            add_infos(infos, part, rows, self.num_envs)
        return infos


def _kill_all(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.kill()


def _check_mask(mask: Any, total: int) -> npt.NDArray[np.bool_]:
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(f"options['reset_mask'] is {mask!r}; it must be an array of bool")
    if mask.shape != (total,) or not mask.any():
        raise ValueError(f"options['reset_mask'] is {mask!r}; it must have {total} entries, at least one of them True")
    return mask
