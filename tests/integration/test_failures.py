"""Crashes, hangs and incomplete answers of the game are reported, and the next reset recovers without leftovers."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest

from tests.support.proxy import FAULTS
from vpt_gym import minedojo
from vpt_gym.minedojo import GameError, MineDojoEnv
from vpt_gym.minedojo.factory import make_legacy

REST = {"camera": [0.0, 0.0]}
CAUSES = {
    "close": "the game closed the connection",
    "exit": "ended with exit code 3",
    "kill-server": "closed the connection",
    "hang": "did not answer within 2 s",
    "bad-json": "JSONDecodeError",
    "short-frame": r"a frame of 18429 bytes, expected 18432",
    "half-message": "closed the connection",
    "done": "ended the mission",
    "no-info": "closed the connection",
    "length": "the game announced a message of 4,294,967,295 bytes",
    "drip": "did not answer within 2 s",
}


def left_behind() -> tuple[set[int], set[str], int]:
    """The processes below this one, the temporary files, and the number of open descriptors."""
    gc.collect()
    processes = {child.pid for child in psutil.Process().children(recursive=True)}
    return processes, set(os.listdir(tempfile.gettempdir())), len(os.listdir("/proc/self/fd"))


def stop(game: psutil.Process) -> None:
    """Stops a process. Returns when all of its threads stand: until its turn comes, each of them could still answer."""
    game.suspend()
    deadline = time.monotonic() + 20.0
    states = {"R"}
    while states != {"T"}:
        assert time.monotonic() < deadline, f"the game does not stop: its threads are {states}"
        stats = [path.read_text() for path in Path(f"/proc/{game.pid}/task").glob("*/stat")]
        states = {stat.rpartition(")")[2].split()[0] for stat in stats}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_truncates_with_its_cause_and_the_next_reset_starts_a_new_game(
    make_through_proxy: Any, fault: str
) -> None:
    env = make_through_proxy("--fault", fault, "--after", "3", step_timeout=2, task_id="harvest_1_log")
    env.reset(seed=1)
    for _ in range(3):
        before, _, terminated, truncated, info = env.step(REST)
        assert (terminated, truncated) == (False, False)
        assert "env_error" not in info
    seen = before["rgb"].copy()
    before.pop("rgb")[:] = 0  # the caller's own, whatever it does with it
    assert np.array_equal(env.render(), seen.transpose(1, 2, 0))
    observation, reward, terminated, truncated, info = env.step({"camera": [0.0, 30.0]})
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["success"] is False
    assert CAUSES[fault] in info["env_error"]
    assert np.array_equal(observation["rgb"], seen) is (fault != "done")
    with pytest.raises(gym.error.ResetNeeded):
        env.step(REST)

    _, info = env.reset(seed=1)
    assert info["reset"] == {"kind": "full", "restarted": True, "seed": "world"}
    assert not any(env.step(REST)[2:4])


def test_a_mission_that_ends_with_the_task_is_a_success_and_no_failure(make_through_proxy: Any) -> None:
    from minedojo.sim import InventoryItem

    env = make_through_proxy("--fault", "done", "--after", "1", step_timeout=20, task_id="harvest_1_log")
    env.reset(seed=1)
    env.set_inventory([InventoryItem(slot=0, name="log", variant=None, quantity=1)])  # MineDojo's task does not see it
    _, reward, terminated, truncated, info = env.step(REST)
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)
    assert "env_error" not in info  # recorders drop a tick with an error, and evaluations play the episode again
    with pytest.raises(gym.error.ResetNeeded):
        env.step(REST)
    assert env.reset(seed=1)[1]["reset"]["restarted"]


def test_a_game_that_dies_between_episodes_is_replaced_even_for_a_fast_reset(make_env: Any) -> None:
    env = make_env()
    _, info = env.reset()
    assert info["reset"] == {"kind": "full", "restarted": True, "seed": None}
    for _ in range(2):
        (game,) = psutil.Process().children()
        os.kill(game.pid, signal.SIGKILL)
        _, info = env.reset()
        assert info["reset"] == {"kind": "full", "restarted": True, "seed": None}
    assert env.reset()[1]["reset"] == {"kind": "fast", "restarted": False, "seed": None}


def test_a_stopped_game_counts_as_hung(make_env: Any) -> None:
    env = make_env(step_timeout=1)
    env.reset()
    (game,) = psutil.Process().children()
    stop(game)
    *_, truncated, info = env.step(REST)
    assert truncated
    assert info["env_error"] == "the game did not answer within 1 s"
    assert env.reset()[1]["reset"]["restarted"]
    assert not game.is_running()


def test_a_game_that_dies_in_a_command_of_the_user_ends_the_next_step(make_env: Any) -> None:
    env = make_env()
    first, _ = env.reset(seed=1)
    (game,) = psutil.Process().children()
    os.kill(game.pid, signal.SIGKILL)
    env.unwrapped.set_time(6000)
    observation, reward, terminated, truncated, info = env.step(REST)
    assert (reward, terminated, truncated, info["ticks"]) == (0.0, False, True, 0)
    assert "killed by SIGKILL" in info["env_error"]
    assert np.array_equal(observation["rgb"], first["rgb"])
    assert env.reset()[1]["reset"]["restarted"]


def test_the_game_of_an_environment_that_nobody_closed_ends_with_it(make_env: Any) -> None:
    from vpt_gym import minedojo

    env = minedojo.make("harvest_1_log", backend="embedded", image_size=(64, 96))
    env.reset()
    (game,) = psutil.Process().children()
    del env
    gc.collect()
    assert not game.is_running()


SILENT_GAME = """
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print("***** Start MalmoEnvServer on port", listener.getsockname()[1], flush=True)
print("CLIENT enter state: DORMANT", flush=True)
time.sleep(600)
"""


def test_a_silent_game_is_reported_with_the_time_limit_it_exceeded() -> None:
    old = make_legacy("open-ended", image_size=(64, 96))
    env = MineDojoEnv(old, command=lambda _: [sys.executable, "-c", SILENT_GAME], reset_timeout=1, step_timeout=30)
    with pytest.raises(GameError, match="the game did not answer within 1 s"):
        env.reset()
    env.close()


@pytest.mark.parametrize("steps_on", [True, False])
def test_an_interrupted_step_is_not_answered_with_the_rest_of_the_one_before(make_env: Any, steps_on: bool) -> None:
    env = make_env(step_timeout=20)
    first, _ = env.reset(seed=1)
    (game,) = psutil.Process().children()
    stop(game)
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        env.step(REST)
    game.resume()
    if steps_on:
        with pytest.raises(GameError, match=r"the last step was interrupted\. Call reset"):
            env.step(REST)
    again, info = env.reset(seed=1)
    assert info["reset"]["restarted"]
    assert not env.step(REST)[3]
    assert np.array_equal(first["rgb"], again["rgb"])


def test_a_closed_environment_asks_for_a_reset_and_takes_it(make_env: Any) -> None:
    env = make_env()
    env.reset()
    env.close()
    env.close()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(REST)
    assert env.reset()[1]["reset"]["restarted"]


def test_a_game_that_cannot_start_reports_the_cause_every_time() -> None:
    old = make_legacy("open-ended", image_size=(64, 96))
    env = MineDojoEnv(old, command=lambda _: [sys.executable, "-c", "print('no Java here'); raise SystemExit(1)"])
    for _ in range(2):  # MineDojo's own second try fails with "Expect 0 action XMLs" (its issue 17)
        with pytest.raises(GameError, match=r"(?s)ended while it started.*no Java here.*vpt-gym doctor"):
            env.reset()
    env.close()


def test_a_mission_that_the_world_cannot_have_is_named(make_env: Any) -> None:
    env = make_env("open-ended", generate_world_type="flat")
    with pytest.raises(GameError, match=r"(?s)the game closed the connection.*FlatWorldGenerator"):
        env.reset()


def test_cycles_and_faults_leave_nothing_behind(
    long: bool, make_through_proxy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cycles, faults = (50, 20) if long else (5, 5)
    warm = minedojo.make("harvest_1_log", backend="embedded", image_size=(64, 96))
    warm.reset()
    warm.close()
    before = left_behind()
    for seed in range(cycles):
        env = minedojo.make("harvest_1_log", backend="embedded", image_size=(64, 96))
        env.reset(seed=seed)
        env.step(REST)
        env.close()
        del env
    for number in range(faults):
        fault = FAULTS[number % len(FAULTS)]
        env = make_through_proxy("--fault", fault, "--after", "2", step_timeout=1)
        env.reset()
        while not env.step(REST)[3]:
            pass
        env.close()
        del env
    assert left_behind() == before


FORK = """
import os, sys
from vpt_gym import minedojo
env = minedojo.make("harvest_1_log", image_size=(64, 96))
env.reset(seed=1)
child = os.fork()
if child == 0:
    sys.exit(0)  # runs the handlers of this process's exit, MineDojo's among them
