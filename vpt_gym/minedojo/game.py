"""Starts and ends the process of a game: Minecraft as MineDojo launches it, or the embedded world instead.

MineDojo itself takes 3 seconds to end a game, leaves a zombie, and does not remove the temporary copy of Minecraft if
the game died before. Methods are rebound on one ``MinecraftInstance`` only.
"""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import psutil

from vpt_gym.minedojo.messages import receive, send
from vpt_gym.resilient.process_tree import signal_name

LAUNCHED_PORT = "***** Start MalmoEnvServer on port "
LAUNCHED = "CLIENT enter state: DORMANT"
"""A game prints this when it accepts connections; minedojo 0.1 waits for the same line."""
HELLO = b"<MalmoEnv0.37.0/>"
EXIT = b"<Exit>NOW</Exit>"

LOG_LINES, LOG_WIDTH = 12, 200
"""How many of the last lines of the game's output are reported, and how many characters of each."""

ANSWER_TIMEOUT = 240.0
"""Seconds that Minecraft may take for one answer while it makes a world: MineDojo's own limit."""

PATIENCE = 5.0
"""Seconds in which a game may end by itself."""
_GRACE = 2.0
"""Seconds between asking a process to end and killing it."""


class GameError(RuntimeError):
    """The game cannot be started, or did not start an episode. The message has the cause."""


class GameProcess:
    """The process of one ``MinecraftInstance``, ended cleanly by ``shut_down`` and at exit.

    Args:
        instance: MineDojo's instance, before its ``launch``. Its ``_destruct``, which MineDojo always calls to end
            it, is rebound to ``shut_down``, and its ``client_socket_recv_message``, by which MineDojo starts an
            episode, to ``receive``.
        answer_timeout: Seconds in which an answer must be complete while an episode starts.
    """

    def __init__(self, instance: Any, answer_timeout: float = ANSWER_TIMEOUT) -> None:
        self.instance = instance
        self._owner = os.getpid()
        self._lines: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._reader: threading.Thread | None = None
        self._ended = False
        self._lock = threading.Lock()
        instance._destruct = lambda should_close=False: self.shut_down()
        instance.client_socket_recv_message = lambda: bytes(
            receive(instance.client_socket, time.monotonic() + answer_timeout)
        )

    def launch(self, command: Sequence[str] | None) -> None:
        """Starts the game and waits until it accepts connections.

        Args:
            command: Command of the embedded world's server; None starts Minecraft as MineDojo does.

        Raises:
            GameError: The process ended while it started.
        """
        try:
            if command is None:
                self.instance.launch(replaceable=True)
            else:
                self._launch(command)
        except (EOFError, OSError) as error:
            output = str(error) if command is None else self.log()
            raise GameError(
                f"the game ended while it started. Its output ends with:\n{tail(output)}\n"
                "`vpt-gym doctor` checks what Minecraft needs"
            ) from error

    def _launch(self, command: Sequence[str]) -> None:
        # in its own session, so that Ctrl-C reaches only this process, which then ends the game. The game ends by
        # itself when this process, and with it the pipe, is gone
        process = psutil.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self.instance.minecraft_process = process
        for line in process.stdout:
            self._lines.append(line.rstrip())
            if LAUNCHED_PORT in line:
                self.instance._port = int(line.split(LAUNCHED_PORT)[1])
            if LAUNCHED in line:
                break
        else:
            raise EOFError("the process closed its output")
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        self.instance._starting = False
        self.instance.running = True

    def _read(self, output: Any) -> None:
        for line in output:
            self._lines.append(line.rstrip())

    def log(self) -> str:
        """Returns the last known lines of the game's output."""
        if self._reader is not None:
            self._reader.join(timeout=0.2)  # of a game that just died, the last lines may still be in the pipe
        if self._lines:
            return "\n".join(self._lines)
        # of Minecraft's output, MineDojo keeps the lines that look like errors
        return "\n".join(record.getMessage() for record in self.instance._output_stream)

    def ending(self, patience: float) -> str:
        """Returns how the process ended, or an empty text if it still runs after ``patience`` seconds."""
        process = self.instance.minecraft_process
        if process is None:
            return ""
        try:
            code = process.wait(timeout=patience)
        except psutil.TimeoutExpired:
            return ""
        if code is not None and code < 0:
            return f"the game's process was killed by {signal_name(-code)}"
        return f"the game's process ended with exit code {code}"

    def shut_down(self, patience: float = PATIENCE) -> None:
        """Ends the game and cleans up: processes, temporary directory, file descriptors, port.

        Args:
            patience: Seconds in which the game may end by itself; 0 for one that is known to hang.
        """
        if os.getpid() != self._owner:  # a fork of the owner has a copy of this object, and MineDojo's exit handler
            return
        with self._lock:
            if self._ended:
                return
            self._ended = True
        instance = self.instance
        instance.running = instance._starting = False
        connection, instance.client_socket = instance.client_socket, None
        if connection is not None:
            connection.close()
        process = instance.minecraft_process
        if process is not None:
            self._end(process, patience)
        if instance.instance_dir is not None:
            shutil.rmtree(instance.instance_dir, ignore_errors=True)
        pool = sys.modules[type(instance).__module__.rpartition(".")[0] + ".manager"].InstanceManager._instance_pool
        if instance in pool:
            pool.remove(instance)
        instance.release_lock()

    def _end(self, process: Any, patience: float) -> None:
        family = _descendants(process)
        if process.poll() is None and patience > 0 and self._asked_to_exit():
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=patience)
        family |= _descendants(process)
        for signalled in ("terminate", "kill") if patience > 0 else ("kill",):
            for member in (process, *family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    getattr(member, signalled)()
            psutil.wait_procs([process, *family], timeout=_GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its session; a child that outlived it is not in the list
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        reader = self._reader or getattr(self.instance, "_logger_thread", None)
        if reader is not None:
            reader.join(timeout=_GRACE)  # the thread ends with the pipe
        process.stdout.close()

    def _asked_to_exit(self) -> bool:
        """Requests on a second connection that the game ends; returns whether it answered."""
        if not self.instance.port:
            return False
        try:
            with socket.create_connection((self.instance.host, self.instance.port), timeout=1.0) as connection:
                for message in (HELLO, EXIT):
                    send(connection, message)
                return len(receive(connection, time.monotonic() + 1.0)) == 4
        except (OSError, EOFError, ValueError):
            return False


def embedded_command(level: str, seed: int) -> list[str]:
    """Returns the command that serves the embedded world on a free port, until this process ends."""
    where = ["--port", "0", "--level", level, "--seed", str(seed), "--exit-with-parent"]
    return [sys.executable, "-m", "vpt_gym.world.malmo", *where]


def _descendants(process: Any) -> set[Any]:
    try:
        return set(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def tail(text: str) -> str:
    """Returns the last ``LOG_LINES`` lines of a text, cut to ``LOG_WIDTH`` characters."""
    return "\n".join(line[:LOG_WIDTH] for line in text.strip().splitlines()[-LOG_LINES:])
