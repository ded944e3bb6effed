"""The example that distils a teacher into a student, as a user runs it, and after it was killed."""

from __future__ import annotations

import json
import math
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.support.example_scripts import load_example
from tests.support.numbered_demos import write_episodes
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, start
from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.identity import weights_digest
from vpt_gym.learning.distillation import Chunks
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.runs.checkpoints import load_checkpoint
from vpt_gym.learning.runs.run import Run

SMALL = '{"level": "easy", "image_size": [64, 64], "max_episode_steps": 10}'
WIDTHS = ("--student.hidsize", "32", "--student.attention-heads", "2", "--student.impala-width", "0.25")
ITERATION = ("--num-envs", "2", "--chunks", "2", "--chunk", "4", "--batch-size", "2", "--replay", "2")
EPISODES = ("--validate-every", "2", "--validation-episodes", "1", "--eval-episodes", "2")
OPTIONS = (*WIDTHS, "--student.stem-pool", "8", *ITERATION, *EPISODES, "--env-kwargs", SMALL, "--no-tensorboard")


SCRIPT = ROOT / "examples" / "distill.py"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    config = VPTConfig(hidsize=48, attention_heads=3, impala_width=0.25, stem_pool=8, attention_memory_size=136)
    folder: Path = tmp_path_factory.mktemp("teacher") / "agent"
    VPTAgent.from_config(config, seed=0).save_pretrained(folder)
    return folder


def test_it_leaves_a_student_metrics_and_a_comparison(teacher, tmp_path):
    write_episodes(tmp_path / "demos", [9, 12])
    demos = ("--demos", tmp_path / "demos", "--demo-share", "0.5")
    rare = ("--iterations", "4", "--checkpoint-every", "100")
    words = ("--teacher", teacher, "--out", tmp_path / "run", *OPTIONS, *demos, *rare)
    output = output_of(SCRIPT, *words, fresh=True)
    assert "teacher in the evaluation worlds: " in output
    student = VPTAgent.from_pretrained(tmp_path / "run" / "agent")
    assert student.policy.config.hidsize == 32
    metrics = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [entry["rollout/beta"] for entry in metrics] == [1.0, 0.75, 0.5, 0.25]
    # 2 envs with 2 chunks and one batch of demos, then twice that with the replay of two iterations
    assert [entry["train/updates"] for entry in metrics] == [3, 9, 15, 21]
    assert ["validation/success" in entry for entry in metrics] == [False, True, False, True]
    better = torch.load(tmp_path / "run" / "checkpoints" / "previous.pt")  # with the score of the agent that was kept
    assert better["step"] == 2
    assert better["state"]["teacher"] == weights_digest(VPTAgent.from_pretrained(teacher).policy)
    assert list(better["state"]["best"]) == [metrics[1]["validation/success"], -metrics[1]["validation/mean_ticks"]]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["speedup"] == results["acting_seconds"]["teacher"] / results["acting_seconds"]["student"]
    assert results["student_parameters"] < results["teacher_parameters"]
    for name in ("teacher", "student"):
        assert results[name]["seed_range"] == {"first": 9_000_000, "last": 9_000_001, "count": 2}


def test_a_student_comes_close_to_its_teacher(teacher, tmp_path):
    with torch.no_grad():  # a teacher whose actions are rare for a fresh student
        agent = VPTAgent.from_pretrained(teacher)
        for head in (agent.policy.pi_head.buttons, agent.policy.pi_head.camera):
            head.linear_layer.bias[:3] += 12.0
    agent.save_pretrained(tmp_path / "sure")
    options = ("--iterations", "8", "--lr", "5e-3", "--warmup", "5", "--beta.rounds", "2")
    words = ("--teacher", tmp_path / "sure", "--out", tmp_path / "run", *OPTIONS)
    output_of(SCRIPT, *words, *options[:-2], "beta:linear-beta", *options[-2:])
    kl = [entry["rollout/kl"] for entry in read_metrics(tmp_path / "run" / "metrics.jsonl")]
    assert kl[-1] < 0.3 * kl[0]