os.waitpid(child, 0)
print(env.step({"camera": [0, 0]})[2:4])
env.close()
"""


def test_the_exit_of_a_fork_does_not_end_the_game_of_its_parent(minedojo_with_launcher: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(minedojo_with_launcher)}
    ran = subprocess.run(
        [sys.executable, "-c", FORK], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout.splitlines() == ["(False, False)"], ran.stderr


JAVA_ROUTE = """
import os, psutil, sys, tempfile
import vpt_gym
from vpt_gym import minedojo
import minedojo as theirs
env = minedojo.make("harvest_1_log", image_size=(64, 96), step_timeout=5)
assert "site" in theirs.__file__
for _ in range(2):
    obs, info = env.reset(seed=1)
    print("RESET", info["reset"]["kind"], info["reset"]["restarted"])
    game = psutil.Process(env.unwrapped._bridge._games[0].instance.minecraft_process.pid)
    for _ in range(3):
        *_, truncated, info = env.step({"camera": [0, 0]})
        assert not truncated
    print("FILES", len(os.listdir(tempfile.gettempdir())))
    game.kill()
    *_, truncated, info = env.step({"camera": [0, 0]})
    print("STEP", truncated, info["env_error"].splitlines()[0])
obs, info = env.reset()
env.close()
print("LEFT", os.listdir(tempfile.gettempdir()), psutil.Process().children(recursive=True))
"""


def test_the_launch_of_minecraft_itself_recovers_and_leaves_nothing(
    minedojo_with_launcher: Path, tmp_path: Path
) -> None:
    """MineDojo's own launch: the copy of Minecraft, the script, the watchdog; only the script is another."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(minedojo_with_launcher), "TMPDIR": str(temporary)}
    ran = subprocess.run(
        [sys.executable, "-c", JAVA_ROUTE], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    # whether the end of a killed process is seen as an end or as a reset is the system's choice
    told = [re.sub(r" \(.*", "", line) for line in ran.stdout.splitlines() if line.split(" ")[0].isupper()]
    assert told == [
        "RESET full True",
        "FILES 1",
        "STEP True the game's process was killed by SIGKILL",
        "RESET full True",
        "FILES 1",
        "STEP True the game's process was killed by SIGKILL",
        "LEFT [] []",
    ], ran.stderr
    assert "Exception ignored" not in ran.stderr
    deadline = time.monotonic() + 10
    while watchdogs := [
        p for p in psutil.process_iter(["cmdline"]) if str(minedojo_with_launcher) in str(p.info["cmdline"])
    ]:
        assert time.monotonic() < deadline, watchdogs
        time.sleep(0.2)
