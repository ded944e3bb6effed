"""Finding and killing every process that a worker has started, also those that left its process tree.

Walking parents and children is not enough: a game's launcher puts it into a session of its own, daemons fork twice, and
what outlives its parent is handed to init. But every process inherits its parent's environment, so a variable of a
unique name marks them all.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil


def find_processes(marker: str, root: int | None = None) -> list[psutil.Process]:
    """Returns the living processes (no zombies, not the caller) that carry a mark or descend from ``root``.

    Args:
        marker: Name of the environment variable that the processes were started with.
        root: Process id of the first of them, which is found with its descendants even if they have cleared their
            environment. It must not have been reaped yet: its id could be another process's by then.
    """
    found: set[psutil.Process] = set()
    if root is not None:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(root)
            found.update([first, *first.children(recursive=True)])
    for process in psutil.process_iter():
        # Another user's process cannot be read, and is none of ours.
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if marker in process.environ():
                found.add(process)
    return [process for process in found if process.pid != os.getpid() and _runs(process)]


def kill_processes(marker: str, root: int | None = None, patience: float = 10.0) -> list[psutil.Process]:
    """Kills what ``find_processes`` finds, again and again until it finds nothing; processes may fork meanwhile.

    Args:
        marker: See ``find_processes``.
        root: See ``find_processes``.
        patience: Seconds after which it gives up.

    Returns:
        The processes that are still there: none but for a system that does not let them go.
    """
    deadline = time.monotonic() + patience
    killed: set[psutil.Process] = set()
    while (alive := find_processes(marker, root)) and time.monotonic() < deadline:
        for process in alive:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        killed.update(alive)
        time.sleep(0.01)
    for process in killed:
        # Orphans are this process's to reap where it is the first of a container.
        if process.pid != root:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
