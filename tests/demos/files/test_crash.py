"""Recordings whose process is killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.frame_counter_env import read_counter
from tests.support.paths import ROOT
from tests.support.python_processes import start
from vpt_gym.demos import check, list_demos, read_demo, repair
from vpt_gym.demos.files.names import files_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


# Tick t of episode e: both stand in the frame and in the action. "e t" is said once the tick has been appended.
RECORD = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import human_action
from vpt_gym.demos import DemoWriter

length = int(sys.argv[3])
for episode in range(200):
    writer = DemoWriter(sys.argv[1], metadata={"episode": episode})
    for tick in range(length):
        action = human_action("attack", camera=(episode, tick / 10))
        writer.append(counter_frame(tick, episode=episode), action, reward=1)
        print(episode, tick, flush=True)
    writer.close(success=True, ended="terminated")
    print("done", episode, flush=True)
"""


def killed_recording(directory: Path, length: int, after_lines: int, delay: float) -> list[list[str]]:
    """Records until ``after_lines`` lines are printed, waits ``delay`` seconds, kills, and returns the output."""
    child = start("-c", RECORD, directory, ROOT, length, stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = [child.stdout.readline().split() for _ in range(after_lines)]
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    said += [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert child.wait() == -signal.SIGKILL
    return said


def assert_content(path: Path, ticks: int | None = None) -> int:
    """Checks that the demo's frames and actions are those of its episode from tick 0; returns the episode."""
    demo = read_demo(path)
    episode = demo.metadata["episode"]
    assert [read_counter(frame) for frame in demo.frames()] == [(t, episode) for t in range(len(demo))]
    assert demo.actions["camera"][:, 0].tolist() == [episode] * len(demo)
    assert demo.actions["camera"][:, 1].tolist() == pytest.approx([t / 10 for t in range(len(demo))])
    assert demo.metadata["return"] == demo.rewards.sum() == len(demo)
    assert ticks is None or len(demo) == ticks
    return int(episode)


# Two recorders in one process play episodes of all lengths in turns. "name episode tick" is said after each step.
RECORD_TWO = """
import random, sys
sys.path.insert(0, sys.argv[2])
from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym import RecorderWrapper
from vpt_gym.actions.human import human_action

rng = random.Random(int(sys.argv[3]))
envs = [RecorderWrapper(FrameCounterEnv(success=True), sys.argv[1], metadata={"name": name}) for name in range(2)]
episode, tick = [-1, -1], [0, 0]
while True:
    for name, env in enumerate(envs):
        if tick[name] == 0:
            episode[name] += 1
            env.unwrapped.length = rng.choice([1, 3, 19, 20, 21, 45, 90])
            env.reset(options={"episode": episode[name] % 256})
        action = human_action("attack", camera=(episode[name] % 256, tick[name] / 10))
        over = env.step(action)[2]
        print(name, episode[name], tick[name], env.last_demo if over else "", flush=True)
        tick[name] = 0 if over else tick[name] + 1
"""


def test_kills_at_any_moment(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for seed in range(100 if request.config.getoption("--long") else 6):
        (tmp_path / str(seed)).mkdir()
        killed_at_any_moment(tmp_path / str(seed), seed)


def killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    demos = tmp_path / "demos"
    with open(tmp_path / "said", "w") as file:  # not a pipe, which would hold the recording up
        child = start("-c", RECORD_TWO, demos, ROOT, seed, stdout=file)
        while not (tmp_path / "said").stat().st_size and child.poll() is None:
            time.sleep(0.001)
        time.sleep(random.Random(seed).uniform(0.0, 0.6))
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    said = [line.split() for line in (tmp_path / "said").read_text().splitlines(keepends=True) if line.endswith("\n")]
    assert_only_the_last_second_is_lost(demos, said)


def assert_only_the_last_second_is_lost(directory: Path, said: list[list[str]]) -> None:
    finished = {path: [file.read_bytes() for file in files_of(path).all] for path in list_demos(directory)}
    assert set(finished) >= {Path(line[3]) for line in said if len(line) == 4}
    for path in finished:
        assert read_demo(path).metadata["ended"] == "terminated"

    problems = check(directory)
    assert len(problems) <= 2  # one for each recorder
    assert all(problem.repairable for problem in problems)
    assert len(repair(directory)) == len(problems)
    assert check(directory) == []
    assert repair(directory) == []
    assert {path: [file.read_bytes() for file in files_of(path).all] for path in finished} == finished
    assert list(directory.glob("*.partial*")) == []

    # the ids of a recorder's demos are in the order of its episodes
    saved: dict[int, list[Path]] = {0: [], 1: []}
    for path in list_demos(directory):
        saved[read_demo(path).metadata["name"]].append(path)
    for name, paths in saved.items():
        lines = [line for line in said if int(line[0]) == name]
        for episode, path in enumerate(paths):
            demo = read_demo(path)
            assert [read_counter(frame) for frame in demo.frames()] == [(t, episode) for t in range(len(demo))]
            assert demo.actions["camera"].tolist() == [pytest.approx((episode, t / 10)) for t in range(len(demo))]
        if lines:
            episode, tick = int(lines[-1][1]), int(lines[-1][2])
            ticks = len(read_demo(paths[episode])) if len(paths) > episode else 0
            assert ticks >= tick + 1 - 20
            assert len(paths) >= episode


@pytest.mark.parametrize(
    ("length", "after_lines", "delay"),
    [
        (300, 5, 0.0),  # in the first second
        (300, 37, 0.0),
        (300, 150, 0.003),
        (300, 400, 0.011),  # with one demo finished before
        (4, 20, 0.002),  # short demos: much of the time goes into finishing them
        (4, 41, 0.007),
        (22, 70, 0.005),
    ],
)
def test_a_kill_loses_at_most_the_last_second(tmp_path: Path, length: int, after_lines: int, delay: float) -> None:
    said = killed_recording(tmp_path, length, after_lines, delay)
    finished = {path: path.with_suffix(".mp4").read_bytes() for path in list_demos(tmp_path)}
    done = [int(line[1]) for line in said if line[0] == "done"]
    assert len(finished) >= len(done)
    for path in finished:
        assert_content(path, length)

    problems = check(tmp_path)
    assert len(problems) <= 1
    assert all(problem.repairable for problem in problems)
    repairs = repair(tmp_path)
    assert len(repairs) == len(problems)
    assert check(tmp_path) == []
    assert repair(tmp_path) == []
    assert all(path.with_suffix(".mp4").read_bytes() == video for path, video in finished.items())

    episode, tick = next((int(line[0]), int(line[1])) for line in reversed(said) if line[0] != "done")
    saved = {assert_content(path): len(read_demo(path)) for path in list_demos(tmp_path)}
    assert saved.get(episode, 0) >= tick + 1 - 20


def test_a_recovered_demo_is_marked(tmp_path: Path) -> None:
    killed_recording(tmp_path, 300, 60, 0.0)
    (repaired,) = repair(tmp_path)
    demo = read_demo(tmp_path / repaired.id)
    assert len(demo) == repaired.ticks
    assert repaired.ticks >= 40
    assert demo.metadata["ended"] == "recovered"
    assert demo.success is None
    assert str(repaired) == f"{demo.id}: recovered up to tick {repaired.ticks}"


def test_several_processes_record_into_one_directory(tmp_path: Path) -> None:
    short = RECORD.replace("range(200)", "range(3)")
    children = [start("-c", short, tmp_path, ROOT, 25, fresh=True) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert sorted(assert_content(path, 25) for path in list_demos(tmp_path)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert check(tmp_path) == []


REPAIR = """
import sys
from vpt_gym.demos import repair

while True:
    for done in repair(sys.argv[1], interrupted_only=True):
        print(done, flush=True)
"""


def test_repairing_while_others_record_touches_nothing_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "demos").mkdir()
    repairing = start("-c", REPAIR, tmp_path / "demos", stdout=subprocess.PIPE)
    short = RECORD.replace("range(200)", "range(50)")
    children = [start("-c", short, tmp_path / "demos", ROOT, 2) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    repairing.kill()
    assert repairing.stdout is not None
    said = repairing.stdout.read().splitlines()
    assert all(line.endswith("nothing could be recovered; its files were removed") for line in said), said
    assert sorted(assert_content(path, 2) for path in list_demos(tmp_path / "demos")) == sorted([*range(50)] * 2)
