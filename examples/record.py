"""Records demonstrations of a scripted expert.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/record.py --out demos/default --env-kwargs '{"level": "default"}'

Each episode becomes three files in the OpenAI contractor layout (mp4, jsonl, json). Killed half-way, it leaves every
finished demo intact; run it again and it goes on where it stood. ``vpt-gym record`` does the same, with more options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import SCRIPTED
from vpt_gym.collect.progress import RecordingProgress
from vpt_gym.collect.run import Recorded, record
from vpt_gym.collect.session import Recording


@dataclass
class Args:
    """Recording."""

    out: Path = Path("demos/harvest_1_log")
    """Directory of the demos."""
    episodes: int = 50
    """Successful episodes to have in the end; a failed one is thrown away."""
    disturbance: float | None = None
    """Chance, each tick, that the view is pushed aside for a while; the label stays the expert's. 0: clean demos.
    Default: 0.02."""
    expert: str = SCRIPTED
    """Who plays: module:attribute of what makes an expert (``vpt_gym.collect.experts.Expert``)."""
    skill: float = 1.0
    """Of a scripted expert, above 0 up to 1: 1 plays as well as it can; less is slower, and errs like a person."""
    num_envs: int = 1
    """Envs that play side by side, each in a process of its own."""
    env: EnvArgs = field(default_factory=EnvArgs)


def main(args: Args, console: Console | None = None) -> Recorded:
    """Records what is missing, tells how much there is, and returns it."""
    console = console or Console()
    recording = Recording(
        out=args.out,
        env=args.env,
        expert=(args.expert,),
        skill=args.skill,
        episodes=args.episodes,
        disturbance=args.disturbance,
        num_envs=args.num_envs,
    )
    with RecordingProgress(recording, console) as progress:
        recorded = record(recording, on_episode=progress.advance)
    console.print(f"{recorded.demos} demos, {recorded.ticks:,} ticks in {args.out}")
    return recorded


if __name__ == "__main__":
    main(tyro.cli(Args))
