"""Finds and kills every process that a worker has started, also those that left its process tree.

It is not enough to follow parents to children: launchers start games in their own sessions, daemons fork twice, and
init adopts processes that outlive their parents. But every process inherits its parent's environment variables, so a
variable with a unique name marks them all.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psutil

_CLEANING = 5.0  # seconds that a resource tracker may take after the last of its processes has ended


def signal_name(number: int) -> str:
    """Returns the name of a signal, ``"signal 40"`` for one without: a real-time signal."""
    names = {one.value: one.name for one in signal.Signals}
    return names.get(number, f"signal {number}")


def find_processes(marker: str, root: int | None = None) -> list[psutil.Process]:
    """Returns the living processes (no zombies, not the caller) that have a mark or descend from ``root``.

    Args:
        marker: Name of the environment variable that marks the processes.
        root: Process id of the first of them. It and its descendants are found even if they have cleared their
            environment. It must not have been reaped yet: its id could be another process's by then.
    """
    found: set[psutil.Process] = set()
    if root is not None:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(root)
            found.update([first, *first.children(recursive=True)])
    for process in psutil.process_iter():
        # another user's process cannot be read, and is not one of them
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if marker in process.environ():
                found.add(process)
    return [process for process in found if process.pid != os.getpid() and _runs(process)]


def kill_processes(
    marker: str, root: int | None = None, patience: float = 10.0, *, spare_trackers: bool = False
) -> list[psutil.Process]:
    """Kills what ``find_processes`` finds until it finds nothing more: processes may fork meanwhile.

    Python's resource trackers, which remove the shared memory of processes that have ended, get some seconds to do so.

    Args:
        marker: See ``find_processes``.
        root: See ``find_processes``.
        patience: Seconds after which it gives up.
        spare_trackers: Leave resource trackers alone. That of the caller ends after it.

    Returns:
        The processes that are still there; normally none.
    """
    start = time.monotonic()
    cleaned = start + _CLEANING
    killed: set[psutil.Process] = set()
    while (alive := find_processes(marker, root)) and time.monotonic() < start + patience:
        users = [process for process in alive if not _tracks_resources(process)]
        if users:
            cleaned = time.monotonic() + _CLEANING
        elif spare_trackers:
            return []
        for process in users or (alive if time.monotonic() >= cleaned else []):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        killed.update(alive)
        time.sleep(0.01)
    for process in killed:
        # in a container, this process may be init, which has to reap orphans
        if process.pid != root:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _tracks_resources(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing.resource_tracker" in part for part in process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
