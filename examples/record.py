"""Records demos of a scripted expert.

    python examples/record.py --episodes 50              # into demos/harvest_1_log
    python examples/record.py --out demos/default --env-kwargs '{"level": "default"}'

Each episode becomes three files in OpenAI's contractor format (mp4, jsonl, json). If the script is stopped, finished
demos are safe; run the same command again to continue. ``vpt-gym record`` does the same, with more options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import SCRIPTED
from vpt_gym.collect.progress import RecordingProgress
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.run import record
from vpt_gym.collect.session import Recording, demo_folder


@dataclass
class Args:
    """Records demos of a scripted expert."""

    out: Path | None = None
    """Directory of the demos. None means demos/ and the name of the task, such as demos/harvest_1_log."""
    episodes: int = 50
    """Number of demos that the directory has at the end. Only successful episodes count; failed ones are discarded."""
    disturbance: float | None = None
    """Probability per tick that a push of the view begins; the labels stay the expert's. 0 gives undisturbed demos.
    None means 0.02."""
    expert: str = SCRIPTED
    """The player: scripted (the env's expert), or module:attribute of a class like vpt_gym.collect.experts.Expert."""
    skill: float = 1.0
    """Skill of the scripted expert, above 0 and up to 1 (best); a lower value is slower and makes mistakes."""
    num_envs: int = 1
    """Envs that run in parallel, each in its own process."""
    env: EnvArgs = field(default_factory=EnvArgs)
    ray: RayArgs = field(default_factory=RayArgs)


def main(args: Args) -> None:
    """Records the demos that are missing, and prints how many there are."""
    console = Console()
    recording = Recording(
        out=args.out or demo_folder(args.env),
        env=args.env,
        expert=(args.expert,),
        skill=args.skill,
        episodes=args.episodes,
        disturbance=args.disturbance,
        num_envs=args.num_envs,
    )
    with RecordingProgress(recording, console) as progress:
        recorded = record(recording, ray=args.ray, on_episode=progress.advance)
    console.print(f"{recorded.demos} demos, {recorded.ticks:,} ticks in {recording.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
