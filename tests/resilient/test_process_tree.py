"""How the processes of a worker are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory

import pytest

from vpt_gym.resilient.process_tree import kill_processes

MARKER = "VPT_GYM_TEST_OF_SHARED_MEMORY"
PROGRAM = """
import time
from multiprocessing.shared_memory import SharedMemory

memory = SharedMemory(create=True, size=1000)
print(memory.name, flush=True)
time.sleep(60)
"""


def test_the_shared_memory_of_a_killed_process_is_removed() -> None:
    command = [sys.executable, "-c", PROGRAM]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env={**os.environ, MARKER: "1"}, **pipes) as process:
        name = process.stdout.readline().strip()
        assert kill_processes(MARKER, process.pid) == []
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
