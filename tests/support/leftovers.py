"""Finds processes that should have ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def left(pids: list[int]) -> list[int]:
    """Returns the processes that still run, or are unreaped children of this one."""
    mine = {process.pid for process in psutil.Process().children(recursive=True)}
    return [pid for pid in pids if pid in mine or is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def soon(nothing_left: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not nothing_left() and time.monotonic() < deadline:
        time.sleep(0.05)
    return nothing_left()
