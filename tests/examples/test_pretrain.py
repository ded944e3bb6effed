"""examples/pretrain.py with seconds of play: every step runs, and an interrupted run is continued."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.python_processes import output_of
from vpt_gym import VPTAgent
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.demos.files.names import read_metadata


def pretrain(out: Path, *, fresh: bool = False) -> str:
    words = ("--preset", "smoke", "--out", out, "--num-envs", 1)
    return output_of(ROOT / "examples" / "pretrain.py", *words, fresh=fresh)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("pretrain") / "run"
    return out, pretrain(out, fresh=True)


def test_it_makes_an_idm_and_a_foundation_model_of_play(pretrained):
    out, printed = pretrained
    assert "inverse dynamics model, on 160 held-out ticks" in printed
    VPTAgent.from_pretrained(out / "foundation" / "agent")
    assert json.loads((out / "foundation" / "results.json").read_text())["demos"] == {"trained": 1, "held_out": 1}


def test_the_policy_goes_on_with_demos_of_the_early_game(pretrained):
    out, printed = pretrained
    assert "after the early game" in printed
    VPTAgent.from_pretrained(out / "early-game" / "agent")
    arguments = json.loads((out / "early-game" / "run.json").read_text())["args"]
    assert arguments["model"] == str(out / "foundation" / "agent")
    folders = sorted((out / "early-game-demos").iterdir())
    assert [folder.name for folder in folders] == ["harvest_1_log_forest", "harvest_1_log_taiga"]
    assert sorted(arguments["demos"]) == [str(folder) for folder in folders]
    assert all(read_demo(demo).metadata["seed"] in SEEDS["play"] for folder in folders for demo in list_demos(folder))


def test_the_foundation_model_learns_from_the_labels_of_the_idm_alone(pretrained):
    out, _ = pretrained
    assert not list_demos(out / "videos"), "play without labels has actions"
    videos = sorted(path.name for path in (out / "videos").glob("*.mp4"))
    demos = list_demos(out / "demos")
    assert sorted(read_demo(path).metadata["source"]["name"] for path in demos) == videos
    assert all("labelled_by" in read_metadata(path) for path in demos)
    assert all(read_metadata(path)["seed"] in SEEDS["play"] for path in list_demos(out / "labelled"))


def test_the_same_command_continues_it(pretrained):
    out, _ = pretrained
    finished = {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")}
    description = out / "foundation" / "run.json"
    content = json.loads(description.read_text())
    description.write_text(json.dumps({**content, "state": "running"}))  # as after a kill
    printed = pretrain(out)
    assert "inverse dynamics model: done" in printed
    assert "--resume" in printed
    assert json.loads(description.read_text())["state"] == "finished"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")} == finished
