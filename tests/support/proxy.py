"""A proxy between MineDojo and the embedded world that can break messages. It runs instead of the server.

Usage: python proxy.py [--record FILE] [--fault KIND --after N] SERVER_COMMAND...

It starts the server, prints what MineDojo waits for with its own port, and passes messages on in both directions.
``--record`` keeps each body of a StepClient message, one JSON string a line. ``--fault`` does KIND at the answer to
step N + 1, counted from 1.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

FAULTS = (
    "close",
    "exit",
    "kill-server",
    "hang",
    "bad-json",
    "short-frame",
    "half-message",
    "done",
    "no-info",
    "length",
    "drip",
)


def receive(connection: socket.socket) -> bytes:
    head = b""
    while len(head) < 4:
        part = connection.recv(4 - len(head))
        if not part:
            raise EOFError
        head += part
    (size,) = struct.unpack("!I", head)
    body = b""
    while len(body) < size:
        part = connection.recv(size - len(body))
        if not part:
            raise EOFError
        body += part
    return body


def send(connection: socket.socket, *messages: bytes) -> None:
    connection.sendall(b"".join(struct.pack("!I", len(m)) + m for m in messages))


class Proxy:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.server = subprocess.Popen(args.command, stdin=sys.stdin, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        for line in self.server.stdout:
            if "Start MalmoEnvServer on port" in line:
                self.port = int(line.rsplit(" ", 1)[1])
            if "DORMANT" in line:
                break
        threading.Thread(target=self.pass_on_log, daemon=True).start()
        self.record = open(args.record, "a") if args.record else None  # noqa: SIM115 (open as long as the process)
        self.steps = 0

    def pass_on_log(self) -> None:
        assert self.server.stdout is not None
        for line in self.server.stdout:
            print(line, end="", flush=True)

    def serve(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        print(f"***** Start MalmoEnvServer on port {listener.getsockname()[1]}", flush=True)
        print("CLIENT enter state: DORMANT", flush=True)
        threading.Thread(target=self.end_with_parent, daemon=True).start()
        while True:
            client, _ = listener.accept()
            threading.Thread(target=self.client, args=(client,), daemon=True).start()

    def end_with_parent(self) -> None:
        self.server.wait()  # the server ends when its stdin, which is this process's too, is closed
        time.sleep(3600 if self.args.fault == "kill-server" else 0.1)
        os._exit(0)

    def client(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = socket.create_connection(("127.0.0.1", self.port))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.talk(client, server)
        except (EOFError, OSError):
            pass
        finally:
            client.close()
            server.close()

    def talk(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            message = receive(client)
            send(server, message)
            if message.startswith(b"<MissionInit"):
                send(server, receive(client))  # its token
            if message.startswith(b"<StepClient"):
                self.step(message, client, server)
                continue
            answers = 3 if message.startswith(b"<Peek") else 0
            answers = 1 if message.startswith((b"<Quit", b"<MissionInit", b"<Exit")) else answers
            for _ in range(answers):
                send(client, receive(server))

    def step(self, message: bytes, client: socket.socket, server: socket.socket) -> None:
        self.steps += 1
        if self.record is not None:
            self.record.write(json.dumps(message[13:-15].decode()) + "\n")
            self.record.flush()
        frame, status, info = receive(server), receive(server), receive(server)
        fault = self.args.fault if self.steps == self.args.after + 1 else None
        if fault == "close":
            raise EOFError
        if fault == "exit":
            os._exit(3)
        if fault == "kill-server":
            self.server.kill()
            raise EOFError
        if fault == "hang":
            time.sleep(3600)
        if fault == "half-message":
            client.sendall(struct.pack("!I", len(frame)) + frame[: len(frame) // 2])
            raise EOFError
        if fault == "length":
            client.sendall(b"\xff" * 4)
            time.sleep(3600)
        if fault == "drip":
            client.sendall(struct.pack("!I", len(frame)))
            for byte in frame:
                client.sendall(bytes([byte]))
                time.sleep(0.3)
        if fault == "no-info":
            send(client, frame, status)
            raise EOFError
        if fault == "short-frame":
            frame = frame[:-3]
        if fault == "bad-json":
            info = info[:-20]
        if fault == "done":
            status = struct.pack("!dbb", 0.0, 1, 1)
        send(client, frame, status, info)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--record")
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    Proxy(parser.parse_args()).serve()
