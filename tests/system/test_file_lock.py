"""Locks on files that are removed while others wait for them."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from vpt_gym.system.file_lock import exclusive_lock


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_who_waited_for_a_lock_that_was_removed_waits_for_the_new_one(tmp_path: Path) -> None:
    path, entered = tmp_path / "lock", threading.Event()

    def wait() -> None:
        with exclusive_lock(path):
            entered.set()

    waiting = threading.Thread(target=wait)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(exclusive_lock(path))
        waiting.start()
        time.sleep(0.1)  # it waits for the file that is removed now
        path.unlink()
        second.enter_context(exclusive_lock(path))
        first.close()
        assert not entered.wait(0.2)
        second.close()
        assert entered.wait(20)
    waiting.join()
