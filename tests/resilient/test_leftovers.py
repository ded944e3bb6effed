"""ResilientEnv leaves nothing behind, however it, its env or its program ends."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import psutil
import pytest

from tests.support.leftovers import left, soon
from tests.support.misbehaving_env import MisbehavingEnv, act
from tests.support.paths import ROOT
from vpt_gym import ResilientEnv

pytestmark = pytest.mark.filterwarnings("ignore:the env failed:RuntimeWarning")


def test_close_ends_everything_and_can_be_repeated(temporary):
    env = ResilientEnv(partial(MisbehavingEnv, spawn=True))
    pids = env.reset()[1]["pids"]
    env.close()
    env.close()
    assert left(pids) == []
    assert list(temporary.iterdir()) == []
    assert not env.has_wrapper_attr("volume")
    for use in (env.reset, env.render, partial(env.step, act("none"))):
        with pytest.raises(gym.error.ClosedEnvironmentError):
            use()


def test_a_hanging_close_is_ended_by_force(temporary):
    env = ResilientEnv(partial(MisbehavingEnv, close="hang"), close_timeout=1)
    pids = env.reset()[1]["pids"]
    with pytest.warns(RuntimeWarning, match="did not answer within 1 s"):
        env.close()
    assert left(pids) == []


def test_a_programming_error_in_close_is_raised_when_all_is_cleaned_up(temporary):
    env = ResilientEnv(partial(MisbehavingEnv, close="value"))
    pids = env.reset()[1]["pids"]
    with pytest.raises(ValueError, match="no such action"):
        env.close()
    assert left(pids) == []
    assert list(temporary.iterdir()) == []


def test_an_env_that_is_forgotten_is_cleaned_up(temporary):
    env = ResilientEnv(partial(MisbehavingEnv, spawn=True))
    pids = env.reset()[1]["pids"]
    del env
    gc.collect()
    assert left(pids) == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_it_waits_ends_the_episode(resilient):
    env = resilient(step_timeout=None)
    pids = env.reset()[1]["pids"]

    def interrupt_a_step() -> None:
        while env._worker._lock.acquire(blocking=False):  # the step has not begun
            env._worker._lock.release()
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt_a_step)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        env.step(act("hang"))
    thread.join()
    assert left(pids) == []
    assert "KeyboardInterrupt" in env.step(act("none"))[4]["env_error"]
    assert env.reset()[1]["restarts"] == 1


def test_twenty_failures_leave_nothing(resilient, temporary, monkeypatch):
    env = resilient(step_timeout=60)
    seen: set[int] = set()
    faults = [*["abort", "sigkill", "exit", "connection"] * 4, "sigkill", "hang", "runtime", "torn json"]
    for number, fault in enumerate(faults):
        _, info = env.reset()
        if number == 1:  # now that all has been imported
            before = psutil.Process().num_fds()
        seen.update(env.step(act("spawn"))[4]["pids"] if number % 5 == 0 else info["pids"])
        with monkeypatch.context() as patched:
            patched.setattr(env, "_step_timeout", 1 if fault == "hang" else 60)
            assert "env_error" in env.step(act(fault))[4]
    assert env.reset()[1]["restarts"] == 20
    assert psutil.Process().num_fds() == before
    assert left(sorted(seen)) == []
    assert len(list(temporary.iterdir())) == 1  # of the process that runs now


def test_vector_envs_hold_it():
    def make() -> ResilientEnv:
        return ResilientEnv(MisbehavingEnv)

    for kind in (gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv):
        envs = kind([make, make])
        _, info = envs.reset(seed=0)
        pids = [pid for each in info["pids"] for pid in each]
        obs, *_, truncated, info = envs.step([act("sigkill"), act("none")])
        np.testing.assert_array_equal(obs, [[1, 0], [1, 1]])
        assert truncated.tolist() == [True, False]
        assert "SIGKILL" in info["env_error"][0]
        obs, *_, info = envs.step([act("none"), act("none")])  # the first one is reset
        np.testing.assert_array_equal(obs, [[1, 0], [1, 2]])
        assert info["restarts"].tolist() == [1, 0]
        envs.close()
        assert left(pids) == []


def run_program(tmp_path: Path, program: str) -> subprocess.Popen[str]:
    """Starts a script that has no ``__main__`` guard and makes ``env``."""
    script = tmp_path / "program.py"
    start = """
        import ctypes, os, signal, time, psutil
        from functools import partial
        from tests.support.misbehaving_env import MisbehavingEnv, act
        from vpt_gym import ResilientEnv

        class Lost(ValueError):
            pass

        class Local(MisbehavingEnv):
            def step(self, action):
                if action == act("value"):
                    raise Lost("here")
                return super().step(action)

        env = ResilientEnv(partial(Local, spawn=True))
        _, info = env.reset()
        print(*info["pids"], flush=True)
    """
    script.write_text("".join(f"{textwrap.dedent(part)}\n" for part in (start, program)))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path / "temporary")}
    return subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def test_a_program_without_a_guard_and_without_a_close(temporary, tmp_path):
    program = """
        try:
            env.step(act("value"))
        except Lost as error:
            print(error)
    """
    with run_program(tmp_path, program) as running:
        output, _ = running.communicate()
    pids, error = output.splitlines()
    assert error == "here"
    assert running.returncode == 0
    assert left([int(pid) for pid in pids.split()]) == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_in_a_terminal_reaches_the_program_but_not_the_env(temporary, tmp_path):
    program = """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print(env.step(act("none"))[1])
    """
    with run_program(tmp_path, program) as running:
        assert running.stdout is not None
        pids = running.stdout.readline().split()
        assert running.stdout.readline() == "ready\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout.readline() == "1.0\n"
    assert left([int(pid) for pid in pids]) == []


def test_a_killed_program_takes_a_hanging_env_along(temporary, tmp_path):
    with run_program(tmp_path, 'env.step(act("hang"))') as running:
        assert running.stdout is not None
        pids = [int(pid) for pid in running.stdout.readline().split()]
        assert len(left(pids)) == 3
        running.kill()
    assert soon(lambda: not left(pids) and not list(temporary.iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_orphans_of_a_program_that_is_a_containers_first_process_are_reaped(tmp_path):
    program = """
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come to this process
        print(env.step(act("sigkill"))[4]["env_error"])
        print(psutil.Process().children())
    """
    (tmp_path / "temporary").mkdir(exist_ok=True)
    with run_program(tmp_path, program) as running:
        output, _ = running.communicate()
    assert output.splitlines()[1:] == ["step: the env's process was killed by signal 9 (SIGKILL)", "[]"]
