"""``examples/bc.py`` as a user runs it: what it leaves, kills and resumption, two processes, early stopping."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, run, start
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import VPTAgent
from vpt_gym.demos import DemoDataset, SequenceBatch, list_demos
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.processes import Processes
from vpt_gym.learning.runs.args import parse

LENGTHS = (17, 9, 23, 12, 31)
SCRIPT = ROOT / "examples" / "bc.py"
QUICK = ("--no-tensorboard", "--rollout-episodes", "0", "--eval-episodes", "0", "--train.warmup", "3")
BATCH = ("--train.batch-size", "2", "--train.seq-len", "5")
SHORT_EPISODES = '{"level": "easy", "image_size": [32, 32], "max_episode_steps": 3}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bc")
    write_episodes(folder / "demos", LENGTHS)
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(folder / "small")
    return folder


def words_of(folder: Path, out: str, *options: str) -> list[object]:
    return [SCRIPT, "--demos", folder / "demos", "--model", folder / "small", "--out", folder / out, *BATCH, *options]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return VPTAgent.from_pretrained(path).policy.state_dict()


def steps(path: Path) -> list[int]:
    return [entry["step"] for entry in read_metrics(path)] if path.exists() else []


def losses(directory: Path) -> list[float]:
    return [entry["train/loss"] for entry in read_metrics(directory / "metrics.jsonl") if "train/loss" in entry]


def test_it_validates_plays_and_keeps_the_best_agent(folder):
    rollouts = ("--rollout-episodes", "2", "--eval-episodes", "2", "--env-kwargs", SHORT_EPISODES)
    options = ("--train.steps", "5", "--validate-every", "2", "--log-every", "2")
    output = output_of(*words_of(folder, "whole", *options, *rollouts))
    metrics = read_metrics(folder / "whole" / "metrics.jsonl")
    train = [entry for entry in metrics if "train/loss" in entry]
    checked = [entry for entry in metrics if "validation/loss" in entry]
    assert [entry["step"] for entry in train] == [1, 2, 4, 5]
    assert [entry["step"] for entry in checked] == [2, 4, 5]
    for name in ("loss_buttons", "loss_camera", "grad_norm", "learning_rate"):
        assert f"train/{name}" in train[0]
    assert {"validation/accuracy_buttons", "validation/loss_camera", "validation/success"} <= set(checked[0])
    results = json.loads((folder / "whole" / "results.json").read_text())
    validated = [entry["validation/loss"] for entry in checked]
    # no episode of 3 ticks succeeds, so that the loss decides
    assert results["kept"]["update"] == checked[validated.index(min(validated))]["step"]
    assert results["demos"] == {"trained": 4, "held_out": 1}
    assert results["evaluation"]["seed_range"] == {"first": 9_000_000, "last": 9_000_001, "count": 2}
    assert (folder / "whole" / "agent_last" / "config.json").exists()
    assert "success in unseen worlds" in output


def test_it_prints_how_many_demos_it_learns_from_and_where_others_are(folder, tmp_path):
    write_episodes(tmp_path / "demos", (20,))
    write_episodes(tmp_path / "demos" / "6.9", (20, 20))
    options = ("--validation", "0", "--train.steps", "1", "--demos", str(tmp_path / "demos"))
    output = output_of(*words_of(folder, "one", *QUICK, *options), COLUMNS="1000")
    assert "demos: 1 to train on, 0 to validate on" in output
    assert "6.9 (2)" in output
    results = json.loads((folder / "one" / "results.json").read_text())
    assert results["kept"] == {"update": 1, "success": None, "validation_loss": None}  # neither is measured


def test_joined_segments_need_the_carried_order_and_that_is_said_before_anything_is_read(capsys):
    script = load_example("bc")
    words = ["--demos", "nowhere", "--train.join-segments"]
    with pytest.raises(SystemExit) as ended:
        parse(script.Args, words)
    assert ended.value.code == 2
    assert "--train.order carried" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert parse(script.Args, [*words, "--train.order", "carried"]).train.join_segments


def test_it_stops_when_nothing_improves(folder):
    rollouts = ("--rollout-episodes", "1", "--eval-episodes", "0", "--env-kwargs", SHORT_EPISODES)
    # without held-out episodes all validations are equal, so only the first is an improvement
    early = ("--validation", "0", "--patience", "2", "--validate-every", "1", "--train.steps", "50")
    output_of(*words_of(folder, "early", *early, *rollouts))
    results = json.loads((folder / "early" / "results.json").read_text())
    assert (results["updates"], results["kept"]["update"]) == (3, 1)
    # the best agent has its score in a checkpoint, so a run that is resumed puts no worse one in its place
    checkpoint = torch.load(folder / "early" / "checkpoints" / "last.pt")
    assert (checkpoint["step"], checkpoint["state"]["best"]["update"]) == (1, 1)


@pytest.mark.parametrize("order", ["random", "carried"])
def test_killed_at_random_moments_and_resumed_it_ends_with_the_same_weights(folder, order):
    kills = int(os.environ.get("VPT_GYM_KILLS", "2"))
    options = ("--train.order", order, "--train.steps", "60", "--checkpoint-every", "3", "--validate-every", "20")
    more = ("--train.ema", "0.9", "--train.kl-to-start", "0.5", "--log-every", "1")
    output_of(*words_of(folder, f"{order}-whole", *options, *more, *QUICK))
    out, rng = folder / f"{order}-killed", random.Random(order)
    words = words_of(folder, out.name, *options, *more, *QUICK)
    for _ in range(kills):
        done = max(steps(out / "metrics.jsonl"), default=0)
        errors = folder / "errors.txt"
        process = start(*words, stderr=errors.open("w"))
        goal = done + rng.randint(1, max(1, 60 // kills))
        while process.poll() is None and max(steps(out / "metrics.jsonl"), default=0) < min(goal, 60):
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0), errors.read_text()
        words = [SCRIPT, "--resume", out]
    output_of(*words, fresh=True)  # its sets have another order
    whole, killed = weights(folder / f"{order}-whole" / "agent_last"), weights(out / "agent_last")
    assert [name for name in whole if not torch.equal(whole[name], killed[name])] == []
    assert losses(out) == losses(folder / f"{order}-whole")


def test_demos_that_are_decoded_again_each_time_are_learned_alike(folder):
    options = ("--train.order", "carried", "--train.steps", "20", "--validation", "0", *QUICK)
    output_of(*words_of(folder, "cached", *options))
    output_of(*words_of(folder, "streamed", *options, "--cache-gib", "0"))
    kept, streamed = weights(folder / "cached" / "agent"), weights(folder / "streamed" / "agent")
    assert all(torch.equal(value, streamed[name]) for name, value in kept.items())


def test_a_loss_that_is_not_finite_ends_it_and_leaves_an_agent(folder):
    broken = VPTAgent.from_config(SMALL, seed=0)
    with torch.no_grad():
        broken.policy.net.final_ln.weight.fill_(1e30)
        broken.policy.pi_head.buttons.linear_layer.weight.fill_(1e30)
    broken.save_pretrained(folder / "broken")
    result = run(*words_of(folder, "spoilt", "--train.steps", "5", *QUICK, "--model", str(folder / "broken")))
    assert result.returncode != 0
    assert "NonFiniteLossError: update 1: the loss is" in result.stderr
    assert f"row 0: {folder / 'demos'}" in result.stderr
    assert json.loads((folder / "spoilt" / "run.json").read_text())["state"].startswith("failed: NonFiniteLossError")
    left = weights(folder / "spoilt" / "agent_last")
    assert all(torch.equal(value, left[name]) for name, value in broken.policy.state_dict().items())


class BothRanks:
    """The batches of two ranks as one, the rows of rank 0 first."""

    def __init__(self, datasets: list[DemoDataset]) -> None:
        self.datasets = datasets

    def next_batch(self) -> SequenceBatch:
        return SequenceBatch(
            *(torch.cat(parts) for parts in zip(*(d.next_batch() for d in self.datasets), strict=True))
        )


@pytest.mark.parametrize("order", ["random", "carried"])
def test_two_processes_learn_what_one_learns_from_their_batches_together(folder, order):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    options = ("--train.order", order, "--train.steps", "6", "--validation", "0", "--train.drop-null", "mask")
    output_of(*torchrun, *words_of(folder, f"{order}-two", *options, *QUICK), fresh=True)
    args = TrainArgs(batch_size=2, seq_len=5, order=order, steps=6, warmup=3, drop_null="mask")
    demos = tuple(list_demos(folder / "demos"))
    ranks = [make_dataset(demos, args, seed=0, processes=Processes(rank, 2)) for rank in (0, 1)]
    # the ranks hold different numbers of ticks with weight, so a mean of their means would differ
    assert len({np.sum(rank.next_batch().weight.numpy()) for rank in ranks for _ in range(9)}) > 1
    ranks = [make_dataset(demos, args, seed=0, processes=Processes(rank, 2)) for rank in (0, 1)]
    alone = BCTrainer(small_policy(), BothRanks(ranks), args)
    first, *_ = [alone.update()["train/loss"] for _ in range(6)]
    learned = weights(folder / f"{order}-two" / "agent_last")
    torch.testing.assert_close(learned, alone.policy.state_dict(), atol=2e-5, rtol=1e-4)
    assert losses(folder / f"{order}-two")[0] == pytest.approx(first, rel=1e-5)


def test_a_batch_that_two_processes_cannot_share_is_an_error(folder):
    with pytest.raises(ValueError, match=r"batch_size is 3.*multiple of 2"):
        make_dataset((folder / "demos",), TrainArgs(batch_size=3), seed=0, processes=Processes(0, 2))
