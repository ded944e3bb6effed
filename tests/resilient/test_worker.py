"""The parent's side of a worker: limits and threads."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import threading
from collections.abc import Iterator

import cloudpickle
import pytest

from tests.support.frame_counter_env import FrameCounterEnv
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


def test_a_thread_gets_the_answer_to_its_own_request(worker: Worker) -> None:
    worker.exchange(cloudpickle.dumps(("make", (cloudpickle.dumps(FrameCounterEnv),))), "make", None)
    wrong: list[object] = []

    def ask(name: str, answer: object) -> None:
        request = pickle.dumps(("read", (name,)))
        for _ in range(200):
            found = pickle.loads(worker.exchange(request, "read", None))
            if found != answer:
                wrong.append(found)

    threads = [
        threading.Thread(target=ask, args=("render_mode", (False, None))),
        threading.Thread(target=ask, args=("reset", (True, None))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_thread_that_waits_for_another_ones_answer_is_late(worker: Worker) -> None:
    os.kill(worker._process.pid, signal.SIGSTOP)
    failures: list[Exception] = []

    def step() -> None:
        try:
            worker.exchange(b"", "step", None)
        except EnvFailure as failure:
            failures.append(failure)

    thread = threading.Thread(target=step)
    thread.start()
    while worker._lock.acquire(blocking=False):  # until the thread has it
        worker._lock.release()
    with pytest.raises(EnvFailure, match=r"^close: the env did not answer within 0\.1 s$"):
        worker.exchange(b"", "close", 0.1)
    worker.kill()
    thread.join()
    assert "SIGKILL" in str(failures[0])


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
