"""PPO: a VPT policy learns from reward, and stays close to the policy that it starts from.

    python examples/ppo.py --model runs/bc/agent --out runs/ppo

As in Baker et al. 2022 (arXiv:2206.11795), section on RL fine-tuning: a KL term to the frozen pretrained policy, whose
weight decays, replaces the entropy bonus. A minibatch holds all ticks of some envs, and starts from the memory that
the policy had when it played them (``vpt_gym/learning/rollout.py``). The loss is ``ppo_loss`` in
``vpt_gym/learning/losses.py``.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import gymnasium as gym
import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vpt_gym.agents.agent import ActingPrecision
from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.logging import MetricLogger, plot_curves, read_metrics
from vpt_gym.learning.losses import PPOLoss, ppo_loss
from vpt_gym.learning.rollout import Rollout, RolloutCollector
from vpt_gym.system.machine import describe
from vpt_gym.system.require import require


@dataclass
class Args:
    """Improves a policy by PPO, and evaluates it before and after."""

    model: str
    """Agent to start from: folder of a saved agent, .model file, or size (nano, 1x, 2x, 3x)."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    out: Path = Path("runs/ppo")
    """Directory of the agent, its metrics and its curves."""
    iterations: int = 200
    """Maximum number of rollouts."""
    seconds: float = 540.0
    """Maximum wall time of the training in seconds."""
    num_envs: int = 16
    """Envs that are played at the same time."""
    ticks: int = 128
    """Ticks of a rollout in each env."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 4
    """Minibatches in a pass; each holds all ticks of some envs."""
    lr: float = 1e-4
    """Learning rate."""
    gamma: float = 0.999
    """Discount per tick (VPT's RL: 0.999)."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation."""
    clip: float = 0.2
    """Range of the probability ratio: 1 - clip to 1 + clip."""
    value_coefficient: float = 0.5
    """Weight of the value loss."""
    kl_coefficient: float = 0.2
    """Weight of KL(start || policy) in the first iteration (VPT: 0.2)."""
    kl_decay: float = 0.9995
    """Factor of that weight from one iteration to the next (VPT: 0.9995)."""
    value_warmup: int = 5
    """Number of first iterations in which only the value head learns: the start policy cannot predict values yet."""
    max_grad_norm: float = 5.0
    """Maximum norm of the gradient."""
    train_precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions; bf16 is faster where the processor has the instructions."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts in the evaluations. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of the sampling, the minibatches and the worlds."""
    env: EnvArgs = field(default_factory=EnvArgs)
    eval_episodes: int = 50
    """Episodes of the evaluations before and after training; 0 skips them."""


@dataclass(frozen=True)
class Means:
    """Means of one iteration's losses."""

    policy: float
    value: float
    kl_to_reference: float
    approx_kl: float
    clip_fraction: float

    @classmethod
    def of(cls, losses: list[PPOLoss]) -> Means:
        """Returns the mean of each term."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: float(np.mean([getattr(loss, name).item() for loss in losses])) for name in names})


def update(
    policy: VPTPolicy,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    reference: ActionDistribution,
    kl_coefficient: float,
    args: Args,
    generator: torch.Generator,
) -> Means:
    """Makes ``args.epochs`` passes over a rollout; ``reference`` is the frozen policy's output for its ticks."""
    policy.value_head.update(rollout.value_target[rollout.weight > 0])
    advantages = rollout.advantage[rollout.weight > 0]
    losses = []
    for _ in range(args.epochs):
        for rows, part in rollout.minibatches(args.minibatches, generator):
            output = policy(part.frames, part.first, part.memory)
            loss = ppo_loss(
                output.pi,
                output.value,
                ActionDistribution(reference.buttons[rows], reference.camera[rows]),
                codes=part.codes,
                old_log_prob=part.log_prob,
                advantage=(part.advantage - advantages.mean()) / (advantages.std() + 1e-8),
                value_target=policy.value_head.normalise(part.value_target),
                weight=part.weight,
                clip=args.clip,
                value_coefficient=args.value_coefficient,
                kl_coefficient=kl_coefficient,
            )
            optimizer.zero_grad(set_to_none=True)
            loss.total.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), args.max_grad_norm)
            optimizer.step()
            losses.append(loss)
    return Means.of(losses)


