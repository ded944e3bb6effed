"""A Python process that has imported large packages, and forks a process for each script that tests run.

``python_processes`` starts it. Each forked process runs its script to the end as ``python SCRIPT`` does, without the
seconds that imports take. The template ends with the process that started it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import multiprocessing.process
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
import types
from typing import Any, NoReturn

FIGURES = 12
"""Bytes of each number that a keeper writes."""


def figures(number: int) -> bytes:
    return f"{number:{FIGURES}}".encode()


def load(packages: list[str]) -> None:
    """Imports packages. With the embedded world, its compiled kernels are loaded too.

    Raises:
        RuntimeError: Something started a thread. A forked process would lack it, and may wait for its locks for ever.
    """
    for name in packages:
        with contextlib.suppress(ImportError):  # the script that needs it reports it
            importlib.import_module(name)
    if "vpt_gym.world.env" in sys.modules:
        load_kernels()
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"the template has {threads} threads; it must have one, so that it can be forked")
    gc.collect()
    gc.freeze()  # else each process copies these objects' memory when it collects garbage


def load_kernels() -> None:
    import gymnasium

    from vpt_gym.world.kernels.cold_start import is_cached
    from vpt_gym.world.player.tick import advance

    if not hasattr(advance, "signatures") or not is_cached(advance):
        return  # interpreted kernels take minutes; compiling starts a thread
    env = gymnasium.make("vpt_gym/Harvest1Log-v0", image_size=(32, 32))
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()


def serve(requests: socket.socket) -> dict[str, Any]:
    """Forks for each request. Returns in the forked process only, with what it shall run."""
    # Ctrl+C ends the scripts and the tests, and with the tests this process
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing remains of the keepers
    while True:
        data, files, _, _ = socket.recv_fds(requests, 2**20, 3)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            job = kept(json.loads(data), *files)
            signal.signal(signal.SIGINT, on_interrupt)
            return job
        for file in files:
            os.close(file)


def kept(job: dict[str, Any], stdout: int, stderr: int, status: int) -> dict[str, Any]:
    """Forks again. The parent, the keeper, writes the child's pid and exit status; only the child returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        os.close(stdout)
        os.close(stderr)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it
            os.write(status, figures(pid))
            _, ended = os.waitpid(pid, 0)
            os.write(status, figures(os.waitstatus_to_exitcode(ended)))
        os._exit(0)
    os.close(status)
    for number, file in ((1, stdout), (2, stderr)):
        os.dup2(file, number)
        os.close(file)
    return job


def prepare(job: dict[str, Any]) -> None:
    """Makes this process what a new one would be."""
    if job["start_new_session"]:
        os.setsid()
    os.chdir(job["cwd"])
    multiprocessing.process.ORIGINAL_DIR = job["cwd"]
    os.environ.clear()
    os.environ.update(job["environment"])
    tempfile.tempdir = None
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(None)  # `random` does it by itself
    added = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path not in sys.path]
    sys.path[1:1] = added


def run(words: list[str]) -> None:
    """Runs ``python WORDS``."""
    if words[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv[:] = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if words[0] == "-c":
        sys.path[0] = ""
        sys.argv[:] = ["-c", *words[2:]]
        name, code = "<string>", words[1].encode()
    else:
        sys.path[0] = os.path.dirname(os.path.realpath(words[0]))
        sys.argv[:] = words
        name = main.__file__ = os.path.join(os.getcwd(), words[0])
        with open(name, "rb") as file:
            code = file.read()
    exec(compile(code, name, "exec", dont_inherit=True), vars(main))


def run_to_the_end(words: list[str]) -> NoReturn:
    """Runs ``python WORDS``, and ends this process as Python would, but for the objects of the template.

    To release these would take 0.3 s. An interrupt is left to Python, which ends by the signal.
    """
    status = 0
    try:
        run(words)
    except SystemExit as ended:
        if isinstance(ended.code, int):
            status = ended.code & 0xFF
        elif ended.code is not None:
            print(ended.code, file=sys.stderr)
            status = 1
    except Exception:
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    sys.modules.pop("__main__")
    gc.collect()  # releases what the script has left
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    load(sys.argv[2:])
    job = serve(socket.socket(fileno=int(sys.argv[1])))
    prepare(job)
    run_to_the_end(job["words"])
