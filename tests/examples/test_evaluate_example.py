"""examples/evaluate.py as a user runs it: several tasks and agents, resumption, mistakes."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from tests.support.python_processes import run, start
from tests.support.scripted_counter import CRAWLS_FROM
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.cli import main
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.runs.args import parse

COUNTER = "tests.support.scripted_counter:ScriptedCounter-v0"
SHORT, LONGER = f'{COUNTER} {{"longest": 6}}', f'{COUNTER} {{"longest": 8}}'


SCRIPT = ROOT / "examples" / "evaluate.py"


def evaluate(*arguments: object, fresh: bool = False) -> subprocess.CompletedProcess[str]:
    return run(SCRIPT, *arguments, cwd=ROOT, fresh=fresh)


def results_of(directory: Path) -> dict[str, Any]:
    evaluations: dict[str, Any] = json.loads((directory / "results.json").read_text())["evaluations"]
    return evaluations


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_time(evaluations: dict[str, Any]) -> dict[str, Any]:
    return {name: {**figures, "seconds": None} for name, figures in evaluations.items()}


def test_several_agents_play_several_tasks(tmp_path: Path) -> None:
    VPTAgent.from_config("nano", seed=3).save_pretrained(tmp_path / "agent")
    out = tmp_path / "run"
    options = ("--episodes", 4, "--worlds", "validation", "--video-episodes", 2, "--temperature", 0.5)
    done = evaluate("--model", "nano", tmp_path / "agent", "--tasks", SHORT, LONGER, *options, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "success in the validation worlds 8,000,000 to 8,000,003" in done.stdout
    evaluations = results_of(out)
    assert [(figures["agent"], figures["env_kwargs"]) for figures in evaluations.values()] == [
        (agent, {"longest": longest}) for agent in ("nano", str(tmp_path / "agent")) for longest in (6, 8)
    ]
    for figures in evaluations.values():
        # of the counter every third seed fails: 8,000,000 is one
        assert [episode["success"] for episode in figures["results"]] == [False, True, True, False]
        assert (figures["successes"], figures["episodes"], figures["sampling_temperature"]) == (2, 4, 0.5)
    assert len({figures["weights_digest"] for figures in evaluations.values()}) == 2
    assert len(lines_of(out / "episodes.jsonl")) == 16
    assert len(list(out.glob("*.mp4"))) == len(list(out.glob("*.gif"))) == 4
    assert json.loads((out / "run.json").read_text())["state"] == "finished"
    assert main(["report", str(out), "--out", str(tmp_path / "report.html")]) == 0
    assert "2/4 = 50%" in (tmp_path / "report.html").read_text()


def test_a_killed_run_plays_only_what_is_missing(tmp_path: Path) -> None:
    arguments = ("--model", "nano", "--tasks", SHORT, LONGER, "--episodes", 12, "--num-envs", 2, "--precision", "fp32")
    whole = evaluate(*arguments, "--video-episodes", 0, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "killed"
    log = out / "episodes.jsonl"
    slow = {CRAWLS_FROM: f"8 {SEEDS['evaluation'][3]}"}  # in the second task three episodes end soon
    process = start(SCRIPT, *arguments, "--video-episodes", 0, "--out", out, cwd=ROOT, **slow)
    end = time.monotonic() + 120
    while not log.exists() or log.read_bytes().count(b"\n") < 15:
        assert time.monotonic() < end, "15 episodes have not ended"
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with log.open("ab") as file:
        file.write(b'{"agent": "na')  # what it was writing
    before = log.read_bytes().splitlines()[:-1]
    assert 15 <= len(before) < 24
    resumed = evaluate("--resume", out)
    assert resumed.returncode == 0, resumed.stderr
    after = log.read_bytes().splitlines()
    assert after[: len(before)] == before
    played = [(entry["env_kwargs"]["longest"], entry["seed"]) for entry in lines_of(log)]
    assert len(played) == len(set(played)) == 24
    assert without_time(results_of(out)) == without_time(results_of(tmp_path / "whole"))
    complete, continued = (figures["seconds"] for figures in results_of(out).values())
    assert complete > 0
    assert continued is None  # not the time of the last episodes alone


def test_workers_of_a_ray_cluster_play_the_same_episodes(tmp_path: Path) -> None:
    arguments = ("--model", "nano", "--tasks", SHORT, LONGER, "--episodes", 3, "--precision", "fp32", "--num-envs", 1)
    for name, words in (("here", ()), ("ray", ("--ray", "local", "--ray-workers", 1))):
        done = evaluate(*arguments, "--video-episodes", 0, *words, "--out", tmp_path / name, fresh=name == "ray")
        assert done.returncode == 0, done.stderr
    assert without_time(results_of(tmp_path / "ray")) == without_time(results_of(tmp_path / "here"))
    assert len(lines_of(tmp_path / "ray" / "episodes.jsonl")) == 6


def test_other_settings_are_other_episodes(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("--model", "nano", "--tasks", SHORT, "--episodes", 3, "--video-episodes", 0, "--out", out)
    assert evaluate(*words).returncode == 0
    resumed = evaluate("--resume", out, "--temperature", 0.5, "--episodes", 2)
    assert resumed.returncode == 0, resumed.stderr
    assert [entry["sampling_temperature"] for entry in lines_of(out / "episodes.jsonl")] == [1.0] * 3 + [0.5] * 2
    (figures,) = results_of(out).values()
    assert (figures["episodes"], figures["sampling_temperature"]) == (2, 0.5)


def test_the_key_of_the_frame_is_one_of_the_settings() -> None:
    example = load_example("evaluate")
    agent, args = VPTAgent(small_policy()), example.Args(model=("small",))
    settings = [example.settings_of(args, agent, "small", EnvArgs(key=key)) for key in (None, "view", "eyes")]
    assert [entry.get("env_key") for entry in settings] == [None, "view", "eyes"]


LATE = "tests.support.late_success_env:LateSuccess-v0"


def test_a_task_that_never_reports_success_is_an_error_before_the_others_are_played(tmp_path: Path) -> None:
    tasks = (SHORT, f'{LATE} {{"longest": 6}}', f'{LATE} {{"longest": 8, "reports_success": false}}')
    done = evaluate("--model", "nano", "--tasks", *tasks, "--episodes", 9, "--out", tmp_path / "run")
    assert done.returncode != 0
    assert "evaluate.py: LateSuccess-v0 does not report whether an episode succeeded" in done.stderr
    # one episode of each task that had not reported success in its first tick; the second of them ended the run
    assert [entry["env_kwargs"] for entry in lines_of(tmp_path / "run" / "episodes.jsonl")] == [{"longest": 6}]
    assert "SuccessNotReportedError" in json.loads((tmp_path / "run" / "run.json").read_text())["state"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", SHORT, "--env", "vpt_gym/Harvest1Dirt-v0"], "--tasks replaces --env"),
        (["--tasks", SHORT, SHORT], "--tasks has the same value twice"),
        (["--tasks", "vpt_gym/Harvest1Log-v0 easy"], "must be a JSON object"),
        (["--tasks", "vpt_gym/Harvest1Lug-v0"], "there is no env vpt_gym/Harvest1Lug-v0"),
        (["--episodes", "0"], "must be at least 1"),
        (["--weights", "a.weights", "b.weights"], "--weights has 2 files"),
    ],
)
def test_a_wrong_option_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("evaluate")
    with pytest.raises(SystemExit) as stopped:
        parse(example.Args, ["--model", "nano", *arguments])
    assert stopped.value.code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_level_that_does_not_exist_is_named(tmp_path: Path) -> None:
    done = evaluate("--model", "nano", "--levels", "easy", "eazy", "--out", tmp_path / "run")
    assert done.returncode != 0
    assert "evaluate.py: Harvest1Log-v0 level=eazy cannot be made: " in done.stderr
    assert lines_of(tmp_path / "run" / "episodes.jsonl") == []


def test_a_directory_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    done = evaluate("--model", "nano", "--tasks", SHORT, "--out", tmp_path)
    assert done.returncode != 0
    assert "exists: continue it with --resume" in done.stderr
