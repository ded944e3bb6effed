"""Records demonstrations of a scripted expert.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/record.py --out demos/default --env.kwargs '{"level": "default"}'

Each episode becomes three files in the OpenAI contractor layout (mp4, jsonl, json). Killed half-way, it leaves every
finished demo intact; run it again and it goes on where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import track

from vpt_gym import HumanActionWrapper, RecorderWrapper
from vpt_gym.learning.dagger import finished_episodes
from vpt_gym.learning.disturbance import Disturbance
from vpt_gym.learning.envs import EnvArgs
from vpt_gym.learning.evaluate import SEEDS
from vpt_gym.world.experts import LogExpert


@dataclass
class Args:
    """Recording."""

    out: Path = Path("demos/harvest_1_log")
    """Directory of the demos."""
    episodes: int = 50
    """Successful episodes to have in the end; a failed one is thrown away."""
    disturbance: float = 0.02
    """Chance, each tick, that the view is pushed aside for a while; the label stays the expert's. 0: clean demos."""
    env: EnvArgs = field(default_factory=EnvArgs)


def record(args: Args, console: Console) -> int:
    """Records what is missing and returns the number of ticks in the directory."""
    env = HumanActionWrapper(RecorderWrapper(args.env.base(), args.out, keep=lambda episode: bool(episode.success)))
    expert, disturbance = LogExpert(), Disturbance(args.disturbance)
    finished = finished_episodes(args.out)
    seeds = (seed for seed in SEEDS["demos"] if seed not in finished)
    for _ in track(range(args.episodes - len(finished)), "recording", console=console):
        success = False
        while not success:
            env.reset(seed=next(seeds))
            expert.reset()
            ended = False
            while not ended:
                label = expert.act(env)
                env.get_wrapper_attr("label")(label)
                _, _, terminated, truncated, info = env.step(disturbance.executed(label))
                ended = terminated or truncated
            success = info["success"]
    env.close()
    return sum(episode.ticks for episode in finished_episodes(args.out).values())


def main(args: Args) -> None:
    """Records and tells how much there is."""
    console = Console()
    ticks = record(args, console)
    console.print(f"{len(finished_episodes(args.out))} demos, {ticks:,} ticks in {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
