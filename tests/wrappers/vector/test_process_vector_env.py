"""The vector environment whose parts are played by processes: the same results, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, iterate

import vpt_gym  # noqa: F401 (registers the environments)
from tests.support.varied_env import ARRAYS, SPACES, Fragile, Told, assert_same, step_both, vector_of
from vpt_gym.resilient.env import EnvFailure
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.vector import MOST_WORLDS, make_worlds
from vpt_gym.wrappers.vector import ProcessVectorEnv, ThreadVectorEnv
from vpt_gym.wrappers.vector.row_batches import rows_of

ID = "vpt_gym/Harvest1Dirt-v0"
ROOT = Path(__file__).parents[3]


def gone(pids: list[int]) -> bool:
    """Waits until the processes have ended."""
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_worlds_of_two_processes_equal_those_of_threads() -> None:
    how: dict[str, Any] = {"image_size": (32, 48), "max_episode_steps": 4, "autoreset_mode": AutoresetMode.SAME_STEP}
    ours = gym.make_vec(ID, num_envs=3, processes=2, **how)
    theirs = gym.make_vec(ID, num_envs=3, **how)
    assert isinstance(ours, ProcessVectorEnv)
    assert isinstance(theirs, ThreadVectorEnv)
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    assert_same(ours.reset(seed=10), theirs.reset(seed=10))
    ours.action_space.seed(3)
    step_both(ours, theirs, 10)
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("mode", "space", "copy"),
    [
        (AutoresetMode.NEXT_STEP, "arrays", True),
        (AutoresetMode.SAME_STEP, "text", True),
        (AutoresetMode.DISABLED, "box", False),
    ],
)
def test_other_environments_are_batched_as_by_gymnasium(mode: AutoresetMode, space: str, copy: bool) -> None:
    ours = ProcessVectorEnv(
        [partial(vector_of, Told, numbers, SPACES[space], mode) for numbers in (range(3), range(3, 4))], copy=copy
    )
    theirs = vector_of(Told, range(4), SPACES[space], mode)
    ours.action_space.seed(1)
    assert_same(ours.reset(seed=[5, 3, 8, 1]), theirs.reset(seed=[5, 3, 8, 1]))
    ends, found = step_both(ours, theirs, 100)
    assert ends > 30
    kept = deepcopy(found[0])
    ours.step(ours.action_space.sample())
    if copy:
        assert_same(found[0], kept)
    else:
        assert not np.array_equal(found[0], kept)
    ours.set_attr("left", [4, 5, 6, 7])
    assert ours.get_attr("left") == (4, 5, 6, 7)
    assert [info["left"] for _, info in ours.call("observe")] == [4, 5, 6, 7]
    ours.close()


def test_an_error_and_a_killed_worker_are_named_and_nothing_is_left() -> None:
    files = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    envs = ProcessVectorEnv([partial(vector_of, Fragile, numbers, ARRAYS) for numbers in (range(2), range(2, 4))])
    envs.reset(seed=0)
    actions = envs.action_space.sample()
    with pytest.raises(ValueError, match="3 rows"):
        envs.step({name: values[:3] for name, values in actions.items()})
    envs.set_attr("trouble", ["", "", "", "error"])
    with pytest.raises(LookupError, match="no such block") as caught:
        envs.step(actions)
    cause = str(caught.value.__cause__)
    assert f"worker 1 (process {envs.process_ids[1]}, environments 2 to 3)" in cause
    assert "Traceback" in cause
    envs.set_attr("trouble", "")
    envs.reset(seed=0)
    envs.step(actions)  # the reply to the last step was not mistaken for this one
    started = time.monotonic()
    os.kill(envs.process_ids[1], signal.SIGKILL)
    with pytest.raises(
        EnvFailure, match=r"step: worker 1 \(process \d+, environments 2 to 3\) was killed by .*SIGKILL"
    ):
        envs.step(actions)
    assert time.monotonic() - started < 10
    with pytest.raises(EnvFailure, match="make a new vector environment"):
        envs.reset()
    envs.close()
    assert gone([*envs.process_ids])
    del envs
    if files:
        assert len(os.listdir("/proc/self/fd")) <= len(files)


SCRIPT = """
from tests.support.varied_env import ARRAYS, Fragile, vector_of
from vpt_gym.wrappers.vector import ProcessVectorEnv

def make():  # of __main__, and without a guard
    return vector_of(Fragile, range(1), ARRAYS)

for last in (False, True):
    envs = ProcessVectorEnv([make] * 2)
    envs.reset(seed=0)
    envs.set_attr("trouble", "hang")
    try:
        print(*envs.process_ids, flush=True)  # in here: the interrupt may come before the step begins
        envs.step(envs.action_space.sample())
    except KeyboardInterrupt:
        envs.close()
        print("interrupted", flush=True)
"""


def test_workers_end_after_an_interrupt_and_when_the_program_is_killed() -> None:
    program = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert program.stdout is not None
    with program:
        first = [int(pid) for pid in program.stdout.readline().split()]
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == "interrupted\n"
        assert len(first) == 2
        assert gone(first)
        second = [int(pid) for pid in program.stdout.readline().split()]
        program.kill()
    assert len(second) == 2
    assert gone(second)


@pytest.mark.parametrize("actions", ["human", "minedojo", "native"])
def test_actions_of_every_kind_are_divided(actions: str) -> None:
    single = VoxelEnv(actions=actions).action_space
    batch = batch_space(single, 5)
    sample = batch.sample()
    parts = [(rows, rows_of(single, sample, rows, 5)) for rows in (slice(0, 3), slice(3, 5))]
    found = [each for rows, part in parts for each in iterate(batch_space(single, rows.stop - rows.start), part)]
    assert_same(found, list(iterate(batch, sample)))


@pytest.mark.parametrize("processes", [0, 3, True, 1.5])
def test_an_impossible_number_of_processes_is_refused(processes: Any) -> None:
    with pytest.raises(ValueError, match=f"processes is {processes}"):
        make_worlds(2, processes=processes)


def test_what_makes_no_vector_env_is_refused() -> None:
    with pytest.raises(ValueError, match="env_fns is empty"):
        ProcessVectorEnv([])
    with pytest.raises(TypeError, match=r"env_fns\[0\] is 3"):
        ProcessVectorEnv([3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="processes="):
        make_worlds(2 * MOST_WORLDS + 1, processes=2)
