"""Episodes that are played side by side: in this process, or each env in one of its own."""

from __future__ import annotations

import multiprocessing
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
"""Seconds that a process gets to break its episode off and to close its env."""


class WorkerPool(Protocol):
    """Plays episodes, some at a time."""

    @property
    def idle(self) -> int:
        """How many more could be started now."""

    @property
    def playing(self) -> int:
        """How many are being played."""

    def start(self, seed: int) -> None:
        """Has the episode of a seed played; only where there is an idle place."""

    def wait(self) -> Episode:
        """Waits until an episode has ended, and returns it."""


class LocalWorker:
    """Plays in this process, one episode at a time."""

    def __init__(self, recording: Recording) -> None:
        self._session = RecordingSession(recording)
        self._seeds: list[int] = []

    @property
    def idle(self) -> int:
        """How many more could be started now."""
        return 1 - self.playing

    @property
    def playing(self) -> int:
        """How many are being played."""
        return len(self._seeds)

    def start(self, seed: int) -> None:
        """Has the episode of a seed played."""
        self._seeds.append(seed)

    def wait(self) -> Episode:
        """Plays the episode, and returns it."""
        return self._session.play(self._seeds.pop())

    def __enter__(self) -> LocalWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()


class ProcessPool:
    """Plays in processes, one episode at a time in each.

    A process ends when its connection does: nothing of the episode that it plays then stays. So nothing goes on
    playing after this process has died, however it did.

    Args:
        recording: What to record.
        count: How many processes.
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
            for connection in self._processes:  # one after the other: the first error is told
                self._receive(connection)
        except BaseException:
            self._stop()
            raise

    @property
    def idle(self) -> int:
        """How many more could be started now."""
        return len(self._processes) - len(self._seeds)

    @property
    def playing(self) -> int:
        """How many are being played."""
        return len(self._seeds)

    def start(self, seed: int) -> None:
        """Has the episode of a seed played."""
        connection = next(connection for connection in self._processes if connection not in self._seeds)
        self._seeds[connection] = seed
        with suppress(BrokenPipeError, ConnectionResetError):  # it has died: ``wait`` tells of that
            connection.send(seed)

    def wait(self) -> Episode:
        """Waits until an episode has ended, and returns it.

        Raises:
            RuntimeError: A process has died.
            Exception: What a process raised.
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
            what = f"played seed {self._seeds[connection]}" if connection in self._seeds else "made its env"
            raise RuntimeError(
                f"the process that {what} died (exit code {process.exitcode}; -9: killed, maybe for want of memory). "
                "Finished demos stay: run the same again, or with fewer envs"
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
        finally:  # another interrupt ends the patience
            for process in self._processes.values():
                if process.is_alive():
                    process.kill()
                process.join()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Ctrl+C reaches every process of a terminal; those started in the block leave it to this one."""
    if threading.current_thread() is not threading.main_thread():  # only there handlers can be set
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run_worker(recording: Recording, connection: Connection[Any, Any]) -> None:
    """Plays the episodes of the seeds that come, until the connection ends."""
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
                    # no seed is sent while one is played: what can be read then is the end of the connection
                    connection.send(session.play(seed, interrupted=connection.poll))
            except (EpisodeInterrupted, EOFError, BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:
                _send_error(connection, error)


def _send_error(connection: Connection[Any, Any], error: Exception) -> None:
    try:
        connection.send(error)
    except (BrokenPipeError, ConnectionResetError):  # nobody is there any more
        return
    except Exception:  # it cannot be pickled
        connection.send(RuntimeError(f"{type(error).__name__}: {error}"))
