"""DAgger: the learner plays, an expert labels each tick, the policy is trained on all demos so far, and so on.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc
    python examples/dagger.py --demos demos/harvest_1_log --model runs/bc/agent --out runs/dagger

Each round is a directory of demos (``OUT/round_1`` ...). After an interruption, run the same command again: finished
episodes are not played again, but the policy is trained again from ``--model`` on.

Source: Ross, Gordon and Bagnell 2011 (arXiv:1011.0686). Playing and labelling is ``collect_round`` in
``vpt_gym/learning/dagger.py``, training is ``train`` in ``vpt_gym/learning/bc.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import Progress

from vpt_gym.actions.codec import decode, encode
from vpt_gym.agents.agent import ActingPrecision
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import TASK_EXPERT, Expert, load_expert
from vpt_gym.collect.rollouts import Code
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.learning.bc import TrainArgs, make_dataset, train
from vpt_gym.learning.dagger import ConstantBeta, ExponentialBeta, LinearBeta, collect_round
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.logging import MetricLogger
from vpt_gym.wrappers.labels import label_next_step


@dataclass
class Args:
    """Improves a policy by DAgger, and saves and evaluates it after each round."""

    demos: tuple[Path, ...]
    """Directories of demos that the expert played."""
    model: str
    """Agent to start from: folder of a saved agent, .model file, or size (nano, 1x, 2x, 3x)."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    out: Path = Path("runs/dagger")
    """Directory of the rounds, the agents and the metrics."""
    rounds: int = 2
    """Rounds of playing and training."""
    episodes: int = 40
    """Episodes in a round."""
    round_ticks: int = 300
    """Maximum ticks of an episode in a round; short episodes show more worlds."""
    beta: ConstantBeta | LinearBeta | ExponentialBeta = field(default_factory=ConstantBeta)
    """Share of ticks in which the expert acts, by round; behavioural cloning counts as round 0."""
    num_envs: int = 16
    """Episodes that run at the same time."""
    temperature: float = 1.0
    """Sampling temperature of the learner, in the rounds and in the evaluation."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts in the rounds and evaluations. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    expert: str = TASK_EXPERT
    """Expert that labels: module:attribute of a class like vpt_gym.collect.experts.Expert."""
    seed: int = 0
    """Seed of the sampling and of the order of the batches."""
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    eval_episodes: int = 50
    """Episodes of the evaluation after each round; 0 skips it."""


class Labeller:
    """DAgger in one world: in each tick the expert labels the state that the learner is in, and one of them acts."""

    def __init__(self, expert: Expert | None, beta: float, seed: int) -> None:
        self.expert, self.beta, self.seed = expert, beta, seed

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begins an episode."""
        if self.expert is not None:
            self.expert.reset()
        self.rng = np.random.default_rng((self.seed, seed))  # who acts depends on the world alone

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Labels the next tick and returns the code to execute, given the learner's code."""
        if self.expert is not None:
            label = self.expert.act(env)
        else:  # the expert is an agent, which has seen the same frames
            code, teachers_code = code
            label = decode(teachers_code)
        label_next_step(env, label)  # what is learned ...
        expert_acts = self.rng.random() < self.beta
        return encode(label) if expert_acts else code  # ... and what is done


def main(args: Args) -> None:
    """Plays, labels, trains, saves and evaluates, ``args.rounds`` times."""
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(
        args.model,
        args.weights,
        seed=args.seed,
        temperature=args.temperature,
        device=args.device,
        precision=args.precision,
    )
    cache, directories = FrameCache(), list(args.demos)
    env = args.env.with_kwargs(max_episode_steps=args.round_ticks)
    with MetricLogger(args.out / "metrics.jsonl") as logger:
        for number in range(1, args.rounds + 1):
            start = (number - 1) * args.episodes
            directories.append(args.out / f"round_{number}")
            with Progress(console=console) as progress:
                bar = progress.add_task(f"DAgger round {number}: the learner plays", total=args.episodes)
                collect_round(
                    agent,
                    lambda folder: env.make(record_to=folder),
                    lambda number=number: Labeller(load_expert(args.expert)(), args.beta(number), args.seed + number),
                    SEEDS["dagger"][start : start + args.episodes],
                    directories[-1],
                    beta=args.beta(number),
                    expert=args.expert,
                    num_envs=args.num_envs,
                    sampling_seed=args.seed + number,
                    on_episode=lambda _, bar=bar, progress=progress: progress.advance(bar),
                )
            dataset = make_dataset(tuple(directories), args.train, seed=args.seed + number, cache=cache)
            train(agent.policy, dataset, args.train, logger=logger, phase=f"dagger {number}", console=console)
            agent.save_pretrained(args.out / f"agent_{number}")
            if args.eval_episodes:
                evaluation = evaluate(agent, args.env.make, SEEDS["evaluation"][: args.eval_episodes])
                console.print(
                    f"round {number}, success in unseen worlds, temperature {args.temperature:g}: {evaluation}"
                )


if __name__ == "__main__":
    main(tyro.cli(Args))
