"""``--env`` and ``--env-kwargs`` name the environment in every command and example; older spellings still work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.python_processes import output_of
from vpt_gym.cli import main
from vpt_gym.demos import list_demos, read_demo

COUNTER = "tests.support.scripted_counter:ScriptedCounter-v0"
EXPERT = ("--expert", "tests.support.scripted_counter:CounterExpert")
KWARGS = '{"longest": 24}'
SPELLINGS = [("--env", "--env-kwargs"), ("--env.id", "--env.kwargs"), ("--env", "--env.kwargs")]


def recorded_in(directory: Path) -> tuple[str, dict[str, object]]:
    (path,) = list_demos(directory)
    metadata = read_demo(path).metadata
    return metadata["env_id"], metadata["env_kwargs"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_record_takes_every_spelling(tmp_path: Path, spelling: tuple[str, str]) -> None:
    env, kwargs = spelling
    assert main(["record", env, COUNTER, kwargs, KWARGS, *EXPERT, "--episodes", "1", "-o", str(tmp_path)]) == 0
    assert recorded_in(tmp_path) == ("ScriptedCounter-v0", {"longest": 24})


@pytest.mark.parametrize(
    "words",
    [
        *([env, "no.such.module:Env-v0", kwargs, "{}"] for env, kwargs in SPELLINGS),
        ["no.such.module:Env-v0"],
        ["no.such.module:Env-v0", "--env", "no.such.module:Env-v0"],
    ],
)
def test_play_takes_every_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    assert main(["play", *words]) == 1
    assert "no.such.module" in capsys.readouterr().err


def test_the_recording_example_takes_both_spellings(tmp_path: Path) -> None:
    for env, kwargs in SPELLINGS[:2]:
        out = tmp_path / kwargs
        words = (env, COUNTER, kwargs, KWARGS, *EXPERT, "--episodes", "1", "--out", out)
        output_of(ROOT / "examples" / "record.py", *words, cwd=ROOT)
        assert recorded_in(out) == ("ScriptedCounter-v0", {"longest": 24})


def test_every_example_takes_both_spellings() -> None:
    required = {"bc": ["--demos", "d"], "dagger": ["--demos", "d", "--model", "m"], "ppo": ["--model", "m"]}
    required["evaluate"] = ["--model", "m"]
    code = f"""
import importlib, json, sys, tyro
sys.path.insert(0, {str(ROOT / "examples")!r})
for name, words in {required!r}.items():
    arguments = importlib.import_module(name).Args
    for env, kwargs in {SPELLINGS[:2]!r}:
        parsed = tyro.cli(arguments, args=[*words, env, "a:B-v0", kwargs, {KWARGS!r}])
        print(json.dumps([name, parsed.env.id, parsed.env.arguments]))
words = ["--model", "m", "--tasks", "a:B-v0", "a:C-v0", "--env-key", "eyes.left"]
for task in tyro.cli(importlib.import_module("evaluate").Args, args=words).environments():
    print(json.dumps([task.id, task.key]))
"""
    printed = output_of("-c", code)
    expected = [[name, "a:B-v0", {"longest": 24}] for name in required for _ in range(2)]
    expected += [["a:B-v0", "eyes.left"], ["a:C-v0", "eyes.left"]]
    assert [json.loads(line) for line in printed.splitlines()] == expected


@pytest.mark.parametrize("command", ["record", "play"])
@pytest.mark.parametrize("value", ["easy", "[1]"])
def test_kwargs_that_are_no_json_object_are_a_wrong_option(
    capsys: pytest.CaptureFixture[str], command: str, value: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--env-kwargs", value])
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"env kwargs '{value}' must be a JSON object such as" in said


@pytest.mark.parametrize(
    "words",
    [["record", "--env", "Pendulum-v9", "--expert", "a:b"], ["play", "--env", "Pendulum-v9"], ["play", "Pendulum-v9"]],
    ids=" ".join,
)
def test_an_env_that_does_not_exist_is_a_wrong_option(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "there is no env Pendulum-v9; did you mean Pendulum-v1?" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["record", "play"])
def test_help_shows_the_one_spelling_first(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "--env ID, --env.id ID" in said
    assert "--env-kwargs JSON, --env.kwargs JSON" in said
