from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from vpt_gym.resilient.process_tree import signal_name


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="needs real-time signals")
def test_every_signal_that_kills_a_process_can_be_named() -> None:
    unnamed = int(signal.SIGRTMIN) + 6
    killed = subprocess.run([sys.executable, "-c", f"import os; os.kill(os.getpid(), {unnamed})"], check=False)
    assert signal_name(-killed.returncode) == f"signal {unnamed}"  # Signals(...) raises a ValueError
    assert signal_name(signal.SIGKILL) == "SIGKILL"
