"""Messages of the game are read within their deadline, and a damaged length is refused at once."""

from __future__ import annotations

import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from vpt_gym.minedojo.messages import receive, send


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, games = socket.socketpair()
    ours.settimeout(30.0)
    yield ours, games
    ours.close()
    games.close()


def test_a_message_arrives_as_it_was_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, game = ends
    for message in (b"", b"x", bytes(range(256)) * 1000):
        sender = threading.Thread(target=send, args=(game, message))
        sender.start()
        assert receive(ours, time.monotonic() + 30) == message
        sender.join()
    assert ours.gettimeout() == 30.0


@pytest.mark.parametrize("length", [2**32 - 1, 2**31, 101])
def test_a_length_above_the_limit_takes_neither_memory_nor_time(
    ends: tuple[socket.socket, socket.socket], length: int
) -> None:
    ours, game = ends
    game.sendall(struct.pack("!I", length))
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"{length:,} bytes, more than the 100 "):
        receive(ours, time.monotonic() + 3600, longest=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_message_that_never_ends_meets_the_deadline(ends: tuple[socket.socket, socket.socket]) -> None:
    """Each byte comes in time, but the message does not: the limit holds for all of it."""
    ours, game = ends
    stop = threading.Event()

    def drip() -> None:
        game.sendall(struct.pack("!I", 1000))
        while not stop.wait(0.02):
            game.sendall(b"x")

    sender = threading.Thread(target=drip)
    sender.start()
    try:
        with pytest.raises(TimeoutError):
            receive(ours, time.monotonic() + 0.3)
        with pytest.raises(TimeoutError):
            receive(ours, time.monotonic() - 1.0)
    finally:
        stop.set()
        sender.join()


def test_a_closed_connection_is_an_end_of_file(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, game = ends
    game.sendall(struct.pack("!I", 10) + b"half")
    game.close()
    with pytest.raises(EOFError, match="closed the connection"):
        receive(ours, time.monotonic() + 30)
