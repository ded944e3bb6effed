"""The lock that says "this demo is being recorded": the system drops it when the recording process dies."""

from __future__ import annotations

import sys
from typing import IO, Any

if sys.platform != "win32":
    import fcntl


def try_lock(file: IO[Any]) -> bool:
    """Locks an open file until it is closed; returns False if somebody else holds it.

    Where there are no locks it returns True: on Windows, which renames and removes no open file anyway, and on some
    network file systems. Do not repair a directory there while something records into it.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True
