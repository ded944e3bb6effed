"""Records demos of a scripted expert.

    python examples/record.py --episodes 50              # into demos/harvest_1_log
    python examples/record.py --out demos/default --env-kwargs '{"level": "default"}'
    python examples/record.py --env vpt_gym/Play-v0 --out demos/play --video-only   # play without labels

Each episode becomes three files in OpenAI's contractor format (mp4, jsonl, json), or with ``--video-only`` a video. If
the script is stopped, finished demos are safe; run the same command again to continue. ``vpt-gym record`` does the
same, with more options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import SCRIPTED
from vpt_gym.collect.progress import RecordingProgress
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.run import record
from vpt_gym.collect.session import Recording, demo_folder
from vpt_gym.system.command_line import read_command_line
from vpt_gym.system.plural import counted


@dataclass
class Args:
    """Records demos of a scripted expert."""

    out: Path | None = None
    """Directory of the demos. None means demos/ and the name of the task, such as demos/harvest_1_log."""
    episodes: int = 50
    """Number of demos that the directory has at the end. Only successful episodes count; failed ones are discarded.
    In vpt_gym/Play-v0 and with --video-only all count."""
    disturbance: float | None = None
    """Probability per tick that a push of the view begins; the labels stay the expert's. 0 gives undisturbed demos.
    None means 0.02, and 0 in vpt_gym/Play-v0 and with --video-only."""
    expert: str = SCRIPTED
    """The player: scripted (the env's expert), or module:attribute of a class like vpt_gym.collect.Expert."""
    skill: float = 1.0
    """Skill of the scripted expert, above 0 and up to 1 (best); a lower value is slower and makes mistakes."""
    video_only: bool = False
    """Keep only the video of each episode, as of a person who plays, and no action; vpt-gym label makes demos of it."""
    seed: int | None = None
    """Seed of the first world; each later episode has the next. None means the first for demos, or for play."""
    num_envs: int = 1
    """Envs that run in parallel, each in its own process."""
    env: EnvArgs = field(default_factory=EnvArgs)
    ray: RayArgs = field(default_factory=RayArgs)

    def __post_init__(self) -> None:
        self.recording()  # an error that is raised here is shown as a wrong option

    def recording(self) -> Recording:
        """Returns what is to be recorded."""
        return Recording(
            out=self.out or demo_folder(self.env),
            env=self.env,
            expert=(self.expert,),
            skill=self.skill,
            episodes=self.episodes,
            disturbance=self.disturbance,
            labels=not self.video_only,
            seed=self.seed,
            num_envs=self.num_envs,
        )


def main(args: Args) -> None:
    """Records the demos that are missing, and prints how many there are."""
    console, recording = Console(), args.recording()
    with RecordingProgress(recording, console) as progress:
        recorded = record(recording, ray=args.ray, on_episode=progress.advance)
    what = counted(recorded.demos, "video" if args.video_only else "demo")
    console.print(f"{what}, {counted(recorded.ticks, 'tick')} in {recording.out}{recorded.outcome}")


if __name__ == "__main__":
    main(read_command_line(Args))
