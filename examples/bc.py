"""Behavioural cloning: a VPT policy learns from directories of demos.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc
    python examples/bc.py --demos demos/mine --model foundation-model-1x.model --weights foundation-model-1x.weights
        --train.order carried --train.lr 1.81e-4 --train.weight-decay 0.039428

The last command, on one line, fine-tunes a published policy with OpenAI's settings: complete episodes, memory carried
from chunk to chunk, Adam with L2. The defaults are for a small policy with fresh weights. It learns faster from
independent chunks, drawn more often where the camera moves, since most ticks of a tree-chopping demo are "hold attack".

The loop over the batches is ``train`` in ``vpt_gym/learning/bc.py``, its loss ``bc_loss`` in
``vpt_gym/learning/losses.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
import tyro
from rich.console import Console

from vpt_gym.agents.agent import ActingPrecision
from vpt_gym.agents.policy.config import NAMED
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.demos.files.names import DemoError, read_metadata
from vpt_gym.learning.bc import TrainArgs, make_dataset, train
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.logging import MetricLogger


@dataclass
class Args:
    """Trains a policy on demos by behavioural cloning, saves it and evaluates it."""

    demos: tuple[Path, ...]
    """Directories of demos."""
    out: Path = Path("runs/bc")
    """Directory of the agent and its metrics."""
    model: str = "nano"
    """Size of a policy with fresh weights (nano, 1x, 2x, 3x), folder of a saved agent, or .model file."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    freeze: tuple[str, ...] = ()
    """Parameters to keep as they are: names with * and ?, such as "net.img_process.*" for the image network."""
    features: Path | None = None
    """Directory that caches the outputs of a frozen image network (needs --train.no-mirror)."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts in the evaluation. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of fresh weights and of the order of the batches."""
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    temperature: float = 1.0
    """Sampling temperature in the evaluation."""
    eval_episodes: int = 50
    """Episodes of the evaluation after training; 0 skips it."""


def env_of(demo: Path) -> str | None:
    """Returns the id of the env that a demo was recorded in, None if it is unknown."""
    try:
        return read_metadata(demo).get("env_id") if demo.suffix == ".json" else None
    except DemoError:  # the data set reports damaged demos and skips them
        return None


def warn_if_elsewhere(args: Args, console: Console) -> None:
    """Warns if the agent will be evaluated in another env than that of the demos."""
    if not args.eval_episodes:
        return
    recorded = {env for path in find_paths(args.demos) if (env := env_of(path)) is not None}
    if recorded and args.env.id not in recorded:
        console.print(f"[yellow]the demos are of {', '.join(sorted(recorded))}, but the agent will be evaluated in")
        console.print(f"[yellow]{args.env.id}: --env and --env-kwargs choose where")


def main(args: Args) -> None:
    """Trains, saves and evaluates."""
    console = Console()
    warn_if_elsewhere(args, console)
    torch.manual_seed(args.seed)
    agent = load_agent(
        args.model,
        args.weights,
        seed=args.seed,
        temperature=args.temperature,
        device=args.device,
        precision=args.precision,
    )
    if args.freeze:
        console.print(str(freeze(agent.policy, args.freeze)))
    cache = None if args.features is None else FeatureCache(agent.policy, directory=args.features)
    dataset = make_dataset(args.demos, args.train, seed=args.seed, cache=cache)
    if args.model in NAMED and args.weights is None:
        init_action_heads(agent.policy, dataset.labels)
    with MetricLogger(args.out / "metrics.jsonl") as logger:
        result = train(agent.policy, dataset, args.train, logger=logger, phase="bc", console=console)
        agent.save_pretrained(args.out / "agent")
        console.print(
            f"{result.frames:,} frames in {result.seconds:.0f} s, loss {result.loss:.3f} (running mean): "
            f"{args.out / 'agent'}"
        )
        if args.eval_episodes:
            seeds = SEEDS["evaluation"][: args.eval_episodes]
            evaluation = evaluate(agent, args.env.make, seeds)
            figures = {k: v for k, v in evaluation.summary().items() if not isinstance(v, list | dict)}
            logger.log(phase="evaluation", **figures)
            console.print(f"success in unseen worlds, temperature {args.temperature:g}: {evaluation}")


if __name__ == "__main__":
    main(tyro.cli(Args))
