"""``vpt-gym record``: records demos of a scripted expert or an agent."""

from __future__ import annotations

import sys
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, INTERRUPTED, failed
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import GoalArgs
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.collect.session import Recording


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Records demos of a scripted expert or an agent, one episode for each seed.

    If it is stopped, run the same command again to continue: finished demos stay, and interrupted episodes are played
    again. The same options give the same demos, whatever --num-envs is.
    """

    env: EnvArgs = field(default_factory=EnvArgs)
    level: Annotated[str | None, optional("LEVEL", "easy for vpt_gym/Harvest1Log-v0")] = None
    """Level of the embedded world, such as easy, plains, taiga or default (the terrain of the task)."""
    out: Annotated[Path | None, optional("DIR", "demos/ and the name of the task", aliases=("-o",))] = None
    """Directory of the demos."""
    expert: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PLAYER [WEIGHTS]")] = ("scripted",)
    """The player: scripted (the env's expert), module:attribute (another expert), or an agent.
    An agent is the folder of a saved one, a .model and its .weights file, or a name such as nano-foundation."""
    skill: float = 1.0
    """Skill of the scripted expert, above 0 and up to 1 (best). Less is slower and makes mistakes, like a person."""
    episodes: int = 50
    """Number of demos that the directory has at the end. Rejected ones do not count; others are recorded instead."""
    num_envs: int = 1
    """Envs that run in parallel, each in its own process."""
    seed: Annotated[int | None, optional("SEED", "0, and 3000000 for vpt_gym/Play-v0")] = None
    """Seed of the first world; each later episode has the next seed."""
    keep: Annotated[
        Literal["success", "all"] | None, optional("{success,all}", "success; all for vpt_gym/Play-v0 and --video-only")
    ] = None
    """success: discard failed episodes and play others instead. all: keep every episode."""
    video_only: bool = False
    """Keep only the video of each episode, as of a person who plays: no action. vpt-gym label makes demos of videos."""
    size: Literal["native", "128"] = "native"
    """Size of the video: native is that of the env, 128 is 128x128, the size that policies take."""
    lossless: bool = False
    """Keep every pixel unchanged; the files are about five times larger."""
    disturbance: Annotated[float | None, optional("RATE", "0.02; 0 for agents, play and --video-only")] = None
    """Probability per tick that a push of the view begins; the label stays the expert's. 0: no pushes."""
    device: str = "cpu"
    """Device of an agent, for example cuda."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Number type in which an agent acts. auto: the fastest on this processor. fp32: same episodes on every machine."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    ray: RayArgs = field(default_factory=RayArgs)
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Records demos; returns the exit status (``vpt_gym.cli.status``)."""
    import gymnasium as gym
    from rich.console import Console

    from vpt_gym.collect.players import is_agent
    from vpt_gym.collect.progress import RecordingProgress
    from vpt_gym.collect.run import record

    directory = args.out
    console = Console(stderr=args.json, quiet=args.quiet)
    try:
        recording = _recording(args)
        directory = recording.out
        with warnings.catch_warnings(), RecordingProgress(recording, console) as progress:
            warnings.showwarning = lambda message, *_, **__: print_text(f"vpt-gym record: {message}", file=sys.stderr)
            recorded = record(recording, ray=args.ray, on_episode=progress.advance)
        agent = f"; the agent acted in {recording.precision}" if is_agent(recording.expert) else ""
        what = counted(recorded.demos, "video" if args.video_only else "demo")
        Output(args.quiet, args.json).result(
            f"{what}, {counted(recorded.ticks, 'tick')} in {directory}{recorded.outcome}{agent}",
            {**asdict(recorded), "directory": str(directory)},
        )
    except KeyboardInterrupt:
        print_text(f"vpt-gym record: stopped; run the same command again to continue in {directory}", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, ArithmeticError, gym.error.Error) as error:
        return failed("record", error)
    return DONE


def _recording(args: Args) -> Recording:
    from vpt_gym.collect.session import Recording, demo_folder

    env = args.env
    if args.level is not None:
        if "level" in env.arguments and env.kwargs is not None:
            raise ValueError("the level is given twice, by --level and in --env-kwargs; remove one")
        env = env.with_kwargs(level=args.level)
    elif env.name == EnvArgs.id:
        env = env.with_kwargs(**{"level": "easy", **env.arguments})
    return Recording(
        out=args.out or demo_folder(env),
        env=env,
        expert=args.expert,
        skill=args.skill,
        episodes=args.episodes,
        num_envs=args.num_envs,
        seed=args.seed,
        keep=args.keep,
        labels=not args.video_only,
        size=args.size,
        lossless=args.lossless,
        disturbance=args.disturbance,
        device=args.device,
        precision=args.precision,
        goal=args.goal.chosen(),
    )
