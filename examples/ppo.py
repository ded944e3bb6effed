"""PPO: a VPT policy improves by reward, held near the policy that it starts from.

    python examples/ppo.py --model runs/bc/agent --out runs/ppo

After Baker et al. 2022 (arXiv:2206.11795), section on RL fine-tuning: PPO with a KL term to the frozen pretrained
policy in place of the entropy bonus. Its weight decays. Minibatches hold whole env rows, which start from the memory
they really had (see ``vpt_gym.learning.rollout``).
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
from bc import load_agent
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.logging import MetricLogger, check_plots, plot_curves, read_metrics
from vpt_gym.learning.losses import PPOLoss, ppo_loss
from vpt_gym.learning.rollout import Rollout, RolloutCollector
from vpt_gym.system.machine import describe


@dataclass
class Args:
    """PPO."""

    model: str
    """The agent to start from: a folder of a saved agent, a .model file, or a size."""
    weights: Path | None = None
    """The .weights file that goes with a .model file."""
    out: Path = Path("runs/ppo")
    """Where the agent, its metrics and its curves go."""
    iterations: int = 200
    """Rollouts at most."""
    seconds: float = 540.0
    """Wall time of the training at most."""
    num_envs: int = 16
    ticks: int = 128
    """Ticks of a rollout in each env."""
    epochs: int = 2
    """Passes over each rollout."""
    minibatches: int = 4
    """Minibatches a pass; each holds whole envs."""
    lr: float = 1e-4
    gamma: float = 0.999
    """Discount per tick (VPT's RL: 0.999)."""
    gae_lambda: float = 0.95
    clip: float = 0.2
    value_coefficient: float = 0.5
    kl_coefficient: float = 0.2
    """Weight of KL(start || policy) in the first iteration (VPT: 0.2)."""
    kl_decay: float = 0.9995
    """Its factor from one iteration to the next (VPT: 0.9995)."""
    value_warmup: int = 5
    """Iterations in which only the value head learns: the start policy knows actions, not values."""
    max_grad_norm: float = 5.0
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions; bf16 is faster where the processor has the instructions."""
    device: str = "cpu"
    """Where the policy runs, for example "cuda"."""
    seed: int = 0
    env: EnvArgs = field(default_factory=EnvArgs)
    eval_episodes: int = 50
    """Episodes of the evaluations before and after; 0 leaves them out."""


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
    """Makes ``args.epochs`` passes over the rollout; ``reference`` is the frozen policy's view of all its ticks."""
    policy.value_head.update(rollout.value_target[rollout.weight > 0])
    spread = rollout.advantage[rollout.weight > 0]
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
                advantage=(part.advantage - spread.mean()) / (spread.std() + 1e-8),
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
        net.set_precision(args.precision)
    envs = gym.vector.SyncVectorEnv(
        [args.env.make for _ in range(args.num_envs)], autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP
    )
    collector = RolloutCollector(policy, envs, seed=SEEDS["ppo"][args.seed * args.num_envs])
    reference_memory = reference.initial_memory(args.num_envs)
    optimizer = torch.optim.Adam(policy.parameters(), lr=args.lr, fused=True)
    generator = torch.Generator().manual_seed(args.seed)
    learnt_later = [parameter for part in (policy.net, policy.pi_head) for parameter in part.parameters()]
    learnt_later = [parameter for parameter in learnt_later if parameter.requires_grad]
    start, ticks = time.perf_counter(), 0
    columns = (TextColumn("PPO"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with MetricLogger(args.out / "metrics.jsonl") as logger, Progress(*columns, console=console) as progress:
        bar = progress.add_task("ppo", total=1.0, state="")
        for iteration in range(args.iterations):
            done = max(iteration / args.iterations, (time.perf_counter() - start) / args.seconds)
            if done >= 1.0:
                break
            # at first only the value head learns: the start policy knows what to do, not what it is worth
            for parameter in learnt_later:
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
            learnt = {"length": float(np.mean([episode.ticks for episode in recent]))} if recent else {}
            logger.log(iteration=iteration, ticks=ticks, ticks_per_second=speed, **learnt, **vars(means))
            wins = sum(bool(episode.success) for episode in recent)
            state = f"{wins} of the last {len(recent)} episodes succeeded, {ticks:,} ticks, {speed:.0f}/s"
            progress.update(bar, completed=done, state=state)
    envs.close()
    for parameter in learnt_later:
        parameter.requires_grad_(True)
    policy.set_precision("fp32")
    return ticks


def main(args: Args) -> None:
    """Evaluates, trains, evaluates again, and leaves agent, metrics, figures and curves in ``args.out``."""
    check_plots()
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(args.model, args.weights, args.seed, device=args.device)
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
    figures = {
        "machine": describe("torch", "vpt-gym"),
        "ticks": ticks,
        **{name: result.summary() for name, result in evaluations.items()},
    }
    (args.out / "results.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    metrics = read_metrics(args.out / "metrics.jsonl")
    lengths = [(entry["ticks"], entry["length"]) for entry in metrics if "length" in entry]
    curves = {
        "Length of an episode": {"last 100 episodes": lengths},
        "Distance": {"KL to the start": [(entry["ticks"], entry["kl_to_reference"]) for entry in metrics]},
    }
    axes = {"Length of an episode": ("ticks played", "ticks"), "Distance": ("ticks played", "nats a tick")}
    plot_curves(args.out / "curves.png", curves, labels=axes)
    console.print(f"agent, metrics, figures and curves: {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
