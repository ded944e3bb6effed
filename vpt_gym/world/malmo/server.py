"""``MalmoServer``: listens for clients and serves each in its own thread. ``serve``: runs one in the foreground."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable

from gymnasium.utils import seeding

from vpt_gym.system.flags import checks_flags
from vpt_gym.world.malmo.connection import Connection
from vpt_gym.world.malmo.episode import Episode
from vpt_gym.world.malmo.mission import Grid, Mission, Ray
from vpt_gym.world.terrain.generate import LEVELS

STATISTICS = ("full", "minimal")
JOIN_SECONDS = 2.0
LONGEST_LINE = 2000
"""Most characters that are printed of one line, since it may quote a client's message."""
SEND_BUFFER = 1 << 20
"""Bytes. A complete reply fits, so that the server does not wait until the client has read it."""


def _print(line: str) -> None:
    """Prints one line of ASCII and flushes it. If nobody reads standard output, the line is dropped."""
    text = line[:LONGEST_LINE].replace("\n", " ").encode("ascii", "backslashreplace").decode()
    with contextlib.suppress(OSError):  # the reader has closed the pipe
        print(text, flush=True)


class MalmoServer:
    """Serves the embedded world over the MalmoEnv 0.37.0 protocol. It listens as soon as it is constructed.

    Args:
        port: Port to listen on, 0 for any free one.
        host: Address to listen on. With any other than the loopback address, everyone who can reach the machine can
            play, and can stop the server.
        level: The world's level, one of ``LEVELS``.
        seed: Seed for the worlds of missions that have none: the first is the world of the environment's
            ``reset(seed=seed)``, the next ones are those of its following ``reset()`` calls. None: random.
        statistics: ``"full"``: all 1,819 statistics of Minecraft 1.11, as the real game sends (about 40 kB in each
            info). ``"minimal"``: the 84 that MineDojo's observations read, which is enough for harvest and survival
            tasks, and faster to parse.
        say: Prints one line.

    Raises:
        ValueError: An argument is out of range.
        OSError: The server cannot listen on the port.

    Attributes:
        port: The port that the server listens on.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        level: str = "default",
        seed: int | None = None,
        statistics: str = "full",
        say: Callable[[str], None] = _print,
    ) -> None:
        if not 0 <= port < 65536:
            raise ValueError(f"port is {port}; it must be 0 (any free port) to 65535")
        if level not in LEVELS:
            raise ValueError(f"level is {level!r}; the levels are {', '.join(LEVELS)}")
        if seed is not None and seed < 0:
            raise ValueError(f"seed is {seed}; it must not be negative")
        if statistics not in STATISTICS:
            raise ValueError(f"statistics is {statistics!r}; it must be one of {', '.join(STATISTICS)}")
        self.say = say
        self._level = level
        self._full_statistics = statistics == "full"
        self._rng, _ = seeding.np_random(seed)
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._stopped = threading.Event()
        self._waker, self._woken = socket.socketpair()
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            self._waker.close()
            self._woken.close()
            what = f"cannot listen on {host}:{port} ({error.strerror}); port 0 chooses a free one"
            raise OSError(error.errno, what) from error
        self.port = int(self._listener.getsockname()[1])

    def begin(self, mission: Mission) -> Episode:
        """Starts a mission; see ``connection.Host``."""
        with self._lock:  # all connections share the random generator for missions without a seed
            return Episode(mission, self._level, self._rng, self._full_statistics, self._warn)

    def _warn(self, text: str) -> None:
        """Prints each warning only once, since a learner may repeat the same action in every tick."""
        with self._lock:
            is_news = text not in self._warned
            self._warned.add(text)
        if is_news:
            self.say(f"WARN: {text}")

    def stop(self) -> None:
        """Makes ``serve`` return. It can be called from any thread, any number of times."""
        if not self._stopped.is_set():
            self._stopped.set()
            with contextlib.suppress(OSError):  # serve has already returned
                self._waker.send(b"\0")

    def serve(self) -> None:
        """Serves until ``stop`` is called or a client sends ``<Exit>``, then closes all connections."""
        with selectors.DefaultSelector() as selector, self._listener, self._waker, self._woken:
            self._listener.setblocking(False)
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            try:
                while not self._stopped.is_set():
                    selector.select()
                    self._accept()
            finally:
                self._stopped.set()
                self._close_clients()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # stop was called, or the client has already disconnected
        sock.setblocking(True)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        thread = threading.Thread(target=self._serve_client, args=(sock,), daemon=True, name="malmo-client")
        with self._lock:
            self._clients[sock] = thread
        thread.start()

    def _serve_client(self, sock: socket.socket) -> None:
        try:
            Connection(sock, self).serve()
        finally:
            with self._lock:
                self._clients.pop(sock, None)

    def _close_clients(self) -> None:
        with self._lock:
            clients = list(self._clients.items())
        for sock, _ in clients:
            with contextlib.suppress(OSError):  # it has been closed in the meantime
                sock.shutdown(socket.SHUT_RDWR)
        for _, thread in clients:
            thread.join(JOIN_SECONDS)


def _stop_at_end(descriptor: int, server: MalmoServer) -> None:
    """Stops a server when a file descriptor reaches its end, which means that the parent process has exited."""
    with contextlib.suppress(OSError):  # the terminal was closed
        while os.read(descriptor, 4096):
            pass
    server.stop()


def _warm_up(server: MalmoServer) -> None:
    """Plays one tick of a mission that uses everything, so that the kernels are compiled before a client connects."""
    grid = Grid("voxels", (-1, -1, -1), (1, 1, 1))
    episode = server.begin(Mission(height=32, width=32, seed="0", grid=grid, rays=(Ray(0.0, 0.0, 4.0),)))
    episode.step("")
    episode.frame_bytes()
    episode.info()


@checks_flags
def serve(
    port: int = 0,
    host: str = "127.0.0.1",
    level: str = "default",
    seed: int | None = None,
    statistics: str = "full",
    exit_with_parent: bool = False,
) -> None:
    """Serves the embedded world until a client sends ``<Exit>``.

    When it is ready for clients, it prints the two lines on standard output that MineDojo waits for when it launches
    Minecraft. After that it prints a line ``ERROR: ...`` for each connection that ends because of an invalid message,
    and a line ``WARN: ...`` for each command that has no effect.

    Args:
        port: See ``MalmoServer``.
        host: See ``MalmoServer``.
        level: See ``MalmoServer``.
        seed: See ``MalmoServer``.
        statistics: See ``MalmoServer``.
        exit_with_parent: Also stop when standard input is closed. A server that is launched with a pipe as its standard
            input then does not outlive its parent.

    Raises:
        ValueError: An argument is out of range, or ``exit_with_parent`` is set and there is no standard input.
        OSError: The server cannot listen on the port.
    """
    if exit_with_parent and (sys.stdin is None or sys.stdin.closed):
        raise ValueError("exit_with_parent needs a standard input, and there is none; launch the server with a pipe")
    server = MalmoServer(port, host, level, seed, statistics)
    _warm_up(server)
    if exit_with_parent:
        watched = (sys.stdin.fileno(), server)
        threading.Thread(target=_stop_at_end, args=watched, daemon=True, name="malmo-parent").start()
    print(f"***** Start MalmoEnvServer on port {server.port}", flush=True)
    print("CLIENT enter state: DORMANT", flush=True)
    server.serve()
