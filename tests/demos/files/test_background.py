"""The encoding thread: its queue is bounded, and its errors are reported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.paths import ROOT
from vpt_gym.actions.human import no_op
from vpt_gym.demos import DemoWriter, check, list_demos, read_demo

MB = 1 << 20

SLOW_ENCODER = """
import sys
import numpy as np, psutil
from vpt_gym.actions.human import no_op
from vpt_gym.demos import DemoWriter

frames = np.random.default_rng(0).integers(0, 256, (4, 720, 1280, 3), np.uint8)
process = psutil.Process()
with DemoWriter(sys.argv[1], preset="veryfast") as writer:
    for tick in range(12):
        writer.append(frames[tick % 4], no_op())
    before = most = process.memory_info().rss
    pending = []
    for tick in range(50):
        writer.append(frames[tick % 4], no_op())
        pending.append(writer.pending)
        most = max(most, process.memory_info().rss)
    behind = writer.pending
print(max(pending), behind, most - before, frames[0].nbytes)
"""


def test_an_env_that_is_faster_than_the_encoder_has_to_wait(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SLOW_ENCODER, str(tmp_path)], capture_output=True, text=True, check=True
    )
    pending, behind, growth, frame = map(int, run.stdout.split())
    assert pending == 8, "the encoder was fast enough: the test proves nothing"
    assert behind <= 8
    assert growth < 20 * frame, "of 50 that were appended"
    (path,) = list_demos(tmp_path)
    assert sum(1 for _ in read_demo(path).frames()) == 62


FLAT = """
import sys
sys.path.insert(0, sys.argv[2])
import psutil
from tests.support.frame_counter_env import FrameCounterEnv, counter_frame
from vpt_gym import RecorderWrapper
from vpt_gym.actions.human import human_action

size, ticks = (64, 64), int(sys.argv[3])
pictures = [counter_frame(tick, size) for tick in range(100)]

class Long(FrameCounterEnv):
    def _observe(self):
        return {"rgb": pictures[self._tick % 100].transpose(2, 0, 1)}

env = RecorderWrapper(Long(length=ticks, size=size), sys.argv[1])
process = psutil.Process()
env.reset(seed=0)
for tick in range(ticks):
    env.step(human_action("forward", camera=(0.0, tick % 7 / 10)))
    if tick % 500 == 499:
        print(process.memory_info().rss, flush=True)
"""


@pytest.mark.parametrize("ticks", [6_000, pytest.param(50_000, id="long-50000")])
def test_memory_stays_flat_however_long_the_episode(tmp_path: Path, ticks: int, request: pytest.FixtureRequest) -> None:
    if ticks > 6_000 and not request.config.getoption("--long"):
        pytest.skip("needs --long")
    run = subprocess.run(
        [sys.executable, "-c", FLAT, str(tmp_path), str(ROOT), str(ticks)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    used = [int(line) for line in run.stdout.split()]
    assert len(used) == ticks // 500
    # frames alone would be 12 KB a tick: 60 MB, and 600
    assert max(used[1:]) - used[1] < 8 * MB, [value // MB for value in used]
    (path,) = list_demos(tmp_path)
    assert len(read_demo(path)) == ticks


FORK = """
import os, sys
sys.path.insert(0, sys.argv[2])
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import no_op
from vpt_gym.demos import DemoWriter

writer = DemoWriter(sys.argv[1])
for tick in range(30):
    writer.append(counter_frame(tick), no_op())
child = os.fork()
if child == 0:
    for what in (lambda: writer.append(counter_frame(30), no_op()), writer.close, writer.abort):
        try:
            what()
        except RuntimeError as error:
            print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
writer.append(counter_frame(30), no_op())
print(writer.close())
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_a_fork_of_a_recording_process_does_not_touch_the_demo(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    *said, path = run.stdout.splitlines()
    assert len(said) == 3
    assert all(
        "of which this one is a fork; create the env and its recorder in the process that steps" in s for s in said
    )
    assert len(read_demo(path)) == 31
    assert check(tmp_path) == []


def test_ticks_are_copies(tmp_path: Path) -> None:
    frame = np.zeros((48, 80, 3), np.uint8)
    with DemoWriter(tmp_path, lossless=True) as writer:
        for tick in range(40):
            frame[...] = tick
            writer.append(frame, no_op())
        path = writer.close()
    assert path is not None
    assert [int(frame[0, 0, 0]) for frame in read_demo(path).frames()] == list(range(40))
