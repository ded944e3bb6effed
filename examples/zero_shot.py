"""Zero-shot: an agent plays in an environment it was not trained in; counts its successes and films it.

python examples/zero_shot.py --model foundation-model-1x.model --weights foundation-model-1x.weights
python examples/zero_shot.py --model runs/bc/agent --env-kwargs '{"level": "default"}' --episodes 100
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import Progress

from vpt_gym.agents.agent import ActingPrecision
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.rollouts import SuccessNotReportedError
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.film import film
from vpt_gym.learning.load import load_agent

SAMPLING_SEED = 0
"""Seed of the agent's sampling."""


@dataclass
class Args:
    """Evaluates an agent in an environment, and films some episodes."""

    model: str
    """Folder of a saved agent, .model file, or size (nano, 1x, 2x, 3x) for fresh weights."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    out: Path = Path("runs/zero_shot")
    """Directory of the results and the video."""
    episodes: int = 50
    """Episodes to evaluate, each in a different world."""
    num_envs: int = 16
    """Episodes that run at the same time."""
    video_episodes: int = 3
    """Episodes in the video; 0 skips it."""
    temperature: float = 1.0
    """Sampling temperature."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of fresh weights."""
    env: EnvArgs = field(default_factory=EnvArgs)


def main(args: Args) -> None:
    """Evaluates and films."""
    console = Console()
    agent = load_agent(
        args.model,
        args.weights,
        seed=args.seed,
        temperature=args.temperature,
        device=args.device,
        precision=args.precision,
    )
    with Progress(console=console) as progress:
        bar = progress.add_task("playing", total=args.episodes)
        seeds = SEEDS["evaluation"][: args.episodes]
        evaluation = evaluate(
            agent,
            args.env.make,
            seeds,
            num_envs=args.num_envs,
            sampling_seed=SAMPLING_SEED,
            on_episode=lambda _: progress.advance(bar),
        )
    console.print(f"{args.env.id} {args.env.arguments}, temperature {args.temperature:g}: {evaluation}")
    args.out.mkdir(parents=True, exist_ok=True)
    result = {
        "env": args.env.id,
        "env_kwargs": args.env.arguments,
        "model": args.model,
        "weights": None if args.weights is None else str(args.weights),
        "sampling_temperature": args.temperature,
        "sampling_seed": SAMPLING_SEED,
        "device": args.device,
        **evaluation.summary(),
    }
    (args.out / "evaluation.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if args.video_episodes:
        film(agent, lambda: args.env.make(render=True), seeds[: args.video_episodes], args.out / "agent.mp4")
    console.print(f"results and video: {args.out}")


if __name__ == "__main__":
    try:
        main(tyro.cli(Args))
    except (SuccessNotReportedError, ModuleNotFoundError) as error:
        sys.exit(f"zero_shot.py: {error}")
