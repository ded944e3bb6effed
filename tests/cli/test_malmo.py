"""`vpt-gym malmo`: it serves, prints its address, and stops on request."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from vpt_gym.cli import main, malmo
from vpt_gym.world.malmo.server import STATISTICS
from vpt_gym.world.terrain.generate import LEVELS


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server on any free port, and that port."""
    command = [sys.executable, "-m", "vpt_gym", "malmo", "--port", "0", "--level", "easy", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            match = re.fullmatch(r".*\*{5} Start MalmoEnvServer on port (\d+)\n", process.stdout.readline())
            assert match is not None
            assert process.stdout.readline().endswith("CLIENT enter state: DORMANT\n")
            yield process, int(match[1])
        finally:
            process.kill()


def test_it_serves_until_a_client_sends_exit(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for message in (b"<MalmoEnv0.37.0/>", b"<Exit>NOW</Exit>"):
            client.sendall(struct.pack("!I", len(message)) + message)
        assert client.recv(8, socket.MSG_WAITALL) == struct.pack("!II", 4, 1)
    assert process.wait(20) == 0


def test_it_ends_by_an_interrupt(server: tuple[subprocess.Popen[str], int]) -> None:
    process, _ = server
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_port_in_use_is_named(server: tuple[subprocess.Popen[str], int]) -> None:
    command = [sys.executable, "-m", "vpt_gym", "malmo", "--port", str(server[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vpt-gym malmo: ")
    assert str(server[1]) in done.stderr
    assert "Traceback" not in done.stderr


def test_exit_status_of_a_server_that_cannot_start(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["malmo", "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--level", "hard"], ["--statistics", "some"]])
def test_unknown_choices_are_refused_with_the_known_ones(options: list[str]) -> None:
    command = [sys.executable, "-m", "vpt_gym", "malmo", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert options[1] in done.stderr


def test_the_choices_are_those_of_the_world() -> None:
    hints = get_type_hints(malmo.Args)
    assert set(get_args(hints["level"])) == set(LEVELS)
    assert set(get_args(hints["statistics"])) == set(STATISTICS)
