"""Recording on a small real disk that fills up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.counter_demos import write_counter_demo
from tests.support.paths import ROOT
from vpt_gym.demos import check, list_demos, read_demo, repair

WAIT = 60.0
"""Seconds after which a recording counts as hanging."""

RECORD = """
import sys
import numpy as np
from gymnasium import Env, spaces
from vpt_gym import RecorderWrapper
from vpt_gym.actions.human import human_action_space, no_op
from vpt_gym.demos import DemoWriteError

class Noise(Env):
    action_space = human_action_space()
    observation_space = spaces.Box(0, 255, (120, 160, 3), np.uint8)
    rng = np.random.default_rng(0)
    def look(self):
        return self.rng.integers(0, 256, (120, 160, 3), np.uint8)
    def reset(self, *, seed=None, options=None):
        self.tick = 0
        return self.look(), {}
    def step(self, action):
        self.tick += 1
        return self.look(), 0.0, self.tick == 2000, False, {}

env = RecorderWrapper(Noise(), sys.argv[1], keep=lambda episode: sys.argv[2] == "keep")
env.reset()
ticks = 0
try:
    for ticks in range(2000):
        env.step(no_op())
except DemoWriteError as error:
    print(ticks, error, flush=True)
for _ in range(30):  # the episode goes on, without a demo
    env.step(no_op())
env.close()
print("closed")
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = sys.platform == "linux" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("needs the right to mount a file system; test_writer.py limits the size of files instead")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name.endswith((".mp4", "l", "n"))}


@pytest.mark.parametrize("keep", ["keep", "throw away"])
def test_a_full_disk_is_reported_once_and_finished_demos_stay(small_disk: Path, keep: str) -> None:
    write_counter_demo(small_disk, ticks=30)
    before = bytes_of(small_disk)
    run = subprocess.run(
        [sys.executable, "-c", RECORD, str(small_disk), keep], capture_output=True, text=True, check=False, timeout=WAIT
    )
    assert run.returncode == 0, run.stderr
    said, closed = run.stdout.splitlines()
    assert closed == "closed"
    told = re.match(
        r"(\d+) cannot write demo \S+ to (\S+): .*No space left on device.* The demo has (\S+) MB in (\d+) ticks, "
        r"(\S+) MB a minute; (.+) are free there\. Free disk space or choose another directory; finished demos are not "
        r"affected, and `vpt-gym demos repair (\S+)` recovers what was written",
        said,
    )
    assert told, said
    assert told[2] == told[7] == str(small_disk)
    assert 0.3 < float(told[3]) < 1.1
    assert int(told[4]) == int(told[1]) > 15
    assert float(told[5]) == pytest.approx(float(told[3]) / int(told[4]) * 1200, rel=0.1)

    assert bytes_of(small_disk).items() >= before.items()
    (finished,) = list_demos(small_disk)
    assert len(list(read_demo(finished).frames())) == 30
    (problem,) = check(small_disk)
    assert problem.repairable


def test_what_reached_a_full_disk_can_be_repaired_elsewhere(small_disk: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", RECORD, str(small_disk), "keep"],
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    )
    ticks = int(run.stdout.split()[0])
    roomy = tmp_path / "roomy"
    roomy.mkdir()
    for path in small_disk.iterdir():
        (roomy / path.name).write_bytes(path.read_bytes())
    (done,) = repair(roomy)
    assert ticks - 30 <= done.ticks <= ticks  # the second before the disk was full, and what it could not take
    assert check(roomy) == []


def test_the_command_reports_a_full_disk_and_does_not_hang(small_disk: Path) -> None:
    command = [sys.executable, "-m", "vpt_gym", "record", "-o", str(small_disk), "--num-envs", "2", "--lossless"]
    options = [
        "--env",
        "tests.support.scripted_counter:ScriptedCounter-v0",
        "--expert",
        "tests.support.scripted_counter:CounterExpert",
    ]
    run = subprocess.run(
        [*command, *options, "--episodes", "100", "--keep", "all", "--env-kwargs", '{"size": [120, 160]}'],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert "vpt-gym record: cannot write demo" in run.stderr
    assert "No space left on device" in run.stderr or "could not be written" in run.stderr
    assert "Traceback" not in run.stderr
    finished = list_demos(small_disk)
    assert len(finished) >= 2
    for path in finished:
        demo = read_demo(path)
        assert len(list(demo.frames())) == len(demo) >= 10
