"""The example that trains an inverse dynamics model, as a user runs it, and the command that uses what it leaves."""

from __future__ import annotations

import json
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.support.example_scripts import load_example
from tests.support.frame_counter_env import counter_frame
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, run, start
from vpt_gym.actions.human import no_op
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.demos import DemoWriter, list_demos, read_demo
from vpt_gym.learning.logging import read_metrics

RECORD, SCRIPT = ROOT / "examples" / "record.py", ROOT / "examples" / "idm.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("idm")
    output_of(RECORD, "--out", folder / "demos", "--episodes", "16")
    options = ("--held-out", "4", "--train.steps", "150", "--train.batch-size", "3", "--result", folder / "idm.json")
    output_of(SCRIPT, "--demos", folder / "demos", "--out", folder / "run", *options, fresh=True)
    return folder


def test_recordings_without_a_seed_are_held_out_by_their_names(tmp_path):
    write_episodes(tmp_path / "demos", (6, 7, 8))
    paths = list_demos(tmp_path / "demos")
    names = [read_demo(path).id for path in paths]
    learned, held_out = load_example("idm").split(tmp_path / "demos", paths, 1)
    assert [demo.id for demo in (*learned, *held_out)] == sorted(names)


def test_demos_that_cannot_be_scored_are_refused_before_the_training(tmp_path):
    write_episodes(tmp_path, (6,))
    with DemoWriter(tmp_path) as writer:
        writer.append(counter_frame(0), no_op())
    with pytest.raises(ValueError, match="no button is ever held"):
        load_example("idm").split(tmp_path, sorted(list_demos(tmp_path)), 1)


def test_a_minute_of_training_beats_the_majority(trained):
    report = json.loads((trained / "run" / "results.json").read_text())
    assert json.loads((trained / "idm.json").read_text()).items() <= report.items()
    assert report["train"]["demos"] == 12
    assert report["held_out"]["demos"] == 4
    scores = report["scores"]
    assert {"attack", "forward"} <= set(scores["buttons"])
    assert scores["key_accuracy"] > scores["majority_accuracy"] + 0.03
    assert scores["exact_match"] > scores["majority_exact_match"] + 0.05
    low, high = report["intervals_95"]["key_accuracy"]
    assert low <= scores["key_accuracy"] <= high
    losses = [entry["train/loss"] for entry in read_metrics(trained / "run" / "metrics.jsonl")]
    assert losses[-1] < 0.8 * losses[0]


def test_the_model_labels_videos_from_the_shell(trained):
    video = read_demo(list_demos(trained / "demos")[0]).files.video
    output_of("-m", "vpt_gym", "label", video, "-o", trained / "labelled", "--model", trained / "run" / "idm")
    (path,) = list_demos(trained / "labelled")
    assert read_demo(path).actions["attack"].any()


def test_a_saved_model_is_trained_on(trained):
    options = ("--held-out", "4", "--train.steps", "2", "--model", trained / "run" / "idm")
    output_of(SCRIPT, "--demos", trained / "demos", "--out", trained / "again", *options)
    before = IDMAgent.from_pretrained(trained / "run" / "idm").model.state_dict()
    after = IDMAgent.from_pretrained(trained / "again" / "idm").model.state_dict()
    moved = max(float((after[key] - before[key]).abs().max()) for key in before if before[key].numel())
    assert 0 < moved < 0.01
    smaller = IDMAgent.from_config(replace(IDMConfig.named("nano"), hidsize=128), seed=0)
    smaller.save_pretrained(trained / "smaller")
    result = run(SCRIPT, "--resume", trained / "again", "--train.steps", "4", "--model", trained / "smaller")
    assert "continue with the model that the run began with" in result.stderr.splitlines()[-1]


def test_killed_at_random_moments_and_resumed_it_ends_with_the_same_weights(trained):
    sizes = ("--train.steps", "12", "--train.batch-size", "1", "--checkpoint-every", "2", "--log-every", "1")
    command = (SCRIPT, "--demos", trained / "demos", "--held-out", "1", *sizes)
    output_of(*command, "--out", trained / "whole")
    out, moments = trained / "killed", random.Random(0)
    words: tuple[object, ...] = (*command, "--out", out)
    for goal in (moments.randint(2, 5), moments.randint(7, 11)):
        process = start(*words)
        while process.poll() is None and last_step(out / "metrics.jsonl") < goal:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        words = (SCRIPT, "--resume", out)
    output_of(*words, fresh=True)  # its sets have another order
    runs = [IDMAgent.from_pretrained(folder / "idm").model.state_dict() for folder in (trained / "whole", out)]
    assert [name for name, value in runs[0].items() if not torch.equal(value, runs[1][name])] == []
    assert [entry["step"] for entry in read_metrics(out / "metrics.jsonl")] == list(range(1, 13))


def last_step(metrics: Path) -> int:
    """The last step in a file of metrics, whose last line may be incomplete."""
    lines = metrics.read_text().split("\n")[:-1] if metrics.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def test_a_learning_rate_that_teaches_nothing_is_named():
    with pytest.raises(ValueError, match=r"lr is 0\.0; it must be positive"):
        load_example("idm").TrainArgs(lr=0.0)


def test_too_few_demos_are_reported(trained):
    result = run(SCRIPT, "--demos", trained / "demos", "--held-out", "16")
    assert result.returncode != 0
    assert "holds 16 demos and 16 are to be held out" in result.stderr
