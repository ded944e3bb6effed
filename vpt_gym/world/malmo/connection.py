"""``Connection``: serves one client over the protocol of MalmoEnv 0.37.0. Each connection plays its own missions.

Every message, in both directions, is its length (4 bytes, big endian) followed by that many bytes.
"""

from __future__ import annotations

import dataclasses
import re
import socket
import struct
from typing import BinaryIO, Protocol

from vpt_gym.world.malmo.commands import CommandError
from vpt_gym.world.malmo.episode import Episode
from vpt_gym.world.malmo.mission import Mission, MissionError, read_mission

VERSION = "0.37.0"
HELLO = f"<MalmoEnv{VERSION}/>".encode()
LONGEST_MESSAGE = 1 << 20
"""Bytes. A mission of MineDojo has about 4,000."""
TOKEN_SECONDS = 10.0
"""Time limit for the token, the second message of a mission."""

_LENGTH = struct.Struct("!I")
_STEP_REPLY = struct.Struct("!Idbb")
_STEP = re.compile(rb"<StepClient([0-9])>(.*)</StepClient\1 ?>", re.DOTALL)
_TOKEN = re.compile(
    r"(?P<id>[^:]*):(?P<role>[0-9]{1,9}):(?P<reset>[0-9]{1,9}):(?P<agents>[0-9]{1,9}):(?P<sync>\w+)(:(?P<seed>-?[0-9]+))?"
)
_OK = _LENGTH.pack(4) + _LENGTH.pack(1)
_NOT_DONE = _LENGTH.pack(1) + b"\0"


class ProtocolError(ValueError):
    """A message that is not part of MalmoEnv's protocol. The text names it."""


class Host(Protocol):
    """The methods of the server that a connection uses."""

    def begin(self, mission: Mission) -> Episode:
        """Starts a mission.

        Raises:
            MissionError: This world does not support it.
        """

    def stop(self) -> None:
        """Stops the server."""

    def say(self, line: str) -> None:
        """Prints a line."""


def _shown(message: bytes) -> str:
    """Returns the start of a message, for an error message."""
    text = message[:60].decode("utf-8", "backslashreplace")
    return repr(text + ("..." if len(message) > 60 else ""))


class Connection:
    """Serves one client until it disconnects.

    Args:
        sock: The connected socket; closed at the end.
        host: The server.
    """

    def __init__(self, sock: socket.socket, host: Host) -> None:
        self._sock = sock
        self._host = host
        self._episode: Episode | None = None
        self._stream: BinaryIO = sock.makefile("rb")

    def serve(self) -> None:
        """Answers messages. An invalid one is printed as a line ``ERROR: ...`` and ends the connection."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve()
        except (ProtocolError, MissionError, CommandError) as error:
            self._host.say(f"ERROR: {error}")
        except OSError:
            pass  # the client has disconnected; this does not concern the next connection
        finally:
            self._stream.close()
            self._sock.close()

    def _serve(self) -> None:
        hello = self._receive(len(HELLO))
        if hello is None:
            return
        if hello != HELLO:
            raise ProtocolError(f"the first message is {_shown(hello)}; this server speaks {HELLO.decode()} only")
        while (message := self._receive()) is not None:
            if message.startswith(b"<StepClient"):
                self._step(message)
            elif message.startswith(b"<StepServer"):
                continue  # the world ticks with the client, and this message has no reply
            elif message.startswith(b"<Peek"):
                episode = self._running("<Peek/>")
                self._send(*self._frame(episode), *self._info(episode), _NOT_DONE)
            elif message.startswith(b"<MissionInit"):
                self._begin(message)
            elif message.startswith((b"<Quit", b"<Init", b"<Close")):
                self._episode = None
                self._send(_OK)
            elif message.startswith(b"<Echo"):
                echo = b"<Echo>" + message + b"</Echo>"
                self._send(_LENGTH.pack(len(echo)) + echo)
            elif message.startswith(b"<Status"):
                self._send(_LENGTH.pack(2) + b"{}")
            elif message.startswith(b"<Disconnect"):
                return
            elif message.startswith(b"<Exit"):
                self._send(_OK)
                self._host.stop()
                return
            else:
                raise ProtocolError(f"unknown message {_shown(message)}")

    def _receive(self, longest: int = LONGEST_MESSAGE) -> bytes | None:
        """Returns the next message, or None if the client has closed the connection."""
        header = self._stream.read(_LENGTH.size)
        if not header:
            return None
        (length,) = _LENGTH.unpack(header) if len(header) == _LENGTH.size else (None,)
        if length is not None and length > longest:
            raise ProtocolError(f"a message of {length} bytes was announced; the limit is {longest} bytes")
        message = self._stream.read(length) if length is not None else b""
        if length is None or len(message) < length:
            raise ProtocolError("the client closed the connection in the middle of a message")
        return message

    def _send(self, *parts: bytes | memoryview) -> None:
        self._sock.sendall(b"".join(parts))

    def _running(self, message: str) -> Episode:
        if self._episode is None:
            raise ProtocolError(f"{message} came without a mission; send <MissionInit> first")
        return self._episode

    def _begin(self, xml: bytes) -> None:
        self._episode = None
        self._sock.settimeout(TOKEN_SECONDS)
        try:
            message = self._receive()
        except TimeoutError as error:
            raise ProtocolError("<MissionInit> came without its token, the message that follows it") from error
        self._sock.settimeout(None)
        token = _TOKEN.fullmatch((message or b"").decode("utf-8", "backslashreplace"))
        if token is None:
            raise ProtocolError(
                f"the token after <MissionInit> is {_shown(message or b'')}; "
                "it must be ID:ROLE:RESET:AGENTS:true[:SEED]"
            )
        if (int(token["role"]), int(token["agents"]), token["sync"]) != (0, 1, "true"):
            raise MissionError(f"the token {token[0]!r} is not possible: this server plays one agent, synchronously")
        mission = read_mission(xml)
        if not mission.seed and token["seed"]:
            mission = dataclasses.replace(mission, seed=token["seed"])
        self._episode = self._host.begin(mission)
        self._send(_OK)

    def _step(self, message: bytes) -> None:
        step = _STEP.fullmatch(message)
        if step is None:
            raise ProtocolError(f"{_shown(message)} is not <StepClientN>COMMANDS</StepClientN >")
        episode = self._running("<StepClient>")
        episode.step(step[2].decode("utf-8", "backslashreplace"))
        reply = _STEP_REPLY.pack(10, 0.0, 0, 1)
        with_info = step[1] in (b"0", b"2")
        self._send(*self._frame(episode), reply, *(self._info(episode) if with_info else ()))

    def _frame(self, episode: Episode) -> tuple[bytes, memoryview]:
        frame = episode.frame_bytes()
        return _LENGTH.pack(len(frame)), frame

    def _info(self, episode: Episode) -> tuple[bytes, bytes]:
        info = episode.info()
        return _LENGTH.pack(len(info)), info
