"""The first use on a machine: each kernel is compiled once, whoever needs it, and two processes share the work."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

PATIENCE = 120.0
"""Seconds to wait for another process that compiles the same kernel. Each takes a tenth of that."""


def is_cached(compiled: Callable[..., Any]) -> bool:
    """Tells whether numba has machine code for a kernel on disk that is valid for this source and this processor.

    numba has no public question for this; where its cache looks different from what is expected, the answer is True:
    then nothing here is done.
    """
    if getattr(compiled, "signatures", True):  # an interpreted function, or compiled in this process already
        return True
    try:
        return bool(compiled._cache._cache_file._load_index())  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return True


def compile_once(compiled: Any) -> None:
    """Lets processes that need a kernel at the same time wait for the first of them, and take its code from the disk.

    Args:
        compiled: What ``numba.njit(cache=True)`` returns; changed.
    """
    compile_now = compiled.compile

    def compile_in_turn(signature: Any) -> Any:
        if is_cached(compiled):
            return compile_now(signature)
        with _turn(compiled), _no_collection():
            return compile_now(signature)

    compiled.compile = compile_in_turn


@contextmanager
def _turn(compiled: Any) -> Iterator[None]:
    """Waits until no other process compiles a kernel. Where files cannot be locked, nobody waits."""
    folder, name = Path(compiled._cache.cache_path), compiled.py_func.__qualname__
    lock = FileLock(folder / f"{name}.lock", timeout=PATIENCE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError, Timeout):
        yield
        return
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python does not look for garbage meanwhile.

    A compiler makes little of it, but so many objects that the search takes a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@functools.cache
def announce_compilation(what: str, seconds: int, *kernels: Callable[..., Any]) -> None:
    """Says once on stderr that kernels are about to be compiled, if they are: the wait would look like a hang.

    Args:
        what: Whose kernels.
        seconds: About how long it takes.
        *kernels: The slowest of them.
    """
    if not all(is_cached(compiled) for compiled in kernels):
        print(
            f"vpt_gym: compiling the {what}'s kernels (about {seconds} s, once per machine) ...",
            file=sys.stderr,
            flush=True,
        )


@functools.cache
def compile_beside(module: str, *kernels: Callable[..., Any]) -> subprocess.Popen[bytes] | None:
    """Starts a process that compiles kernels while this one compiles others, if they are not cached; once.

    This process takes their code from the disk, see ``compile_once``. Whatever becomes of the other one, all that it
    did not do is done here. It ends with this process at the latest.

    Args:
        module: What the process runs, as ``python -m`` does.
        *kernels: What it compiles.

    Returns:
        The process; None if there is nothing to do, or no second processor to do it.
    """
    if all(is_cached(compiled) for compiled in kernels) or processors() < 2 or getattr(sys, "frozen", False):
        return None
    path = os.pathsep.join(str(entry) or os.getcwd() for entry in sys.path)
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env={**os.environ, "PYTHONPATH": path},
        )
    except OSError:  # no interpreter to start, or no memory for one
        return None
    atexit.register(process.kill)
    return process


def processors() -> int:
    """Returns how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
