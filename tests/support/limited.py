"""Runs a function in a process whose time and memory are limited, for files that would take all of both."""

from __future__ import annotations

import os
import pickle
import resource
import signal
from collections.abc import Callable
from typing import Any


def outcome(function: Callable[..., Any], *args: Any, seconds: int = 10, megabytes: int = 512) -> Any:
    """Calls a function in a forked process.

    Args:
        function: The function.
        *args: Its arguments.
        seconds: Processor time that it may take.
        megabytes: Memory that it may take in addition to what this process has.

    Returns:
        What the function returns, or the exception that it raises.

    Raises:
        AssertionError: It takes more time, or crashes.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with open("/proc/self/statm", encoding="ascii") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20),) * 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            try:
                result = function(*args)
            except Exception as error:
                result = error
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(result, pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        pickled = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGKILL:  # RLIMIT_CPU
        raise AssertionError(f"more than {seconds} s of processor time")
    assert (code, bool(pickled)) == (0, True), f"ended by signal {-code}, {len(pickled)} bytes returned"
    return pickle.loads(pickled)
