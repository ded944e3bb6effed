"""A training on demos that are being collected, while games and the training itself are killed (``make test-long``)."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.support.paths import ROOT
from tests.support.small_policy import SMALL
from vpt_gym import VPTAgent
from vpt_gym.demos import check, list_demos, repair
from vpt_gym.learning.logging import read_metrics

BC = [sys.executable, str(ROOT / "examples" / "bc.py")]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
STEPS = 60
KILLS = int(os.environ.get("VPT_GYM_KILLS", "3"))
FIRST_DEMOS = 6

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the limits and the descriptors of a Linux process"),
    pytest.mark.timeout(0),
]


@contextmanager
def collecting(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Records demos from games that fail, until the end of the context kills it."""
    options = {"--ticks": 10**9, "--every": 60, "--length": 40, "--kept": 10**6, "--check": 400}
    words = [sys.executable, "-m", "tests.soak.collect", str(directory), *map(str, sum(options.items(), ()))]
    process = subprocess.Popen(words, cwd=ROOT, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def weights(run: Path) -> dict[str, torch.Tensor]:
    return VPTAgent.from_pretrained(run / "agent_last").policy.state_dict()


def losses(run: Path) -> list[float]:
    return [entry["train/loss"] for entry in read_metrics(run / "metrics.jsonl") if "train/loss" in entry]


def test_a_training_beside_the_collection_ends_as_an_uninterrupted_one(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--long"):
        pytest.skip("takes minutes: --long")
    demos, killed, whole = tmp_path / "demos", tmp_path / "killed", tmp_path / "whole"
    demos.mkdir()
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(tmp_path / "small")
    options = [
        "--model",
        str(tmp_path / "small"),
        "--train.batch-size",
        "2",
        "--train.seq-len",
        "5",
        "--log-every",
        "1",
    ]
    options += ["--train.steps", str(STEPS), "--checkpoint-every", "3", "--validate-every", "20", "--no-tensorboard"]
    options += ["--rollout-episodes", "0", "--eval-episodes", "0", "--train.warmup", "3"]
    rng = random.Random(0)
    with collecting(demos) as collection:
        while len(list_demos(demos)) < FIRST_DEMOS:
            assert collection.poll() is None
            time.sleep(0.2)
        words = [*BC, "--demos", str(demos), "--out", str(killed), *options]
        for kill in range(KILLS):
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV) as training:
                goal = STEPS * (kill + 1) // (KILLS + 1)
                while training.poll() is None and reached(killed) < goal:
                    time.sleep(0.002)
                time.sleep(rng.random() * 0.05)
                training.kill()
                assert training.stderr is not None
                errors = training.stderr.read().decode()
            assert training.returncode < 0, errors
            words = [*BC, "--resume", str(killed)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=ENV)
        assert collection.poll() is None

    learned = [Path(name) for name in json.loads((killed / "demos.json").read_text())["demos"]]
    repair(demos)
    assert check(demos) == []
    assert FIRST_DEMOS <= len(learned) < len(list_demos(demos))  # more came while it was trained
    (tmp_path / "still").mkdir()
    for path in learned:
        for suffix in (".mp4", ".jsonl", ".json"):
            shutil.copy2(path.with_suffix(suffix), tmp_path / "still")
    run = [*BC, "--demos", str(tmp_path / "still"), "--out", str(whole), *options]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env=ENV)
    mine, theirs = weights(killed), weights(whole)
    assert [name for name in theirs if not torch.equal(mine[name], theirs[name])] == []
    assert losses(killed) == losses(whole)


def reached(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return max((entry["step"] for entry in read_metrics(metrics)), default=0) if metrics.exists() else 0
