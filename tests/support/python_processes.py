"""Runs scripts and ``python -m`` as a user does, in processes of their own that start in milliseconds.

A new Python spends 2 to 4 seconds on importing torch, numba and others. Here the processes are forked from one that
has imported them (``python_template``); ``fresh=True`` starts a new Python. Use it for at least one run of each script,
and where a test is about start-up, imports, or variables that are read then. Forked processes share their hash seed
with each other; a fresh one has its own.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from tests.support import python_template

WAIT = 500.0
"""Seconds until a process that does not end fails a test."""
PACKAGES = (
    *("numpy", "gymnasium", "numba", "torch", "cv2", "av", "imageio.v3", "rich.console", "tyro"),
    "torch._dynamo",  # the first optimizer imports it, which takes a second
    "torch.utils.tensorboard",
    "vpt_gym.agents.agent",
    "vpt_gym.world.env",
)
"""What most scripts import, and what takes long."""
READ_AT_START = ("PYTHON", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "VPT_GYM_")
"""Variables that Python or a package reads when it is started or imported begin with these."""
READ_TOO = ("LANG", "LC_ALL", "HOME", "XDG_CACHE_HOME")
"""More such variables."""
READ_LATER = ("PYTHONPATH", "PYTHONBREAKPOINT")
"""Not these: the template adds the first to the path, and the second, which Ray sets, is read by ``breakpoint()``."""
CAN_FORK = sys.platform == "linux"


class Forked:
    """A process of the template, with the methods of ``subprocess.Popen`` that tests use."""

    def __init__(
        self, words: list[str], pid: int, status: IO[bytes], stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self.args, self.pid, self.stdout, self.stderr = words, pid, stdout, stderr
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.returncode = int(self._status.read(python_template.FIGURES))
            self._status.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and its status is not written yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Template:
    """The process that is forked. It has imported some packages."""

    def __init__(self, packages: tuple[str, ...] = PACKAGES) -> None:
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, python_template.__file__, str(theirs.fileno()), *packages],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.end)

    def end(self) -> None:
        self._requests.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def start(self, job: dict[str, Any], stdout: int, stderr: int) -> tuple[int, IO[bytes]]:
        """Returns (the pid, a file from which the exit status can be read once the process has ended).

        Raises:
            RuntimeError: The template has ended.
        """
        ours, theirs = os.pipe()
        status = open(ours, "rb", buffering=0)  # noqa: SIM115
        try:
            with contextlib.suppress(ConnectionError):
                socket.send_fds(self._requests, [json.dumps(job).encode()], [stdout, stderr, theirs])
        finally:
            os.close(theirs)
        pid = status.read(python_template.FIGURES)
        if not pid:
            status.close()
            self._errors.seek(0)
            raise RuntimeError(f"the template of Python processes has ended: {self._errors.read()}")
        return int(pid), status


@functools.cache
def template() -> Template:
    return Template()


def variables(more: dict[str, str]) -> dict[str, str]:
    # 200 columns: rich does not break the lines that tests look for
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **more}


def start(
    *words: object,
    cwd: str | Path | None = None,
    fresh: bool = False,
    stdout: Any = subprocess.DEVNULL,
    stderr: Any = subprocess.DEVNULL,
    start_new_session: bool = False,
    **more: str,
) -> Forked | subprocess.Popen[str]:
    """Starts ``python WORDS``.

    Args:
        words: The script, or ``-m`` and a module, or ``-c`` and code; and its arguments.
        cwd: Its folder; None for that of this process.
        fresh: Starts a new Python instead of forking one.
        stdout: Where it prints: a file, ``subprocess.PIPE`` or ``subprocess.DEVNULL``.
        stderr: The same for errors; also ``subprocess.STDOUT``.
        start_new_session: Whether it leads a session of its own.
        more: Variables, beside those of this process.

    Raises:
        ValueError: A forked process cannot have one of the variables.
    """
    texts, environment = list(map(str, words)), variables(more)
    if fresh or not CAN_FORK:
        return subprocess.Popen(
            [sys.executable, *texts],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=start_new_session,
        )
    for name in {*environment, *template().environment}:
        matters = name not in READ_LATER and (name.startswith(READ_AT_START) or name in READ_TOO)
        if matters and environment.get(name) != template().environment.get(name):
            raise ValueError(f"{name} is read when Python starts or imports a package; pass fresh=True")
    folder = os.path.abspath(cwd or os.getcwd())
    job = {"words": texts, "cwd": folder, "environment": environment, "start_new_session": start_new_session}
    opened: list[int] = []
    readers: list[IO[str] | None] = []

    def written_to(where: Any) -> int:
        readers.append(None)
        if where == subprocess.PIPE:
            ours, theirs = os.pipe()
            readers[-1] = open(ours)  # noqa: SIM115
            opened.append(theirs)
        elif where == subprocess.DEVNULL:
            opened.append(os.open(os.devnull, os.O_WRONLY))
        else:
            return where if isinstance(where, int) else int(where.fileno())
        return opened[-1]

    try:
        out = written_to(stdout)
        err = written_to(out if stderr == subprocess.STDOUT else stderr)
        pid, status = template().start(job, out, err)
    finally:
        for file in opened:
            os.close(file)
    return Forked(texts, pid, status, *readers)


def run(
    *words: object, cwd: str | Path | None = None, fresh: bool = False, timeout: float = WAIT, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs ``python WORDS`` to its end, see ``start``. A process that takes longer than ``timeout`` seconds is killed.

    Raises:
        TimeoutError: It was killed; with what it had printed.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = start(*words, cwd=cwd, fresh=fresh, stdout=out, stderr=err, **more)
        try:
            status: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        done = subprocess.CompletedProcess(list(map(str, words)), status or 0, out.read(), err.read())
    if status is None:
        raise TimeoutError(f"{done.args} did not end within {timeout} s: {done.stdout}{done.stderr}")
    return done


def output_of(*words: object, **options: Any) -> str:
    """Runs ``python WORDS``, see ``run``. Returns what it prints; fails if it fails."""
    done = run(*words, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
