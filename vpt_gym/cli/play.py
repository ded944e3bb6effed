"""``vpt-gym play``: a person plays an env in a window and records demos."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE, INTERRUPTED, failed, stopped_by
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import GoalArgs
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.collect.players import Player
    from vpt_gym.play.controls import InputCollector
    from vpt_gym.play.session import AutoPlayer, Session
    from vpt_gym.play.window import Window


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Plays an environment in a window with keyboard and mouse, 20 ticks per second, and records demos.

    Keys are those of Minecraft: WASD, space, shift, ctrl, 1 to 9, Q, E, F, mouse and wheel. Esc pauses and releases the
    mouse, F5 restarts the world, F6 hands over to the agent and back, F9 ends and keeps the episode, F10 rejects the
    last one (moves it to rejected/). If the window is closed, the recording is kept.
    """

    env_id: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[ID]", help_behavior_hint="")] = None
    """Short for --env ID."""
    env: EnvArgs = field(default_factory=EnvArgs)
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demos/play")
    """Directory of the demos; all of them must be of the same env."""
    record: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = True
    """Write nothing to disk."""
    seed: Annotated[int | None, optional("INT", "the first training world without a demo in the directory")] = None
    """Seed of the first world; each later episode has the next seed."""
    episodes: Annotated[int | None, optional("INT", "no limit")] = None
    """Worlds to play; the program then ends. With --seed, those that have a demo in the directory are left out."""
    sensitivity: float = 100.0
    """Sensitivity of the mouse, 0 to 200 percent as in Minecraft's options; 100 is 0.15 degrees per count."""
    scale: int = 0
    """Integer by which the picture is enlarged at first; 0 is the largest that fits the screen."""
    agent: Annotated[tuple[str, ...], optional("AGENT [WEIGHTS]", "none")] = ()
    """Agent to hand over to: folder of a saved agent, .model file and its .weights file, or a name such as
    nano-foundation."""
    agent_first: Annotated[bool, tyro.conf.arg(help_behavior_hint="")] = False
    """The agent plays, and you take over with F6 when it goes wrong."""
    device: str = "cpu"
    """Device of the agent: cpu or cuda."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Number type in which the agent acts. auto: the fastest on this processor. fp32: same actions on every machine."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    expert: Annotated[str | None, optional("EXPERT", "none")] = None
    """Labels the ticks in which the agent plays and you press nothing; without an agent, you hand over to the expert.
    scripted (the env's expert), or module:attribute of a class like vpt_gym.collect.Expert."""
    skill: float = 1.0
    """Skill of the expert, above 0 and up to 1 (best). Less is slower and makes mistakes, like a person."""
    quiet: Quiet = False
    json: Json = False

    def __post_init__(self) -> None:
        if self.env_id is not None:
            replace(self.env, id=self.env_id)  # an error that is raised here is shown as a wrong option


def run(args: Args) -> int:
    """Plays until the window is closed; returns the exit status."""
    import gymnasium as gym

    from vpt_gym.demos import DemoWriteError

    with ExitStack() as stack:
        try:
            session, window, controls = _prepare(args, stack)
        except (ValueError, TypeError, OSError, ImportError, RuntimeError, gym.error.Error) as error:
            return failed("play", error)
        except KeyboardInterrupt:
            return INTERRUPTED
        try:
            status = _play(session, window, controls)
        except DemoWriteError as error:
            return failed("play", error)
        except KeyboardInterrupt:
            return INTERRUPTED
    _print_result(args, session)
    return status


def _print_result(args: Args, session: Session) -> None:
    directory = args.out if args.record else None
    what = "nothing is recorded" if directory is None else f"{counted(session.kept, 'demo')} recorded in {directory}"
    Output(args.quiet, args.json).result(
        f"{what}{f', {session.discarded:,} discarded' if session.discarded else ''}",
        {
            "directory": None if directory is None else str(directory),
            "recorded": session.kept,
            "discarded": session.discarded,
        },
    )


def _play(session: Session, window: Window, controls: InputCollector) -> int:
    """Plays, and always finishes the demo that is being recorded; returns the exit status."""
    from vpt_gym.play.loop import play, stop_signals

    with stop_signals() as stop:
        why = "interrupted"
        try:
            why = play(session, window, controls, stop=stop)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise
        finally:
            session.close(why)
    return DONE if stop.number is None else stopped_by(stop.number)


def _prepare(args: Args, stack: ExitStack) -> tuple[Session, Window, InputCollector]:
    """Makes the window and the session and starts the first episode; ``stack`` closes them."""
    from vpt_gym.play.pygame_ce import require_pygame

    require_pygame()
    from vpt_gym.collect.provenance import check_same_env
    from vpt_gym.frames import find_frame_space
    from vpt_gym.play.controls import InputCollector
    from vpt_gym.play.session import Session
    from vpt_gym.play.window import Window

    controls = InputCollector(args.sensitivity)
    seeds = _seeds(args)
    env_args = _env_args(args)
    auto_player, expert = _players(args, env_args.id)
    env = env_args.base()
    unused = stack.enter_context(ExitStack())
    unused.callback(env.close)
    if args.record:
        check_same_env(args.out, env)
    window = Window(f"vpt-gym play - {env_args.id}", find_frame_space(env.observation_space).size, args.scale)
    stack.callback(window.close)

    output = Output(args.quiet, args.json)

    def say(message: str) -> None:
        output.remark(message)
        window.panel.add_message(message)

    session = Session(
        env,
        seeds,
        args.out if args.record else None,
        controls,
        auto_player=auto_player,
        agent_first=args.agent_first,
        expert=expert,
        metadata={
            "recorded_by": "vpt-gym play",
            "degrees_per_count": controls.degrees_per_count,
            "agent": " ".join(args.agent) or None,
            **_learner(auto_player),
            "expert": args.expert,
            **({} if args.skill == 1.0 else {"skill": args.skill}),
        },
        say=say,
        on_reset=window.draw_loading,
    )
    unused.pop_all()
    stack.callback(session.close, "it could not be played")
    session.start()
    return session, window, controls


def _env_args(args: Args) -> EnvArgs:
    if args.env_id is None:
        return args.env
    if args.env.id not in (EnvArgs.id, args.env_id):
        raise ValueError(f"the environment is given twice, {args.env_id} and --env {args.env.id}; leave one out")
    return replace(args.env, id=args.env_id)


def _seeds(args: Args) -> Iterator[int]:
    """Returns the seeds of the worlds to play; if demos are recorded, without those that the directory has one of."""
    from vpt_gym.collect.finished import seeds_with_demos
    from vpt_gym.collect.seeds import SEEDS

    if args.episodes is not None and args.episodes < 1:
        raise ValueError(f"episodes is {args.episodes}; it must be at least 1")
    if args.seed is not None and args.seed < 0:
        raise ValueError(f"seed is {args.seed}; it must not be negative")
    if args.seed is not None and args.episodes is None:
        return count(args.seed)
    played = seeds_with_demos(args.out) if args.record else set()
    if args.seed is None:
        unplayed = (seed for seed in SEEDS["dagger" if args.agent else "demos"] if seed not in played)
        return islice(unplayed, args.episodes)
    assert args.episodes is not None
    worlds = [seed for seed in range(args.seed, args.seed + args.episodes) if seed not in played]
    if not worlds:
        raise ValueError(f"all of {counted(args.episodes, 'world')} from {args.seed} on have a demo in {args.out}")
    return iter(worlds)


def _players(args: Args, env_id: str) -> tuple[AutoPlayer | None, Player | None]:
    """Returns the player to hand over to, and the expert that labels."""
    from vpt_gym.collect.players import is_agent, make_player, resolve
    from vpt_gym.play.session import AutoPlayer

    expert = None
    if args.expert is not None:
        named = resolve((args.expert,), env_id)
        if is_agent(named):
            raise ValueError(
                f"--expert {args.expert} is not an expert: it must be scripted or module:attribute; "
                "--agent names an agent"
            )
        expert = make_player(named, skill=args.skill)
    elif args.skill != 1.0:
        raise ValueError(f"--skill {args.skill} is for an expert, and there is none; name one (--expert scripted)")
    if not args.agent:
        for name in ("device", "precision"):
            if getattr(args, name) != getattr(Args, name):
                raise ValueError(
                    f"--{name} {getattr(args, name)} is for an agent, and there is none; name one (--agent)"
                )
        if args.goal.goal is not None:
            raise ValueError(f"--goal {args.goal.goal!r} is for an agent, and there is none; name one (--agent)")
        return None if expert is None else AutoPlayer(expert, "expert", always_observes=False), expert
    if len(args.agent) > 2:
        raise ValueError(
            f"--agent takes one folder or name, or a .model and a .weights file; got {len(args.agent)} words"
        )
    import torch

    from vpt_gym.agents.device import checked_device

    checked_device(args.device)  # before the agent is loaded
    threads = torch.get_num_threads()
    player = make_player(args.agent, device=args.device, precision=args.precision, goal=args.goal.chosen())
    auto_player = AutoPlayer(player)
    # make_player sets one thread, so that many agents can play; here a single agent must be fast
    torch.set_num_threads(threads)
    return auto_player, expert


def _learner(auto_player: AutoPlayer | None) -> dict[str, Any]:
    """Returns the metadata that identify the agent: its precision, and all that its actions depend on."""
    from vpt_gym.collect.identity import agent_identity
    from vpt_gym.collect.players import AgentPlayer

    if auto_player is None or not isinstance(auto_player.player, AgentPlayer):
        return {}
    learner = agent_identity(auto_player.player.agent)
    return {"precision": learner["precision"], "learner": learner}
