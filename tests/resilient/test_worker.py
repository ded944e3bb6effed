"""The parent's side of a worker: limits of time."""

from __future__ import annotations

import os
import pickle
import signal
import socket
from collections.abc import Iterator

import cloudpickle
import pytest

from vpt_gym.resilient.parent import EnvFailure, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(None)
    yield worker
    worker.kill()


def test_a_worker_that_no_longer_reads_is_late(worker: Worker) -> None:
    os.kill(worker._process.pid, signal.SIGSTOP)
    for message in (b"short", bytes(1_000_000)):  # the second is larger than the pipe's buffer
        with pytest.raises(EnvFailure, match=r"^step: the env did not answer within 0\.2 s$"):
            worker.exchange(message, "step", 0.2)


def test_the_programs_own_default_limit_of_sockets_does_not_matter() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.05)
    try:
        worker = Worker(None)
    finally:
        socket.setdefaulttimeout(before)
    answer = pickle.loads(worker.exchange(cloudpickle.dumps(("nothing", ())), "step", None))
    worker.kill()
    assert "nothing" in answer.summary
