"""``ResilientEnv``: protects a program from crashes and hangs of its environment."""

from __future__ import annotations

import functools
import os
import pickle
import threading
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cloudpickle
import gymnasium as gym

from vpt_gym.resilient.child import Description, RemoteError
from vpt_gym.resilient.parent import EnvFailure, Worker
from vpt_gym.system.number import checked_seconds

__all__ = ["EnvFailure", "ResilientEnv"]


class WorkerTraceback(Exception):
    """The worker's traceback of an exception, shown as its cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class ResilientEnv(gym.Env[Any, Any]):
    """Runs another environment in its own process, and replaces that process when it fails.

    A game that hangs cannot be interrupted from within its process. ``ResilientEnv`` kills it with all processes that
    it has started, also those that left its process tree, and removes its temporary directory and the shared memory
    that it made with ``multiprocessing``. The next ``reset`` starts a new one.

    Exceptions of the env are of two kinds:

    - A *programming error* is raised to the caller, with the worker's traceback as its cause, and the env continues:
      ``ArithmeticError``, ``AssertionError``, ``AttributeError``, ``ImportError``, ``LookupError`` (``KeyError``,
      ``IndexError``), ``NameError``, ``NotImplementedError``, ``TypeError``, ``ValueError``,
      ``gymnasium.error.Error``, ``pickle.PickleError``, and their subclasses.
    - All others are *failures of the game*: ``OSError``, ``EOFError``, ``RuntimeError``, ``struct.error`` and so on,
      and two subclasses of ``ValueError``: ``UnicodeError`` and ``json.JSONDecodeError``. So are the end of the
      process and a missing answer.

    A failure in ``step`` ends the episode: it returns the last observation again, reward 0.0, ``truncated=True`` and
    ``info["env_error"]`` with the cause (and ``info["env_traceback"]``, if there is one). Do not learn from this
    transition. A failed ``reset`` is tried again with a new process. A failure anywhere else raises ``EnvFailure``, and
    the next ``step`` ends the episode as above. An env's own ``info["env_error"]`` is passed on unchanged.

    ``info["restarts"]`` of ``reset`` counts the replaced processes so far. The env in a new process does not know
    earlier seeds: pass ``reset`` a seed if episodes must be repeatable.

    Public attributes and methods of the env can be used: ``env.is_successful``, ``env.set_time(0)``. Attributes are
    read-only copies. However the program ends, the process ends within about a second after it, unless the env blocks
    all of Python's threads. Runs on Linux and macOS; scripts need no ``__main__`` guard, and it works in every vector
    environment.

    Args:
        env_fn: Function that makes the env in the worker; ``cloudpickle`` must be able to pickle it.
        reset_timeout: Seconds that a reset may take; None for no limit. MineDojo's first reset starts Java, and on a
            new machine Gradle first, which takes minutes.
        step_timeout: Seconds that a step, ``render`` or another method may take; None for no limit.
        close_timeout: Seconds that closing may take before the process is killed; None for no limit.
        start_timeout: Seconds that the start of the process and ``env_fn`` may take; None for no limit.
        reset_attempts: How many times a reset is tried, at least 1.
        cwd: Working directory of the worker, None for this process's. MineDojo writes ``logs/`` to it.

    Attributes:
        restarts: How many processes were replaced so far.
        env_name: Id of the env, or the name of its class.
        env_module: Module of its class. By it, an action translator tells environments of the same spaces apart.

    Raises:
        TypeError: ``env_fn`` is not callable or cannot be pickled.
        ValueError: Another argument is out of range.
        NotADirectoryError: ``cwd`` is not a directory.
        NotImplementedError: On Windows.
        EnvFailure: The env cannot be made; its ``__cause__`` is the exception of ``env_fn``, if there was one.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> def make():
        ...     return gym.make("vpt_gym/Harvest1Log-v0", image_size=(128, 128))
        >>> env = vpt_gym.ResilientEnv(make, step_timeout=60)
        >>> obs, info = env.reset(seed=0)
        >>> obs["rgb"].shape, info["restarts"]
        ((3, 128, 128), 0)
        >>> env.close()
    """

    stands_for_wrappers = True
    """Marks the end of the wrappers in this process: there may be more in the other one, and attributes that are read
    here are those of the topmost wrapper there that has them."""

    def __init__(
        self,
        env_fn: Callable[[], gym.Env[Any, Any]],
        reset_timeout: float | None = 600.0,
        step_timeout: float | None = 60.0,
        close_timeout: float | None = 30.0,
        *,
        start_timeout: float | None = 600.0,
        reset_attempts: int = 3,
        cwd: str | os.PathLike[str] | None = None,
    ) -> None:
        if os.name != "posix":
            raise NotImplementedError("ResilientEnv runs on Linux and macOS; on Windows, use it in WSL")
        self._reset_timeout = _seconds("reset_timeout", reset_timeout)
        self._step_timeout = _seconds("step_timeout", step_timeout)
        self._close_timeout = _seconds("close_timeout", close_timeout)
        self._start_timeout = _seconds("start_timeout", start_timeout)
        if not isinstance(reset_attempts, int) or isinstance(reset_attempts, bool) or reset_attempts < 1:
            raise ValueError(f"reset_attempts is {reset_attempts!r}; it must be an integer of at least 1")
        if cwd is not None and not os.path.isdir(cwd):
            raise NotADirectoryError(f"cwd is {os.fspath(cwd)!r}; it must be a directory that exists")
        self._reset_attempts = reset_attempts
        self._cwd = None if cwd is None else os.path.abspath(cwd)
        self._env_fn = _pickle_env_fn(env_fn)
        self._worker: Worker | None = None
        self._replacing = threading.RLock()  # held while a worker is dropped; a signal handler may enter it again
        self._failure = EnvFailure("no worker has been started")
        self._observed: bytes | None = None  # the reply with the last observation; None outside of an episode
        self._rendered: bytes | None = None
        self._closed = False
        self.restarts = 0
        description = self._start()
        self.action_space = description.action_space
        self.observation_space = description.observation_space
        self.metadata = description.metadata
        self.render_mode = description.render_mode
        self.spec = description.spec
        self.env_name, self.env_module = description.env_name, description.env_module

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode, in a new process if the last one has failed.

        Args:
            seed: Passed on to the env.
            options: Passed on to the env.

        Returns:
            The env's first observation and its ``info``, with ``restarts`` (int) added.

        Raises:
            EnvFailure: All attempts failed; the message lists the causes.
            gymnasium.error.ClosedEnvironmentError: After ``close``.
        """
        self._check_open()
        super().reset(seed=seed)
        self._observed = None
        failures: list[EnvFailure] = []
        while len(failures) < self._reset_attempts:
            try:
                if self._worker is None:
                    self.restarts += 1
                    self._start()
                (observation, info), reply = self._request("reset", seed, options, timeout=self._reset_timeout)
            except EnvFailure as failure:
                warnings.warn(f"the env failed; {failure}", RuntimeWarning, stacklevel=2)
                failures.append(failure)
            else:
                self._observed = reply
                return observation, {**info, "restarts": self.restarts}
        causes = "; ".join(f"{number}. {failure}" for number, failure in enumerate(failures, 1))
        raise EnvFailure(
            f"reset failed {len(failures)} times: {causes}", "\n".join(failure.traceback for failure in failures)
        ) from failures[-1]

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Plays one action.

        Returns:
            The result of the env. After a failure: the last observation (a copy), 0.0, False, True and ``info`` with
            ``env_error`` (str) and, if there is one, ``env_traceback`` (str).

        Raises:
            gymnasium.error.ResetNeeded: Before the first ``reset``, and after a failure.
            gymnasium.error.ClosedEnvironmentError: After ``close``.
        """
        self._check_open()
        if self._observed is None:
            raise gym.error.ResetNeeded("call reset() before step()")
        try:
            result, reply = self._request("step", action, timeout=self._step_timeout)
        except EnvFailure as failure:
            observation = pickle.loads(self._observed)[0]
            self._observed = None
            info = {"env_error": str(failure)}
            if failure.traceback:
                info["env_traceback"] = failure.traceback
            return observation, 0.0, False, True, info
        self._observed = reply
        return result  # type: ignore[no-any-return]

    def render(self) -> Any:
        """Returns the env's picture; after a failure, the last one.

        Raises:
            EnvFailure: The env failed, and nothing was rendered before.
            gymnasium.error.ClosedEnvironmentError: After ``close``.
        """
        self._check_open()
        try:
            picture, self._rendered = self._request("render", timeout=self._step_timeout)
        except EnvFailure:
            if self._rendered is None:
                raise
            return pickle.loads(self._rendered)
        return picture

    def close(self) -> None:
        """Closes the env and ends its process, by force if it does not end in time. A second call does nothing."""
        self._closed = True
        worker = self._worker
        if worker is None or not worker.is_mine:  # the env of a process of which this one is a fork goes on
            return
        try:
            self._request("close", timeout=self._close_timeout)
            worker.wait(self._close_timeout)
        except EnvFailure as failure:
            warnings.warn(f"the env was ended by force; {failure}", RuntimeWarning, stacklevel=2)
        finally:
            self._drop_worker()

    def set_wrapper_attr(self, name: str, value: Any, *, force: bool = True) -> bool:
        """Sets an attribute of this object. Those of the env are read-only: a new process would not have the change.

        Raises:
            AttributeError: ``name`` is an attribute of the env.
        """
        if name not in vars(self) and not hasattr(type(self), name) and hasattr(self, name):
            raise AttributeError(f"{name!r} belongs to the env in another process; set it in env_fn")
        return super().set_wrapper_attr(name, value, force=force)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuses copies: a copy would close the pipe of this object's process.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a ResilientEnv is a process, which cannot be copied or pickled; make another one")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if self._worker is None:
            raise AttributeError(f"{name!r} cannot be read: the env is closed or has failed ({self._failure})")
        try:
            (is_method, value), _ = self._request("read", name, timeout=self._step_timeout)
        except pickle.UnpicklingError as error:
            raise AttributeError(f"{name!r} cannot be read from another process: {error}") from error
        return functools.partial(self._call, name) if is_method else value

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._check_open()
        return self._request("call", name, args, kwargs, timeout=self._step_timeout)[0]

    def _check_open(self) -> None:
        if self._closed:
            raise gym.error.ClosedEnvironmentError("the env is closed; make a new one")

    def _start(self) -> Description:
        """Starts a worker and makes the env in it."""
        try:
            worker = self._worker = Worker(self._cwd)
        except OSError as error:
            raise EnvFailure(f"make: cannot start a process: {error}") from error
        # also when this object is collected or the program ends without a close
        self._finalizer = weakref.finalize(self, worker.kill)
        try:
            description: Description = self._request("make", self._env_fn, timeout=self._start_timeout)[0]
        except EnvFailure:
            raise
        except Exception as error:  # of env_fn, so of any type
            failure = EnvFailure(f"make: {type(error).__name__}: {error}", str(error.__cause__ or ""))
            self._lose_worker(worker, failure)
            raise failure from error
        return description

    def _request(self, name: str, *arguments: Any, timeout: float | None) -> tuple[Any, bytes]:
        """Sends the worker a request; returns the reply, unpickled and pickled.

        Raises:
            EnvFailure: The env has failed, and the worker is gone.
            Exception: A programming error of the env.
            pickle.UnpicklingError: The answer cannot be unpickled here.
            RuntimeError: This process is a fork of the one that made the env, whose replies it would take.
        """
        worker = self._worker
        if worker is None:
            raise self._failure
        if not worker.is_mine:
            raise RuntimeError(
                "this ResilientEnv was made in another process, of which this one is a fork; make it here"
            )
        message = cloudpickle.dumps((name, arguments))
        try:
            reply = worker.exchange(message, name, timeout)
        except EnvFailure as lost:
            self._lose_worker(worker, lost)
            raise
        except BaseException as interruption:  # Ctrl-C: the late reply would be mistaken for the next one
            failure = EnvFailure(f"{name}: {type(interruption).__name__} in the program while it waited")
            self._lose_worker(worker, failure)
            raise
        try:
            value = pickle.loads(reply)
        except Exception as cause:  # it runs code of the objects' classes, which may be importable only in the worker
            raise pickle.UnpicklingError(
                f"the env's answer to {name} cannot be unpickled in this process ({type(cause).__name__}: {cause})"
            ) from cause
        if not isinstance(value, RemoteError):
            return value, reply
        error = _exception(value)
        if value.programming_error:
            raise error
        failure = EnvFailure(f"{name}: {value.summary}", value.traceback)
        self._lose_worker(worker, failure)
        raise failure from error

    def _lose_worker(self, worker: Worker, failure: EnvFailure) -> None:
        """Drops a worker, unless another thread has done so before: its ``reset`` may have started the next one."""
        with self._replacing:
            if self._worker is worker:
                self._failure = failure
                self._drop_worker()

    def _drop_worker(self) -> None:
        with self._replacing:
            self._finalizer()
            self._worker = None


def _exception(remote: RemoteError) -> Exception:
    """Returns the worker's exception with its traceback; a ``RuntimeError`` if it cannot be unpickled."""
    error: Exception = RuntimeError(remote.summary)
    if remote.pickled is not None:
        with suppress(Exception):  # its class may exist only in the worker; the text has the same facts
            error = pickle.loads(remote.pickled)
    error.__cause__ = WorkerTraceback(remote.traceback)
    return error


def _pickle_env_fn(env_fn: object) -> bytes:
    if not callable(env_fn):
        raise TypeError(f"env_fn is {env_fn!r}; it must be a function that returns a gymnasium.Env")
    try:
        pickled: bytes = cloudpickle.dumps(env_fn)
    except Exception as error:  # pickling runs code of the objects that the function refers to
        raise TypeError(
            f"env_fn {env_fn!r} cannot be pickled ({error}); make the env and everything it needs inside the function"
        ) from error
    return pickled


def _seconds(name: str, value: Any) -> float | None:
    return None if value is None else checked_seconds(name, value, ", or None for no limit")
