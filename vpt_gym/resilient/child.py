"""The worker process of ``ResilientEnv``: builds the env and answers the parent's requests.

Each request gets one reply; both are pickled. A reply is the env's return value or a ``RemoteError``.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import cloudpickle
import gymnasium as gym
import psutil

from vpt_gym.legacy_gym import accept_reset_arguments, env_name
from vpt_gym.resilient.process_tree import kill_processes

PROGRAMMING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
    gym.error.Error,
    pickle.PickleError,
)
"""Exceptions that mean an error in the program (a bad action, a bug in a reward), not a failure of the game."""

DATA_ERRORS = (UnicodeError, json.JSONDecodeError)
"""Subclasses of ``ValueError`` that the data of a dying game causes."""


def is_programming_error(error: BaseException) -> bool:
    """Returns whether an exception means an error in the program; all others are failures of the game."""
    return isinstance(error, PROGRAMMING_ERRORS) and not isinstance(error, DATA_ERRORS)


@dataclass(frozen=True)
class RemoteError:
    """An exception in the worker, as reported to the parent.

    Attributes:
        summary: Type and message, as in the last line of a traceback.
        traceback: The complete traceback, as text.
        programming_error: The result of ``is_programming_error``.
        pickled: The exception itself, None if it cannot be pickled.
    """

    summary: str
    traceback: str
    programming_error: bool
    pickled: bytes | None

    @classmethod
    def of(cls, error: Exception) -> RemoteError:
        """Returns the description of an exception that is being handled."""
        try:
            pickled = _dumps(error)
            pickle.loads(pickled)  # many exceptions can be pickled but not unpickled
        except Exception:  # pickling runs code of the exception's class, which may raise anything
            pickled = None
        summary = traceback.format_exception_only(error)[-1].strip()
        return cls(summary, traceback.format_exc().strip(), is_programming_error(error), pickled)


@dataclass(frozen=True)
class Description:
    """The attributes of the worker's env that the parent copies."""

    action_space: gym.Space[Any]
    observation_space: gym.Space[Any]
    metadata: dict[str, Any]
    render_mode: str | None
    spec: Any
    env_name: str
    env_module: str


class _Requests:
    """The requests that the parent may send, one method each."""

    def __init__(self) -> None:
        self.closed = False
        self._env: gym.Env[Any, Any] | None = None

    @property
    def env(self) -> gym.Env[Any, Any]:
        assert self._env is not None, "make comes first"
        return self._env

    def make(self, env_fn: bytes) -> Description:
        env = pickle.loads(env_fn)()
        if not isinstance(env, gym.Env):
            raise TypeError(f"env_fn returned {env!r} ({type(env).__name__}); it must return a gymnasium.Env")
        accept_reset_arguments(env)
        self._env = env
        spec = env.spec
        try:
            _dumps(spec)
        except Exception:  # its kwargs may contain anything; the env works without it
            spec = None
        return Description(
            env.action_space,
            env.observation_space,
            env.metadata,
            env.render_mode,
            spec,
            env_name(env),
            type(env.unwrapped).__module__,
        )

    def reset(self, seed: int | None, options: dict[str, Any] | None) -> Any:
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        return self.env.step(action)

    def render(self) -> Any:
        return self.env.render()

    def close(self) -> None:
        self.closed = True
        self.env.close()

    def read(self, name: str) -> tuple[bool, Any]:
        """Returns (False, a copy of the attribute), or (True, None) for a callable."""
        value = self.env.get_wrapper_attr(name)
        if callable(value):
            return True, None
        if isinstance(value, gym.Env):
            raise AttributeError(f"{name!r} is an environment, which cannot leave the worker")
        try:
            _dumps(value)
        except Exception as error:
            raise AttributeError(f"{name!r} cannot be pickled, so it cannot be read from another process") from error
        return False, value

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.env.get_wrapper_attr(name)(*args, **kwargs)


def _dumps(value: Any) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except Exception:  # it may contain objects that only cloudpickle can pickle, which is slower
        pickled: bytes = cloudpickle.dumps(value)
        return pickled


def _answer(requests: _Requests, message: bytes) -> bytes:
    try:
        name, arguments = pickle.loads(message)
        method: Callable[..., Any] = getattr(requests, name)
        return _dumps(method(*arguments))
    except Exception as error:
        return pickle.dumps(RemoteError.of(error))


def _follow_parent(parent: int, marker: str, directory: str) -> None:
    """Waits until the parent has ended, then ends this process too.

    Runs in its own thread, since the main thread may hang in a socket forever.
    """
    me = psutil.Process()
    while (found := me.parent()) is not None and found.pid == parent:
        time.sleep(0.25)
    _vanish(marker, directory)


def _vanish(marker: str, directory: str) -> NoReturn:
    """Ends this process and all processes it has started, and removes its temporary directory."""
    kill_processes(marker, root=os.getpid(), spare_trackers=True)
    shutil.rmtree(directory, ignore_errors=True)  # nobody is left to report an error to
    os._exit(1)


def main() -> None:
    """Runs the worker.

    The last four of ``sys.argv`` are the pipe's file descriptor, the parent's process id, the name of the environment
    variable that marks this worker's processes, and the temporary directory.
    """
    descriptor, parent, (marker, directory) = int(sys.argv[-4]), int(sys.argv[-3]), sys.argv[-2:]
    del sys.argv[1:]
    threading.Thread(target=_follow_parent, args=(parent, marker, directory), daemon=True).start()
    os.set_inheritable(descriptor, False)  # or a game would keep the pipe open after this process has ended
    pipe = Connection(descriptor)
    requests = _Requests()
    while not requests.closed:
        try:
            pipe.send_bytes(_answer(requests, pipe.recv_bytes()))
        except (EOFError, OSError):  # the parent has ended, or has closed the pipe
            _vanish(marker, directory)
