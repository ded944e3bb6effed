"""The parent's side of a worker process: starts it, exchanges messages with it and kills it."""

from __future__ import annotations

import math
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid
import warnings
from multiprocessing import Pipe

from vpt_gym.resilient.process_tree import kill_processes, signal_name
from vpt_gym.system import interpreter

# Unlike multiprocessing, this does not import the parent's main module again: a script needs no `__main__` guard, and a
# restart does not wait for the imports of a training program.
_PROGRAM = "from vpt_gym.resilient.child import main; main()"

_GLANCE = 0.5  # seconds between checks of a silent worker: if it is dead, its child may still keep the pipe open

_ENDING = 10.0  # seconds that a worker may take to end after its pipe is closed; an interpreter's exit takes some, too


class EnvFailure(RuntimeError):
    """An env crashed, hung or could not be built, as opposed to an error in the program that uses it.

    Attributes:
        traceback: The worker's traceback as text, "" if there is none.
    """

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.traceback = traceback

    def __str__(self) -> str:
        return str(self.args[0])


class Worker:
    """A Python process that answers messages, with its own session and temporary directory.

    Args:
        cwd: Its working directory, None for the caller's.
    """

    def __init__(self, cwd: str | None) -> None:
        self._owner = os.getpid()
        self._killed = False
        self._marker = f"VPT_GYM_WORKER_{uuid.uuid4().hex}"
        self._directory = tempfile.mkdtemp(prefix="vpt_gym-")
        self._lock = threading.RLock()  # one that a signal handler may enter again, to close the env
        self._pipe, theirs = Pipe()
        # for the limits of the pipe, which is a pair of sockets
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(self._pipe.fileno()))
        self._socket.setblocking(True)  # also where the program has called socket.setdefaulttimeout
        arguments = [str(theirs.fileno()), str(self._owner), self._marker, self._directory]
        try:
            self._process = subprocess.Popen(
                interpreter.command(_PROGRAM, *arguments),
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                env={**os.environ, "TMPDIR": self._directory, self._marker: "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal reaches only the parent, which then closes the worker
            )
        except BaseException:
            self._pipe.close()
            self._socket.close()
            shutil.rmtree(self._directory)
            raise
        finally:
            theirs.close()

    @property
    def is_mine(self) -> bool:
        """Whether this process started it. A fork of that process has a copy of this object, and of the pipe."""
        return os.getpid() == self._owner

    def exchange(self, message: bytes, doing: str, timeout: float | None) -> bytes:
        """Sends a message and returns the reply. Several threads may call it; one of them at a time is answered.

        Args:
            message: The message.
            doing: Name of the request, for error messages.
            timeout: Seconds until the reply, with those in which other threads are answered; None for no limit.

        Raises:
            EnvFailure: The worker died, or did not answer in time. Call ``kill`` then.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        if not self._lock.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)):
            raise _late(doing, timeout)
        try:
            self._limit_transfers(deadline)
            self._pipe.send_bytes(message)
            while not self._pipe.poll(max(0.0, min(_GLANCE, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise _late(doing, timeout)
                if self._process.poll() is not None and not self._pipe.poll():
                    raise EOFError
            return self._pipe.recv_bytes()
        except BlockingIOError as error:  # the worker no longer reads, or has not written all of its reply
            raise _late(doing, timeout) from error
        except (EOFError, OSError) as error:
            raise EnvFailure(f"{doing}: the env's process {self._ending()}") from error
        finally:
            self._lock.release()

    def _limit_transfers(self, deadline: float) -> None:
        """Sets how long a read or a write of the pipe may block: a message may be larger than the pipe's buffer."""
        seconds = 0.0 if deadline == math.inf else min(max(deadline - time.monotonic(), 0.001), 1e9)  # 0 is no limit
        limit = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))  # a timeval
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, limit)

    def wait(self, timeout: float | None) -> None:
        """Waits until the process has ended by itself.

        Raises:
            EnvFailure: It has not, after ``timeout`` seconds.
        """
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise EnvFailure(f"the env's process did not exit within {error.timeout:g} s of its close") from error

    def kill(self) -> None:
        """Kills the process and all processes it has started, reaps it and removes its temporary directory."""
        if self._killed or not self.is_mine:
            return
        self._killed = True
        root = self._process.pid if self._process.returncode is None else None  # a reaped process's id may be another's
        survivors = kill_processes(self._marker, root)
        if survivors:
            warnings.warn(f"these processes of an env cannot be killed: {survivors}", RuntimeWarning, stacklevel=2)
        else:
            self._process.wait()
        self._pipe.close()
        self._socket.close()
        try:
            shutil.rmtree(self._directory)
        except OSError as error:
            warnings.warn(f"cannot remove an env's temporary directory: {error}", RuntimeWarning, stacklevel=2)

    def _ending(self) -> str:
        """Returns how the process ended, as the end of a sentence."""
        try:
            code = self._process.wait(timeout=_ENDING)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code >= 0:
            return f"exited with code {code}"
        return f"was killed by signal {-code} ({signal_name(-code)})"


def _late(doing: str, timeout: float | None) -> EnvFailure:
    return EnvFailure(f"{doing}: the env did not answer within {timeout:g} s")
