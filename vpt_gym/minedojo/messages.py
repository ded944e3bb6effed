"""The messages of MalmoEnv 0.37.0: 4 bytes of length, big-endian, and as many bytes."""

from __future__ import annotations

import socket
import struct
import time

LONGEST = 64 << 20
"""Bytes that a message may have. The largest frame (``frames.MAX_SIDE`` squared) has 50 MB, MineDojo's largest state of
the player about 1 MB."""

_LENGTH = struct.Struct("!I")


def send(connection: socket.socket, message: bytes) -> None:
    """Sends one message."""
    connection.sendall(_LENGTH.pack(len(message)) + message)


def receive(connection: socket.socket, deadline: float, longest: int = LONGEST) -> bytearray:
    """Returns the next message.

    Args:
        connection: The connected socket; its own time limit is left as it is.
        deadline: Value of ``time.monotonic()`` at which the complete message must have arrived.
        longest: Bytes that it may have. A longer one is refused at once, before memory for it is taken.

    Raises:
        EOFError: The other side closed the connection.
        TimeoutError: The deadline passed.
        OSError: The connection failed.
        ValueError: The length is above ``longest``.
    """
    kept = connection.gettimeout()
    try:
        (length,) = _LENGTH.unpack(_receive_bytes(connection, _LENGTH.size, deadline))
        if length > longest:
            raise ValueError(
                f"the game announced a message of {length:,} bytes, more than the {longest:,} that one may have: "
                "its answers are damaged or out of step"
            )
        return _receive_bytes(connection, length, deadline)
    finally:
        connection.settimeout(kept)


def _receive_bytes(connection: socket.socket, size: int, deadline: float) -> bytearray:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline passed")
        connection.settimeout(left)
        count = connection.recv_into(view[got:])
        if count == 0:
            raise EOFError("the game closed the connection")
        got += count
    return data
