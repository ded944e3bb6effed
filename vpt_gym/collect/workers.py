"""Workers that play the episodes of a recording: one in this process, or several in their own processes."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Protocol

from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.session import EpisodeInterrupted, Recording, RecordingSession

PATIENCE = 20.0
"""Seconds that a process gets to stop its episode and to close its env."""


class WorkerPool(Protocol):
    """Plays episodes, several at the same time."""

    @property
    def idle(self) -> int:
        """The number of free workers."""

    @property
    def playing(self) -> int:
        """The number of running episodes."""

    def start(self, seed: int) -> None:
        """Starts the episode of a seed on a free worker; there must be one."""

    def wait(self) -> Episode:
        """Waits until an episode ends, and returns it."""


class LocalWorker:
    """Plays episodes in this process, one after the other."""

    def __init__(self, recording: Recording) -> None:
        self._session = RecordingSession(recording)
        self._seeds: list[int] = []

    @property
    def idle(self) -> int:
        """The number of free workers."""
        return 1 - self.playing

    @property
    def playing(self) -> int:
        """The number of running episodes."""
        return len(self._seeds)

    def start(self, seed: int) -> None:
        """Starts the episode of a seed."""
        self._seeds.append(seed)

    def wait(self) -> Episode:
        """Plays the started episode, and returns it."""
        return self._session.play(self._seeds.pop())

    def __enter__(self) -> LocalWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()


class ProcessPool:
    """Plays episodes in worker processes, each with its own env.

    A worker exits when its connection closes, and discards the episode that it is playing. So no worker outlives this
    process, even if this process is killed.

    Args:
        recording: What to record.
        count: Number of processes.
    """

    def __init__(self, recording: Recording, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection[Any, Any], SpawnProcess] = {}
        self._seeds: dict[Connection[Any, Any], int] = {}
        try:
            for number in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_run_worker, args=(recording, theirs), name=f"vpt-gym record {number}", daemon=False
                )
                with theirs, _no_interrupt():
                    process.start()
                self._processes[ours] = process
            for connection in self._processes:  # in order, so that the first error is raised
                self._receive(connection)
        except BaseException:
            self._stop()
            raise

    @property
    def idle(self) -> int:
        """The number of free workers."""
        return len(self._processes) - len(self._seeds)

    @property
    def playing(self) -> int:
        """The number of running episodes."""
        return len(self._seeds)

    def start(self, seed: int) -> None:
        """Starts the episode of a seed."""
        connection = next(connection for connection in self._processes if connection not in self._seeds)
        self._seeds[connection] = seed
        with suppress(BrokenPipeError, ConnectionResetError):  # the process has died: ``wait`` raises
            connection.send(seed)

    def wait(self) -> Episode:
        """Waits until an episode ends, and returns it.

        Raises:
            RuntimeError: A worker process died.
            Exception: The error that a worker raised.
        """
        ready: Any = wait(list(self._seeds))[0]
        episode: Episode = self._receive(ready)
        del self._seeds[ready]
        return episode

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _receive(self, connection: Connection[Any, Any]) -> Any:
        try:
            answer = connection.recv()
        except (EOFError, ConnectionResetError) as error:
            process = self._processes[connection]
            process.join(PATIENCE)
            what = f"played seed {self._seeds[connection]}" if connection in self._seeds else "was making its env"
            raise RuntimeError(
                f"the process that {what} died (exit code {process.exitcode}; -9: killed, perhaps because memory ran "
                "out). Finished demos stay: run the same command again, or with fewer envs"
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _stop(self) -> None:
        try:
            for connection in self._processes:
                connection.close()
            deadline = time.monotonic() + PATIENCE
            for process in self._processes.values():
                process.join(max(0.0, deadline - time.monotonic()))
        finally:  # also after a second interrupt
            for process in self._processes.values():
                if process.is_alive():
                    process.kill()
                process.join()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Makes processes started in the block ignore Ctrl+C, which a terminal sends to all; this process handles it."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run_worker(recording: Recording, connection: Connection[Any, Any]) -> None:
    """Plays an episode for each seed that it receives, until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with connection:
        try:
            session = RecordingSession(recording)
        except Exception as error:
            _send_error(connection, error)
            return
        with closing(session):
            try:
                connection.send(None)
                while True:
                    seed = connection.recv()
                    # no seed is sent during an episode: if there is something to read, the connection was closed
                    connection.send(session.play(seed, interrupted=connection.poll))
            except (EpisodeInterrupted, EOFError, BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:
                _send_error(connection, error)


def _send_error(connection: Connection[Any, Any], error: Exception) -> None:
    try:
        pickle.loads(pickle.dumps(error))  # many exceptions can be pickled but not unpickled
    except Exception:  # its class may raise anything
        error = RuntimeError(f"{type(error).__name__}: {error}")
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone
        connection.send(error)