def train(policy: VPTPolicy, args: Args, console: Console) -> int:
    """Improves the policy in place and returns how many ticks were played."""
    reference = copy.deepcopy(policy).requires_grad_(False)
    for net in (policy, reference):
        net.set_precision(args.train_precision)
    envs = gym.vector.SyncVectorEnv(
        [args.env.make for _ in range(args.num_envs)], autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP
    )
    collector = RolloutCollector(policy, envs, seed=SEEDS["ppo"][args.seed * args.num_envs])
    reference_memory = reference.initial_memory(args.num_envs)
    optimizer = torch.optim.Adam(policy.parameters(), lr=args.lr, fused=True)
    generator = torch.Generator().manual_seed(args.seed)
    held_back = [parameter for part in (policy.net, policy.pi_head) for parameter in part.parameters()]
    held_back = [parameter for parameter in held_back if parameter.requires_grad]
    start, ticks = time.perf_counter(), 0
    columns = (TextColumn("PPO"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with MetricLogger(args.out / "metrics.jsonl") as logger, Progress(*columns, console=console) as progress:
        bar = progress.add_task("ppo", total=1.0, state="")
        for iteration in range(args.iterations):
            done = max(iteration / args.iterations, (time.perf_counter() - start) / args.seconds)
            if done >= 1.0:
                break
            # at first only the value head learns: the start policy knows how to act, but not the value of a state
            for parameter in held_back:
                parameter.requires_grad_(iteration >= args.value_warmup)
            rollout = collector.collect(args.ticks, gamma=args.gamma, gae_lambda=args.gae_lambda)
            ticks += rollout.first.numel()
            with torch.no_grad():
                output = reference(rollout.frames, rollout.first, reference_memory)
            reference_memory = output.memory
            kl_coefficient = args.kl_coefficient * args.kl_decay**iteration
            means = update(policy, optimizer, rollout, output.pi, kl_coefficient, args, generator)
            recent = collector.episodes[-100:]
            speed = ticks / (time.perf_counter() - start)
            length = {"length": float(np.mean([episode.ticks for episode in recent]))} if recent else {}
            logger.log(iteration=iteration, ticks=ticks, ticks_per_second=speed, **length, **vars(means))
            wins = sum(bool(episode.success) for episode in recent)
            state = f"{wins} of the last {len(recent)} episodes succeeded, {ticks:,} ticks, {speed:.0f}/s"
            progress.update(bar, completed=done, state=state)
    envs.close()
    for parameter in held_back:
        parameter.requires_grad_(True)
    policy.set_precision("fp32")
    return ticks


def main(args: Args) -> None:
    """Evaluates, trains, evaluates again, and writes agent, metrics, results and curves to ``args.out``."""
    require("matplotlib.figure", "plot", purpose="drawing curves")  # before the training, not after
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(args.model, args.weights, seed=args.seed, device=args.device, precision=args.precision)
    seeds = SEEDS["evaluation"][: args.eval_episodes]
    evaluations = {}
    if seeds:
        evaluations["start"] = evaluate(agent, args.env.make, seeds)
        console.print(f"start: {evaluations['start']}")
    ticks = train(agent.policy, args, console)
    agent.save_pretrained(args.out / "agent")
    if seeds:
        evaluations["after PPO"] = evaluate(agent, args.env.make, seeds)
        console.print(f"after PPO, {ticks:,} ticks: {evaluations['after PPO']}")
    results = {
        "machine": describe("torch", "vpt-gym"),
        "ticks": ticks,
        **{name: result.summary() for name, result in evaluations.items()},
    }
    (args.out / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    metrics = read_metrics(args.out / "metrics.jsonl")
    lengths = [(entry["ticks"], entry["length"]) for entry in metrics if "length" in entry]
    curves = {
        "Length of an episode": {"last 100 episodes": lengths},
        "Distance": {"KL to the start": [(entry["ticks"], entry["kl_to_reference"]) for entry in metrics]},
    }
    axes = {"Length of an episode": ("ticks played", "ticks"), "Distance": ("ticks played", "nats a tick")}
    plot_curves(args.out / "curves.png", curves, labels=axes)
    console.print(f"agent, metrics, results and curves: {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
