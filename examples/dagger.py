"""DAgger: the learner plays, the expert labels what it sees, the policy is trained on all of it, and again.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc
    python examples/dagger.py --demos demos/harvest_1_log --model runs/bc/agent --out runs/dagger

Rounds are directories of demos (``OUT/round_1`` ...): worlds that were played before an interruption are not played
again, while the policy is trained anew from ``--model`` on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import tyro
from bc import TrainArgs, Training, load_agent, make_dataset, train
from rich.console import Console
from rich.progress import Progress

from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import TASK_EXPERT, load_expert
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.learning.dagger import ConstantBeta, ExponentialBeta, LinearBeta, collect_round
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.logging import MetricLogger


@dataclass
class Args:
    """DAgger."""

    demos: tuple[Path, ...]
    """Directories of the expert's own demonstrations."""
    model: str
    """The agent to start from: a folder of a saved agent, a .model file, or a size."""
    weights: Path | None = None
    """The .weights file that goes with a .model file."""
    out: Path = Path("runs/dagger")
    """Where rounds, agents and metrics go."""
    rounds: int = 2
    episodes: int = 40
    """Episodes a round."""
    round_ticks: int = 300
    """Longest episode of a round; short ones show more worlds."""
    beta: ConstantBeta | LinearBeta | ExponentialBeta = field(default_factory=ConstantBeta)
    """Share of ticks in which the expert acts, by round; behavioural cloning was round 0."""
    num_envs: int = 16
    temperature: float = 1.0
    """Sampling temperature of the learner, in its rounds and in the evaluation."""
    device: str = "cpu"
    """Where the policy runs, for example "cuda"."""
    expert: str = TASK_EXPERT
    """Who labels: module:attribute of what makes an expert (``vpt_gym.collect.experts.Expert``)."""
    seed: int = 0
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    eval_episodes: int = 50
    """Episodes of the evaluation after each round; 0 leaves it out."""


@dataclass(frozen=True)
class Round:
    """What one round gave."""

    number: int
    training: Training
    evaluation: Evaluation | None


def run(
    agent: VPTAgent,
    args: Args,
    *,
    console: Console,
    cache: FrameCache | None = None,
    resume: bool = False,
    on_round: Callable[[Round], None] | None = None,
) -> None:
    """Plays, labels and trains ``args.rounds`` times; ``resume`` adds to the metrics that are there."""
    cache = cache or FrameCache()
    directories = list(args.demos)
    env = args.env.with_kwargs(max_episode_steps=args.round_ticks)
    with MetricLogger(args.out / "metrics.jsonl", resume=resume) as logger:
        for number in range(1, args.rounds + 1):
            start = (number - 1) * args.episodes
            directory = args.out / f"round_{number}"
            with Progress(console=console) as progress:
                bar = progress.add_task(f"DAgger round {number}: the learner plays", total=args.episodes)
                collect_round(
                    agent,
                    lambda folder: env.make(record_to=folder),
                    load_expert(args.expert),
                    SEEDS["dagger"][start : start + args.episodes],
                    directory,
                    beta=args.beta(number),
                    num_envs=args.num_envs,
                    sampling_seed=args.seed + number,
                    on_episode=lambda _, bar=bar, progress=progress: progress.advance(bar),
                )
            directories.append(directory)
            dataset = make_dataset(tuple(directories), args.train, seed=args.seed + number, cache=cache)
            training = train(
                agent.policy, dataset, args.train, logger=logger, phase=f"dagger {number}", console=console
            )
            agent.save_pretrained(args.out / f"agent_{number}")
            evaluation = None
            if args.eval_episodes:
                evaluation = evaluate(agent, args.env.make, SEEDS["evaluation"][: args.eval_episodes])
                temperature = agent.sampling.temperature
                console.print(f"round {number}, success in unseen worlds, temperature {temperature:g}: {evaluation}")
            if on_round is not None:
                on_round(Round(number, training, evaluation))


def main(args: Args) -> None:
    """Loads the agent and improves it."""
    torch.manual_seed(args.seed)
    console = Console()
    agent = load_agent(args.model, args.weights, args.seed, temperature=args.temperature, device=args.device)
    run(agent, args, console=console)


if __name__ == "__main__":
    main(tyro.cli(Args))
