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
from vpt_gym.learning.dagger import LOG_EXPERT, check_same_env, finished_episodes, load_expert
from vpt_gym.learning.disturbance import Disturbance
from vpt_gym.learning.envs import EnvArgs
from vpt_gym.learning.episodes import Episode
from vpt_gym.learning.evaluate import SEEDS
from vpt_gym.wrappers.success import success_of


@dataclass
class Args:
    """Recording."""

    out: Path = Path("demos/harvest_1_log")
    """Directory of the demos."""
    episodes: int = 50
    """Successful episodes to have in the end; a failed one is thrown away."""
    disturbance: float = 0.02
    """Chance, each tick, that the view is pushed aside for a while; the label stays the expert's. 0: clean demos."""
    expert: str = LOG_EXPERT
    """Who plays: module:attribute of what makes an expert (``vpt_gym.learning.dagger.Expert``)."""
    env: EnvArgs = field(default_factory=EnvArgs)


def record(args: Args, console: Console) -> int:
    """Records what is missing and returns the number of ticks in the directory."""
    env = HumanActionWrapper(RecorderWrapper(args.env.base(), args.out, keep=lambda episode: bool(episode.success)))
    check_same_env(args.out, env)
    expert, disturbance = load_expert(args.expert)(), Disturbance(args.disturbance)
    finished = successes(args.out)
    seeds = (seed for seed in SEEDS["demos"] if seed not in finished)
    for _ in track(range(args.episodes - len(finished)), "recording", console=console):
        success: bool | None = False
        while not success:
            env.reset(seed=next(seeds))
            expert.reset()
            ended = False
            while not ended:
                label = expert.act(env)
                env.get_wrapper_attr("label")(label)
                _, _, terminated, truncated, info = env.step(disturbance.executed(label))
                ended = terminated or truncated
            success = success_of(env, info)
    env.close()
    return sum(episode.ticks for episode in successes(args.out).values())


def successes(directory: Path) -> dict[int, Episode]:
    """Returns the successful episodes of a directory by their seeds."""
    return {seed: episode for seed, episode in finished_episodes(directory).items() if episode.success}


def main(args: Args) -> None:
    """Records and tells how much there is."""
    console = Console()
    ticks = record(args, console)
    console.print(f"{len(successes(args.out))} demos, {ticks:,} ticks in {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
