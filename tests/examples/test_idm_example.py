"""The example that trains an inverse dynamics model, as a user runs it, and the command that uses what it leaves."""

from __future__ import annotations

import json
import math
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.support.example_scripts import load_example
from tests.support.frame_counter_env import counter_frame
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, run, start
from vpt_gym.actions.human import no_op
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.demos import DemoWriter, list_demos, read_demo
from vpt_gym.learning.idm.windows import ActionWindows
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.runs.run import Run

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
    ended = []
    for goal in (moments.randint(2, 5), moments.randint(7, 11)):
        process = start(*words)
        while process.poll() is None and last_step(out / "metrics.jsonl") < goal:
            time.sleep(0.005)
        process.kill()
        ended.append(process.wait())
        words = (SCRIPT, "--resume", out)
    assert -signal.SIGKILL in ended
    assert set(ended) <= {-signal.SIGKILL, 0}  # on a busy machine, one may have been faster than the kill
    output_of(*words, fresh=True)  # its sets have another order
    runs = [IDMAgent.from_pretrained(folder / "idm").model.state_dict() for folder in (trained / "whole", out)]
    assert [name for name, value in runs[0].items() if not torch.equal(value, runs[1][name])] == []
    assert [entry["step"] for entry in read_metrics(out / "metrics.jsonl")] == list(range(1, 13))


def test_it_fits_windows_as_one_would_write_it(tmp_path):
    script = load_example("idm")
    config = IDMConfig(
        hidsize=16, attention_heads=2, impala_width=1, impala_chans=(2, 2, 2), n_recurrence_layers=1, conv3d_channels=4,
        stem_pool=8,
    )  # fmt: skip
    agents = [IDMAgent.from_config(config, seed=0) for _ in range(2)]
    demos = [read_demo(path) for path in list_demos(write_episodes(tmp_path / "demos", (17, 14)))]
    windows = [ActionWindows(demos, seq_len=6, batch_size=2, seed=0) for _ in range(2)]
    options = {"steps": 6, "lr": 1e-2, "warmup": 3, "weight_decay": 0.2, "max_grad_norm": 0.5}
    run_args = RunArgs(out=tmp_path / "run", tensorboard=False)
    args = script.Args(demos=tmp_path, train=script.TrainArgs(**options), log_every=1, run=run_args)
    run = Run("idm", args)
    script.train(agents[0], windows[0], args, run, Console(quiet=True))
    run.close("interrupted")

    model, smooth = agents[1].model.train(), None
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.2)
    for update, logged in enumerate(read_metrics(tmp_path / "run" / "metrics.jsonl"), 1):
        frames, buttons, camera = windows[1].next_batch()
        pi = model(frames)
        held = -pi.buttons.gather(-1, buttons[..., None]).sum((-1, -2))
        moved = -pi.camera.gather(-1, camera[..., None]).sum((-1, -2))
        loss = (held + moved).sum() / 12  # nats a tick
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        cosine = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * update / 6))
        rate = optimizer.param_groups[0]["lr"] = 1e-2 * min(1.0, update / 3) * cosine
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        assert (logged["train/loss"], logged["train/learning_rate"]) == pytest.approx((smooth, rate), rel=1e-4)
    assert update == 6
    for name, value in model.state_dict().items():
        torch.testing.assert_close(agents[0].model.state_dict()[name], value, atol=1e-4, rtol=1e-3)


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
