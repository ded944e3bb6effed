"""Forked processes are what a new Python would be, as far as a script can tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support import python_template
from tests.support.paths import ROOT
from tests.support.python_processes import CAN_FORK, output_of, run, start

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="forks on Linux")

LOOK = """
import json, multiprocessing, os, signal, sys, tempfile, threading, beside
main = sys.modules["__main__"]
print(json.dumps({
    "name": __name__, "file": __file__, "main": main.beside is beside, "argv": sys.argv, "path": sys.path[0],
    "folder": os.getcwd(), "variables": dict(os.environ), "child": multiprocessing.parent_process() is not None,
    "temporary": tempfile.gettempdir(), "threads": len(os.listdir("/proc/self/task")),
    "files": sorted(os.listdir("/proc/self/fd"))[:3], "open": len(os.listdir("/proc/self/fd")),
    "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "ended": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL, "session": os.getsid(0) == os.getpid(),
}))
"""


def script(folder: Path, code: str) -> Path:
    path = folder / "script.py"
    path.write_text(code)
    return path


def test_a_script_sees_what_it_sees_in_a_new_python(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "here").mkdir()
    script(tmp_path, LOOK)
    forked, fresh = (
        json.loads(
            output_of("../script.py", "--a", 1, cwd=tmp_path / "here", fresh=fresh, TMPDIR=str(tmp_path), MINE="1")
        )
        for fresh in (False, True)
    )
    fresh["variables"].pop("_", None)
    forked["variables"].pop("_", None)
    assert forked == fresh
    assert (fresh["folder"], fresh["threads"]) == (str(tmp_path / "here"), 1)


def test_a_module_is_run(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(
        "import sys; print(__name__, __spec__.name, *sys.argv, sys.path[0])"
    )
    forked, fresh = (output_of("-m", "package", "x", cwd=tmp_path, fresh=fresh) for fresh in (False, True))
    assert forked == fresh


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('it is broken')", 1, "it is broken\n"),
        ("import sys; sys.exit()", 0, ""),
        ("raise OSError('no disk')", 1, "OSError: no disk\n"),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM, ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
    ],
)
def test_it_ends_as_a_new_python_does(tmp_path: Path, code: str, status: int, error: str, fresh: bool) -> None:
    done = run(script(tmp_path, code), fresh=fresh)
    assert done.returncode == status
    assert done.stderr.endswith(error)
    assert ("Traceback" in done.stderr) == ("Error" in error or "Keyboard" in error)


def test_at_the_end_threads_are_awaited_and_what_is_registered_is_called(tmp_path: Path) -> None:
    code = (
        "import atexit, threading, time\n"
        "class Kept:\n    def __del__(self): print('released')\n"
        "kept = Kept(); kept.itself = kept\n"
        "atexit.register(print, 'called')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('awaited'))).start()\n"
    )
    assert output_of(script(tmp_path, code)).split() == ["awaited", "called", "released"]


def test_what_processes_of_a_script_print_is_part_of_its_output(tmp_path: Path) -> None:
    done = run(script(tmp_path, "import os; os.system('echo here; echo there >&2')"))
    assert (done.stdout, done.stderr) == ("here\n", "there\n")


def test_two_processes_draw_different_random_numbers(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        "import random, numpy; print(random.random(), numpy.random.rand(), numpy.random.default_rng().random())",
    )
    one, other = output_of(path).split(), output_of(path).split()
    assert not set(one) & set(other)


def test_a_process_that_hangs_is_killed(tmp_path: Path) -> None:
    path = script(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with pytest.raises(TimeoutError, match=r"did not end within 5 s: \d+") as raised:
        run(path, timeout=5)
    assert not Path(f"/proc/{str(raised.value).split()[-1]}").exists()


def test_code_is_run(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    code = "import beside, sys; print(__name__, sys.argv, sys.path[0], beside.__file__)"
    forked, fresh = (output_of("-c", code, "x", cwd=tmp_path, fresh=fresh) for fresh in (False, True))
    assert forked == fresh


def test_it_can_be_watched_and_killed(tmp_path: Path) -> None:
    path = script(tmp_path, "import time; print('begun', flush=True); time.sleep(600)")
    process = start(path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert os.getsid(process.pid) == process.pid
    process.kill()
    assert process.wait(30) == process.returncode == -signal.SIGKILL
    assert process.stdout.read() == ""
    process.stdout.close()
    process.kill()  # nothing happens


def test_a_variable_that_is_read_at_start_needs_a_new_python(tmp_path: Path) -> None:
    path = script(tmp_path, "import sys; print(sys.flags.hash_randomization)")
    with pytest.raises(ValueError, match="PYTHONHASHSEED is read when Python starts"):
        run(path, PYTHONHASHSEED="0")
    assert output_of(path, fresh=True, PYTHONHASHSEED="0") == "0\n"


def test_a_variable_that_is_read_later_is_passed_on(tmp_path: Path) -> None:
    path = script(tmp_path, "import os; print(os.environ['PYTHONBREAKPOINT'])")
    assert output_of(path, PYTHONBREAKPOINT="0") == "0\n"  # Ray sets it, in the process of the tests


def test_the_template_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, signal; from tests.support.python_processes import Template\n"
        "print(Template(())._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = run(script(tmp_path, code), fresh=True, PYTHONPATH=str(ROOT))
    assert done.returncode == -signal.SIGKILL, done.stderr
    deadline = time.monotonic() + 60
    while is_running(int(done.stdout)):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_template_with_a_thread_is_refused(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    words = [sys.executable, python_template.__file__, "0", "threaded"]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the template has 2 threads" in done.stderr
