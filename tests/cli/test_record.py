"""``vpt-gym record`` as a user runs it: in processes, interrupted, killed, continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.support.frame_counter_env import read_counter
from tests.support.paths import ROOT
from tests.support.python_processes import run
from tests.support.scripted_counter import CRAWLS_FROM
from vpt_gym.collect import run as recording
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.finished import finished_episodes
from vpt_gym.collect.session import Recording
from vpt_gym.demos import Demo, check, list_demos, read_demo

COUNTER = (
    "--env",
    "tests.support.scripted_counter:ScriptedCounter-v0",
    "--expert",
    "tests.support.scripted_counter:CounterExpert",
)
WAIT = 60.0
"""Seconds until a process that does not do what it should fails a test."""


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "vpt_gym", "record", "-o", str(directory), *options]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def record(directory: Path, *options: str, status: int = 0, fresh: bool = False) -> subprocess.CompletedProcess[str]:
    words = ("-m", "vpt_gym", "record", "-o", directory, *options)
    result = run(*words, fresh=fresh, timeout=4 * WAIT, PYTHONPATH=str(ROOT))
    assert result.returncode == status, result.stdout + result.stderr
    return result


def record_here(directory: Path, **fields: Any) -> None:
    """The same in this process, in one go."""
    env = fields.pop("env", EnvArgs(COUNTER[1]))
    recording.record(Recording(out=directory, env=env, expert=(COUNTER[3],), keep="all", **fields))


def by_seed(directory: Path) -> dict[int, Demo]:
    demos = [read_demo(path) for path in list_demos(directory)]
    seeds = [demo.metadata["seed"] for demo in demos]
    assert len(set(seeds)) == len(seeds), f"a seed stands twice: {seeds}"
    return dict(zip(seeds, demos, strict=True))


def content(directory: Path) -> dict[int, tuple[bytes, bytes, object, object]]:
    """What must not depend on how a run went: everything but ids and times."""
    assert check(directory) == []
    return {
        seed: (
            demo.files.records.read_bytes(),
            demo.files.video.read_bytes(),
            demo.metadata["return"],
            demo.metadata["recorded_by"],
        )
        for seed, demo in by_seed(directory).items()
    }


def test_the_expert_of_the_embedded_world_gives_the_same_demos_from_one_env_and_from_two(tmp_path: Path) -> None:
    # so few steps that not each episode succeeds
    options = ("--episodes", "3", "--env-kwargs", '{"image_size": [64, 96], "max_episode_steps": 150}')
    said = record(tmp_path / "one", *options, "--num-envs", "1", fresh=True).stdout
    record(tmp_path / "two", *options, "--num-envs", "2")
    assert content(tmp_path / "one") == content(tmp_path / "two")

    demos = by_seed(tmp_path / "one")
    assert len(demos) == 3
    assert max(demos) > 2, "no episode failed: choose fewer steps"
    assert all(demo.success and demo.metadata["env_kwargs"]["level"] == "easy" for demo in demos.values())
    assert f"of {max(demos) + 1} episodes 3 succeeded" in said
    assert said.count("failure, discarded") == max(demos) + 1 - 3
    pushed = [np.any(demo.executed["camera"] != demo.actions["camera"]) for demo in demos.values()]
    assert any(pushed), "the disturbance leaves its trace in what was executed"


def test_all_episodes_are_kept_if_asked_for_and_more_can_be_added(tmp_path: Path) -> None:
    options = (*COUNTER, "--keep", "all", "--seed", "4")
    record(tmp_path / "a", *options, "--episodes", "3")
    before = content(tmp_path / "a")
    assert sorted(before) == [4, 5, 6]
    assert [demo.success for _, demo in sorted(by_seed(tmp_path / "a").items())] == [True, False, True]
    said = record(tmp_path / "a", *options, "--episodes", "5", "--num-envs", "2").stdout
    after = content(tmp_path / "a")
    assert {seed: after[seed] for seed in before} == before
    assert sorted(after) == [4, 5, 6, 7, 8]
    assert "5 demos" in said
    record_here(tmp_path / "b", episodes=5, seed=4)
    assert content(tmp_path / "b") == after


def test_an_unknown_success_is_not_shown_as_a_failure(tmp_path: Path) -> None:
    options = (*COUNTER, "--env-kwargs", '{"reports_success": false}', "--keep", "all", "--episodes", "2")
    said = record(tmp_path, *options).stdout
    assert said.count("success not known") == 2
    assert "failure" not in said
    assert "of 2 episodes the success is not known" in said
    assert [demo.success for demo in by_seed(tmp_path).values()] == [None, None]
    assert [episode.success for episode in finished_episodes(tmp_path).values()] == [None, None]


def test_the_result_as_json_and_without_progress(tmp_path: Path) -> None:
    options = (*COUNTER, "--keep", "all", "--episodes", "2")
    done = record(tmp_path / "a", *options, "--json")
    found = json.loads(done.stdout)
    assert (found["demos"], found["played"], found["unknown"]) == (2, 2, 0)
    assert found["directory"] == str(tmp_path / "a")
    assert "seed 0" in done.stderr
    quiet = record(tmp_path / "b", *options, "-q")
    assert len(quiet.stdout.splitlines()) == 1
    assert "seed 0" not in quiet.stderr


def test_size_and_pixels_as_asked_for(tmp_path: Path) -> None:
    record(tmp_path, *COUNTER, "--episodes", "1", "--size", "128", "--lossless", "--disturbance", "0")
    demo = by_seed(tmp_path)[0]
    assert (demo.frame_size, demo.metadata["lossless"]) == ((128, 128), True)
    assert [read_counter(frame) for frame in demo.frames()] == [(tick, 0) for tick in range(len(demo))]
    assert not np.any(demo.executed["camera"] != demo.actions["camera"])
    assert demo.metadata["recorded_by"] == {
        "expert": "tests.support.scripted_counter:CounterExpert",
        "disturbance": 0.0,
        "size": "128",
        "lossless": True,
    }


TEN = (*COUNTER, "--episodes", "10", "--num-envs", "2", "--keep", "all", "--env-kwargs", '{"longest": 60}')


def await_an_episode(run: subprocess.Popen[str], directory: Path) -> None:
    """Waits until a recording is in an episode."""
    while not list(directory.glob("*.partial")):
        assert run.poll() is None
        time.sleep(0.01)


def broken_off(directory: Path, how: signal.Signals, *, before: int, after: int) -> int:
    """Records ``TEN`` and stops it when ``after`` episodes are reported; no process is left.

    Episodes from seed ``before`` on have then begun, and do not end.

    Returns:
        The exit status.
    """
    run = subprocess.Popen(
        command(directory, *TEN),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**{CRAWLS_FROM: f"60 {before}"}),
        start_new_session=True,
    )
    assert run.stdout is not None
    for _ in range(after):
        assert run.stdout.readline()
    children = psutil.Process(run.pid).children(recursive=True)
    assert len(children) >= 2
    await_an_episode(run, directory)
    if how == signal.SIGINT:
        os.killpg(run.pid, how)  # as a terminal does
    else:
        run.send_signal(how)
    _, said = run.communicate(timeout=WAIT)
    _, alive = psutil.wait_procs(children, timeout=WAIT)
    assert alive == []
    if how == signal.SIGINT:
        assert said.endswith(f"vpt-gym record: stopped; run the same command again to continue in {directory}\n")
        assert "Traceback" not in said
    return run.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_after_an_interrupt_and_a_kill_it_continues_with_the_same_demos(tmp_path: Path) -> None:
    record_here(tmp_path / "whole", episodes=10, env=EnvArgs(COUNTER[1], kwargs=TEN[-1]))
    whole = content(tmp_path / "whole")
    assert sorted(whole) == list(range(10))

    assert broken_off(tmp_path / "parts", signal.SIGINT, before=5, after=5) == 130
    assert sorted(content(tmp_path / "parts")) == [0, 1, 2, 3, 4]  # and nothing is broken off
    assert broken_off(tmp_path / "parts", signal.SIGKILL, before=8, after=3) == -signal.SIGKILL
    assert sorted(by_seed(tmp_path / "parts")) == [0, 1, 2, 3, 4, 5, 6, 7]

    record(tmp_path / "parts", *TEN)
    assert content(tmp_path / "parts") == whole


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_kill_leaves_broken_off_files_that_the_next_run_clears(tmp_path: Path) -> None:
    options = [*COUNTER, "--episodes", "3", "--env-kwargs", '{"longest": 90}']
    variables = environment(**{CRAWLS_FROM: "90 1"})
    run = subprocess.Popen(command(tmp_path, *options), stdout=subprocess.PIPE, text=True, env=variables)
    assert run.stdout is not None
    assert run.stdout.readline()
    await_an_episode(run, tmp_path)
    run.kill()
    run.communicate(timeout=WAIT)
    assert list(tmp_path.glob("*.partial")) != []
    record(tmp_path, *options)
    assert sorted(content(tmp_path)) == [0, 1, 3]
    assert list(tmp_path.glob("*.partial")) == []


def test_a_dead_process_is_reported_and_finished_demos_stay(tmp_path: Path) -> None:
    variables = environment(**{CRAWLS_FROM: "60 5"})
    run = subprocess.Popen(
        command(tmp_path, *TEN), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
    )
    assert run.stdout is not None
    assert run.stdout.readline()
    children = [
        child for child in psutil.Process(run.pid).children() if "resource_tracker" not in " ".join(child.cmdline())
    ]
    children[0].kill()
    _, error = run.communicate(timeout=WAIT)
    assert run.returncode == 1
    assert "died (exit code -9" in error
    assert "Finished demos stay" in error
    kept = by_seed(tmp_path).keys()
    assert kept
    assert kept <= {0, 1, 2, 3, 4}


def test_an_agent_can_play(tmp_path: Path) -> None:
    from vpt_gym import VPTAgent, VPTObsWrapper
    from vpt_gym.actions.codec import canonical

    VPTAgent.from_config("nano", seed=3).save_pretrained(tmp_path / "agent")
    env = EnvArgs(kwargs='{"level": "easy", "image_size": [72, 128], "max_episode_steps": 8}')
    options = ["--episodes", "2", "--keep", "all", "--env-kwargs", str(env.kwargs)]
    record(tmp_path / "demos", *options, "--expert", str(tmp_path / "agent"))
    agent = VPTAgent.from_pretrained(tmp_path / "agent")
    demos = by_seed(tmp_path / "demos")
    assert sorted(demos) == [0, 1]
    for seed, demo in demos.items():
        world = VPTObsWrapper(env.base())
        frame, _ = world.reset(seed=seed)
        agent.reset(seed=seed)
        assert canonical(agent.act(frame)).tolist() == demo.codes[0].tolist()
        assert demo.metadata["recorded_by"]["disturbance"] == 0.0
        assert demo.metadata["recorded_by"].get("precision", "fp32") == agent.precision
        world.close()
    assert len({tuple(demo.codes.ravel().tolist()) for demo in demos.values()}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            COUNTER[:2],
            "there is no scripted expert for tests.support.scripted_counter:ScriptedCounter-v0, only for vpt_gym/Harv",
        ),
        (
            (*COUNTER[:2], "--expert", "tests.support.scripted_counter:Exbert"),
            "no expert 'tests.support.scripted_counter:Exbert'",
        ),
        (("--episodes", "0"), "episodes is 0; it must be at least 1"),
        (("--seed", "9000000"), "seed is 9000000; demos have seeds from 0 to 999999"),
        (("--disturbance", "2"), "rate is 2.0; it must be a probability"),
        (
            (*COUNTER, "--skill", "0.5"),
            "skill is 0.5, but tests.support.scripted_counter:CounterExpert takes no argument of that",
        ),
        (("--skill", "0"), "skill is 0.0; it must be in (0, 1]"),
        (("--expert", "a", "b", "c"), "got 3 words"),
        (("--level", "easy", "--env-kwargs", '{"level": "easy"}'), "the level is given twice"),
        ((*COUNTER, "--env-kwargs", '{"reports_success": false}'), "Keep all episodes (--keep all)"),
        ((*COUNTER[:3], "tests.support.scripted_counter:FailingExpert"), "the expert is at its wits' end"),
    ],
)
def test_an_impossible_recording_is_reported_with_the_remedy(tmp_path, capsys, monkeypatch, options, message):
    from vpt_gym.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["record", *options]) == 1
    assert message in capsys.readouterr().err
    assert list_demos(tmp_path / "demos") == [] if (tmp_path / "demos").exists() else True


def test_an_error_in_a_process_is_reported_unchanged(tmp_path: Path) -> None:
    options = (*COUNTER[:3], "tests.support.scripted_counter:FailingExpert", "--num-envs", "2", "--episodes", "4")
    assert "the expert is at its wits' end" in record(tmp_path, *options, status=1).stderr
    assert list(tmp_path.glob("2*")) == []
