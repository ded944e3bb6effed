"""A plain socket client of the MalmoEnv protocol, and the server in its own process."""

from __future__ import annotations

import json
import queue
import socket
import struct
import subprocess
import sys
import threading
from typing import Any

HELLO = b"<MalmoEnv0.37.0/>"
TOKEN = b"0a1b:0:0:1:true"
OK = struct.pack("!I", 1)
SECONDS = 60.0
"""Time limit of every wait. Only a broken server takes that long."""


def mission_xml(
    seed: str = "",
    size: tuple[int, int] = (48, 64),
    start: str = "",
    conditions: str = "",
    generator: str | None = None,
    observations: str = "",
) -> bytes:
    """Returns a MissionInit with the relevant elements of MineDojo's; size is (height, width)."""
    generator = f'<DefaultWorldGenerator forceReset="false" seed="{seed}"/>' if generator is None else generator
    return f"""<MissionInit xmlns="http://ProjectMalmo.microsoft.com"><Mission><About><Summary>test</Summary></About>
<ServerSection><ServerInitialConditions>{conditions}</ServerInitialConditions>
<ServerHandlers>{generator}</ServerHandlers></ServerSection>
<AgentSection mode="Survival"><Name>MineDojoAgent0</Name><AgentStart>{start}</AgentStart><AgentHandlers>
<VideoProducer want_depth="false"><Width>{size[1]} </Width><Height>{size[0]}</Height></VideoProducer>
{observations}<HumanLevelCommands/></AgentHandlers></AgentSection></Mission></MissionInit>""".encode()


class MalmoClient:
    """One connection."""

    def __init__(self, port: int, hello: bytes | None = HELLO) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hello is not None:
            self.send(hello)

    def send(self, message: bytes) -> None:
        self.sock.sendall(struct.pack("!I", len(message)))
        self.sock.sendall(message)

    def receive(self) -> bytes:
        (length,) = struct.unpack("!I", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, n: int) -> bytes:
        parts = []
        while n:
            part = self.sock.recv(n)
            if not part:
                raise EOFError
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def is_closed(self) -> bool:
        """Waits until the server closes the connection; returns False if it sends anything."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:  # it closed before it had read everything
            return True

    def begin(self, xml: bytes, token: bytes = TOKEN) -> tuple[bytes, dict[str, Any]]:
        """Starts a mission; returns its first frame and info."""
        self.send(xml)
        self.send(token)
        assert self.receive() == OK
        self.send(b"<Peek/>")
        picture, info, done = self.receive(), self.receive(), self.receive()
        assert done == b"\0"
        return picture, json.loads(info)

    def step(self, body: str) -> tuple[bytes, dict[str, Any]]:
        self.send(f"<StepClient0>{body}</StepClient0 >".encode())
        picture, reply, info = self.receive(), self.receive(), self.receive()
        assert struct.unpack("!dbb", reply) == (0.0, 0, 1)
        self.send(b"<StepServer></StepServer>")
        return picture, json.loads(info)

    def close(self) -> None:
        self.sock.close()


class ServerProcess:
    """``python -m vpt_gym.world.malmo``, launched as MineDojo launches a game."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vpt_gym.world.malmo", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        started = self.line()
        assert started.startswith("***** Start MalmoEnvServer on port "), started
        self.port = int(started.rpartition(" ")[2])
        assert self.line() == "CLIENT enter state: DORMANT"

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """Waits for the next line of output."""
        return self._lines.get(timeout=SECONDS)

    def no_more_lines(self) -> bool:
        return self._lines.empty()

    def wait(self) -> int:
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    def close(self) -> None:
        self.process.kill()
        self.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