def test_after_a_kill_it_continues_from_its_last_checkpoint(teacher, tmp_path):
    out = tmp_path / "run"
    beta = ("beta:exponential-beta", "--beta.decay", "0.5")
    arguments = ("--teacher", teacher, "--out", out, "--iterations", "60", *OPTIONS, "--eval-episodes", "0", *beta)
    process = start(SCRIPT, *arguments)
    deadline = time.monotonic() + 300
    while process.poll() is None and not (out / "checkpoints" / "previous.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    saved = load_checkpoint(out / "checkpoints")
    assert saved is not None
    output_of(SCRIPT, "--resume", out, "--iterations", saved.step + 2)
    metrics = read_metrics(out / "metrics.jsonl")
    assert [entry["step"] for entry in metrics] == list(range(1, saved.step + 3))
    assert metrics[saved.step]["train/updates"] > saved.state["updates"]
    assert [entry["rollout/beta"] for entry in metrics] == [0.5**n for n in range(saved.step + 2)]
    assert json.loads((out / "run.json").read_text())["state"] == "finished"
    VPTAgent.from_pretrained(out / "agent")


def seen_chunk(seed: int) -> Chunks:
    """Returns a chunk of five ticks as a student saw it: an episode ends in it, and a step only resets."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (2, 1, 5, 8, 8, 3), dtype=torch.uint8, generator=generator)
    before, frames = pixels.repeat_interleave(16, 3).repeat_interleave(16, 4)
    first, weight = torch.tensor([[False, False, False, True, False]]), torch.tensor([[1.0, 1.0, 0.0, 1.0, 1.0]])
    teacher = tuple((5.0 * torch.randn(1, 5, n, generator=generator)).log_softmax(-1).half() for n in (8641, 121))
    with torch.no_grad():
        memory = small_policy()(before, torch.zeros_like(first)).memory
    return Chunks(frames, first, weight, teacher, memory)


def test_it_learns_from_the_last_iterations_as_one_would_write_it():
    script = load_example("distill")
    options = {"batch_size": 1, "epochs": 2, "lr": 1e-3, "warmup": 3, "weight_decay": 0.1, "max_grad_norm": 0.5}
    args = script.Args(teacher="x", iterations=4, replay=2, **options)
    learner, policy = script.Distillation(small_policy(), args), small_policy()
    optimizer = torch.optim.AdamW(policy.parameters(), weight_decay=0.1)
    generator, updates = torch.Generator().manual_seed(0), 0
    iterations = [seen_chunk(seed) for seed in range(3)]
    for iteration, newest in enumerate(iterations):
        metrics = learner.learn([newest], iteration)
        parts, divergences = iterations[max(0, iteration - 1) : iteration + 1], []
        for _ in range(2):
            for pick in torch.randperm(len(parts), generator=generator).tolist():
                part = parts[pick]
                pi = policy(part.frames, part.first, part.memory).pi
                theirs = [head.float().log_softmax(-1) for head in part.teacher]
                pairs = zip(theirs, pi.log_probs, strict=True)
                kl = sum((p.exp() * (p - q)).sum(-1) for p, q in pairs)[part.weight > 0].mean()
                updates += 1
                optimizer.zero_grad()
                kl.backward()
                torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
                cosine = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * iteration / 4))
                optimizer.param_groups[0]["lr"] = 1e-3 * min(1.0, updates / 3) * cosine
                optimizer.step()
                divergences.append(kl.item())
        assert metrics["train/kl"] == pytest.approx(sum(divergences) / len(divergences), rel=1e-3)
        assert metrics["train/learning_rate"] == pytest.approx(optimizer.param_groups[0]["lr"])
    for name, value in policy.state_dict().items():
        torch.testing.assert_close(learner.policy.state_dict()[name], value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("option", "value"),
    [("iterations", 0), ("chunk", 0), ("demo_share", -1.0), ("validation_episodes", 0), ("lr", 0.0)],
)
def test_an_option_out_of_range_is_named(option, value):
    script = load_example("distill")
    with pytest.raises(ValueError, match=f"{option} is {value}"):
        script.Args(teacher="no/such/agent", **{option: value})


def test_a_share_of_demos_that_is_less_than_one_chunk_is_refused(tmp_path):
    script = load_example("distill")
    with pytest.raises(ValueError, match=r"demo_share is 0\.05, which of 8 chunks is less than one: .* to 0\.125"):
        script.Args(teacher="no/such/agent", demos=(tmp_path,), demo_share=0.05)
    assert script.Args(teacher="no/such/agent", demos=(tmp_path,), demo_share=0.125).demo_chunks == 1
    assert script.Args(teacher="no/such/agent", demo_share=0.05).demo_chunks == 0  # there are no demos


def resumed(directory, state, student, teacher, **options):
    """Continues a distillation from a checkpoint after its last iteration, so that nothing is played."""
    script = load_example("distill")
    run_args = RunArgs(out=directory, tensorboard=False)
    args = script.Args(teacher="x", num_envs=3, iterations=1, vector="sync", env=EnvArgs(kwargs=SMALL), run=run_args)
    begun = Run("distill", args)
    begun.save_checkpoint(1, {**script.Distillation(student.policy, args).state_dict(), "best": [0.5], **state})
    begun.close("interrupted")
    args = replace(args, run=RunArgs(resume=directory, tensorboard=False), **options)
    run = Run("distill", args)
    try:
        script.train(student, teacher, args, run, Console(quiet=True))
    finally:
        run.close("interrupted")


def test_another_number_of_envs_and_another_teacher_on_a_resume_are_named(tmp_path):
    student, teacher, other = (VPTAgent(small_policy(seed)) for seed in (0, 1, 2))
    digests = [weights_digest(agent.policy) for agent in (other, teacher)]
    state = {"started": [3, 3, 3], "teacher": digests[1]}
    with pytest.raises(ValueError, match=r"--num-envs is 2, but this run has 3 .* give --num-envs 3"):
        resumed(tmp_path / "a", state, student, teacher, num_envs=2)
    message = r"--teacher x has weights with the digest {}, but this run began with {}, .*--start .*b/agent"
    with pytest.raises(ValueError, match=message.format(*digests)):
        resumed(tmp_path / "b", state, student, other)
