"""``vpt-gym record``: demos of a scripted expert, or of an agent."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vpt_gym.collect.envs import EnvArgs

if TYPE_CHECKING:
    from vpt_gym.collect.session import Recording


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Records demos of a scripted expert, or of an agent, one episode for each seed.

    Run again, it goes on where it stopped: finished demos stay as they are, and what was broken off is played anew. The
    same options give the same demos, whatever --num-envs is.
    """

    env: EnvArgs = field(default_factory=EnvArgs)
    level: str | None = None
    """Level of the embedded world, such as easy, plains or taiga; default is the task's own land. Default: easy."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Directory of the demos. Default: demos/ and the name of the task."""
    expert: tuple[str, ...] = ("scripted",)
    """Who plays: scripted (the env's own expert); module:attribute of what makes another one; or an agent: the folder
    of a saved one, a .model and its .weights file, or a published name."""
    skill: float = 1.0
    """Of the scripted expert, above 0 up to 1: 1 plays as well as it can; less is slower, and errs like a person."""
    episodes: int = 50
    """Demos to have in the end."""
    num_envs: int = 1
    """Envs that play side by side, each in a process of its own."""
    seed: int = 0
    """Seed of the first world; the next episodes have the next ones."""
    keep: Literal["success", "all"] = "success"
    """success: failed episodes are thrown away, and more are played in their place."""
    size: Literal["native", "128"] = "native"
    """Size of the video: as the env gives it, or 128x128, which is what policies take."""
    lossless: bool = False
    """Keep every pixel as it is; the files are five to ten times larger."""
    disturbance: float | None = None
    """Chance, each tick, that the view is pushed aside for a while; the label stays the expert's. 0: clean demos.
    Default: 0.02, and 0 for agents."""
    device: str = "cpu"
    """Where an agent runs, for example cuda."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """In which number type an agent acts. auto: the fastest that this processor has; fp32: the same episodes on every
    machine."""


def run(args: Args) -> int:
    """Records; returns the exit status: 1 for what cannot be recorded, 130 where it was interrupted."""
    import gymnasium as gym

    from vpt_gym.collect.players import is_agent
    from vpt_gym.collect.progress import RecordingProgress
    from vpt_gym.collect.run import record

    directory = args.out
    try:
        recording = _recording(args)
        directory = recording.out
        with warnings.catch_warnings(), RecordingProgress(recording) as progress:
            warnings.showwarning = lambda message, *_, **__: print(f"vpt-gym record: {message}", file=sys.stderr)
            recorded = record(recording, on_episode=progress.advance)
        successes = f"; of {recorded.played} episodes {recorded.successes} succeeded" if recorded.played else ""
        agent = f"; the agent acted in {recording.precision}" if is_agent(recording.expert) else ""
        print(f"{recorded.demos} demos, {recorded.ticks:,} ticks in {directory}{successes}{agent}")
    except KeyboardInterrupt:
        print(f"vpt-gym record: stopped; run the same again to go on in {directory}", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, ImportError, RuntimeError, ArithmeticError, gym.error.Error) as error:
        print(f"vpt-gym record: {error}", file=sys.stderr)
        return 1
    return 0


def _recording(args: Args) -> Recording:
    from vpt_gym.collect.session import Recording

    env = args.env
    if args.level is not None:
        if "level" in env.arguments and env.kwargs is not None:
            raise ValueError("the level is given twice, by --level and in --env-kwargs; leave one out")
        env = env.with_kwargs(level=args.level)
    elif env.id == EnvArgs.id:
        env = env.with_kwargs(**{"level": "easy", **env.arguments})
    return Recording(
        out=args.out or Path("demos") / _name(env),
        env=env,
        expert=args.expert,
        skill=args.skill,
        episodes=args.episodes,
        num_envs=args.num_envs,
        seed=args.seed,
        keep=args.keep,
        size=args.size,
        lossless=args.lossless,
        disturbance=args.disturbance,
        device=args.device,
        precision=args.precision,
    )


def _name(env: EnvArgs) -> str:
    """Returns the name of the env's task, else of the env, to call a directory."""
    import gymnasium as gym

    import vpt_gym  # noqa: F401 (registers our envs)

    module, _, name = env.id.rpartition(":")
    if module:
        importlib.import_module(module)
    arguments = {**gym.spec(name).kwargs, **env.arguments}
    task = arguments.get("task", arguments.get("task_id", name))
    return re.sub(r"[^\w.-]+", "_", str(task))
