"""The first use on a machine: each kernel is compiled once for all processes, and two processes share the work."""

from __future__ import annotations

import atexit
import functools
import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from vpt_gym.system import interpreter
from vpt_gym.system.file_lock import exclusive_lock, try_lock
from vpt_gym.system.machine import usable_processors

_PROGRAM = "from vpt_gym.world.kernels.cold_start import run_unless_running; run_unless_running(*sys.argv[2:])"
_MARKER = "VPT_GYM_COMPILES"
"""Environment variable of the background process that compiles: such a process starts no other."""
_compiling = threading.local()


def is_cached(compiled: Any, signature: Any = None) -> bool:
    """Returns whether numba has machine code for a kernel on disk that is valid for this source and this processor.

    numba has no public function for this. Where its cache does not look as expected, or there is none, the result is
    True: then nothing waits and nothing is announced.

    Args:
        compiled: The kernel.
        signature: Types of its arguments; None for any.
    """
    if signature is None and getattr(compiled, "signatures", True):  # interpreted, or compiled in this process already
        return True
    try:
        keys = compiled._cache._cache_file._load_index()
        return any(
            processor == compiled.targetctx.codegen().magic_tuple() and signature in (None, types)
            for types, processor, *_ in keys
        )
    except (AttributeError, OSError, TypeError, ValueError):
        return True


def compile_once(compiled: Any) -> None:
    """Makes a kernel compile in one process at a time: the others wait for it and load its code from disk.

    Args:
        compiled: The result of ``numba.njit(cache=True)``; changed.
    """
    compile_now = compiled.compile

    def compile_in_turn(signature: Any) -> Any:
        if getattr(_compiling, "is_inner", False):  # numba's own lock is held: waiting for a file could be a deadlock
            return compile_now(signature)
        with ExitStack() as stack:
            if not is_cached(compiled, signature):
                stack.enter_context(_compile_lock(compiled))
                stack.enter_context(_no_garbage_collection())
            _compiling.is_inner = True
            try:
                return compile_now(signature)
            finally:
                _compiling.is_inner = False

    compiled.compile = compile_in_turn


@contextmanager
def _compile_lock(compiled: Any) -> Iterator[None]:
    """Waits until no other process compiles a kernel. Where no file can be locked, it does not wait."""
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(exclusive_lock(_lock_file(compiled, compiled.py_func.__qualname__)))
        yield


def _lock_file(compiled: Any, name: str) -> Path:
    """Returns the lock file of a kernel, in the folder of its machine code; makes the folder.

    Raises:
        OSError: The folder cannot be made.
    """
    folder = Path(compiled._cache.cache_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.lock"


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Turns Python's garbage collection off.

    A compiler makes little garbage, but so many objects that looking for it takes a tenth of the time.
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
    """Reports once on stderr that kernels are about to be compiled, if they are: the wait would look like a hang.

    Args:
        what: Whose kernels, for the message.
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
def compile_in_background(module: str, compiled: Any) -> subprocess.Popen[bytes] | None:
    """Starts a process that compiles a kernel while this one compiles others, if its code is not on disk; once.

    This process then loads the code from disk, see ``compile_once``. If the other process fails, this one compiles
    what is missing. The other process ends by itself, or is killed when this one exits first.

    Args:
        module: The module that the process runs, as ``python -m`` does. If such a process already runs for another
            one, the new process ends at once.
        compiled: The slowest kernel that it compiles.

    Returns:
        The process; None if there is nothing to compile, no second processor, or no way to start Python. Processes of
        ``multiprocessing`` start none: there is other work for the processors.
    """
    if is_cached(compiled) or usable_processors() < 2 or multiprocessing.parent_process() or _MARKER in os.environ:
        return None
    if not sys.executable or getattr(sys, "frozen", False):  # the program is not a Python interpreter
        return None
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            interpreter.command(_PROGRAM, module, str(_lock_file(compiled, module))),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            env={**os.environ, _MARKER: "1"},
        )
    except OSError:  # no interpreter, no memory for another one, or no folder for the code
        return None
    atexit.register(process.kill)
    threading.Thread(target=process.wait, daemon=True).start()  # else it would remain as a zombie process
    return process


def run_unless_running(module: str, lock: str) -> None:
    """Runs a module, as ``python -m`` does, unless another process runs it with the same lock file."""
    with open(lock, "ab") as file:
        if try_lock(file):
            runpy.run_module(module, run_name="__main__")
