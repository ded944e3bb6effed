"""``vpt-gym view``: shows demos in a browser, or exports them as videos with the keys drawn below."""

from __future__ import annotations

import os
import sys
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, INTERRUPTED, failed
from vpt_gym.collect.goals import GoalArgs
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted
from vpt_gym.system.user_path import is_there


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Shows demos in a browser: video, keys, camera, reward, and what an agent would have done.

    It prints an address to open, and runs until Ctrl+C. Only this machine can reach the page, and the page loads
    nothing from the network. A rejected episode moves to rejected/ in its directory, and can be moved back.
    """

    path: Annotated[Path, tyro.conf.Positional]
    """Directory of demos, or a file of the episode to show first."""
    agent: Annotated[tuple[str, ...], optional("AGENT [WEIGHTS]", "none")] = ()
    """Agent to compare with: folder of a saved agent, .model file and its .weights file, or a name such as
    nano-foundation."""
    device: str = "cpu"
    """Device of the agent: cpu or cuda."""
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    """Number type in which the agent computes. auto: the fastest on this processor. fp32: same results everywhere."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    port: int = 0
    """Port on 127.0.0.1; 0 chooses a free one."""
    browser: bool = False
    """Also open the address in the browser of this machine."""
    export: bool = False
    """Write a video of one episode, with keys, camera and reward drawn below the picture, and exit."""
    out: Annotated[Path | None, optional("FILE", "ID.keys.mp4 in the current directory")] = None
    """File that --export writes: .mp4, .gif, or .png for one tick."""
    tick: int = 0
    """Tick that a .png shows, from 0."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Serves the page until it is interrupted, or exports; returns the exit status."""
    try:
        if args.export:
            _export(args)
        else:
            _serve(args)
    except (ValueError, OSError, IndexError, ImportError, RuntimeError) as error:
        return failed("view", error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _export(args: Args) -> None:
    from vpt_gym.demos import read_demo
    from vpt_gym.demos.files.names import files_of, short_name
    from vpt_gym.view.export import export

    if args.agent or args.browser or args.port or args.goal.goal is not None:
        raise ValueError("--export writes a file and ends: remove --agent, --goal, --browser and --port")
    if os.path.isdir(args.path):
        raise ValueError(f"{args.path} is a directory; --export takes one episode: name one of its files")
    if not any(map(is_there, files_of(args.path).all)):
        raise FileNotFoundError(f"{args.path} is missing; name a file of the episode")
    demo = read_demo(args.path)
    out = Path(f"{short_name(demo.id, 230)}.keys.mp4") if args.out is None else args.out
    export(demo, out, tick=args.tick)
    picture, size = out.suffix == ".png", out.stat().st_size
    what = f"tick {args.tick}" if picture else counted(len(demo), "tick")
    Output(args.quiet, args.json).result(
        f"{out}  {what}, {counted(size, 'byte')}",
        {"file": str(out), "bytes": size, **({"tick": args.tick} if picture else {"ticks": len(demo)})},
    )


def _serve(args: Args) -> None:
    from vpt_gym.demos.library.library import DemoLibrary
    from vpt_gym.view.server import ViewServer

    if args.out is not None:
        raise ValueError("--out goes with --export")
    if args.tick:
        raise ValueError("--tick goes with --export and --out FILE.png")
    if len(args.agent) > 2:
        raise ValueError(
            f"--agent takes one folder or name, or a .model and a .weights file; got {len(args.agent)} words"
        )
    if args.goal.goal is not None and not args.agent:
        raise ValueError(f"--goal {args.goal.goal!r} is for an agent, and there is none; name one (--agent)")
    library = DemoLibrary(args.path)
    predictions, note = None, ""
    if args.agent:
        from vpt_gym.agents.agent import VPTAgent, engine_precision_of
        from vpt_gym.agents.device import checked_device
        from vpt_gym.view.predictions import Predictions

        checked_device(args.device)  # before the agent is loaded
        agent = VPTAgent.from_pretrained(*args.agent, device=args.device, precision=args.precision)
        precision = engine_precision_of(args.precision, args.device)
        predictions = Predictions(agent.policy, args.agent[0], precision, goal=args.goal.chosen())
        note = f"the agent computes in {agent.precision}; "
    with (
        closing(predictions) if predictions else nullcontext(),
        ViewServer(library, predictions, port=args.port) as server,
    ):
        if not library.rows():
            print_text(server.note_if_empty, file=sys.stderr)
        output = Output(args.quiet, args.json)
        output.result(
            f"{library.directory}: open {server.url}", {"directory": str(library.directory), "url": server.url}
        )
        output.remark(f"{note}Ctrl+C stops it")
        if args.browser:
            import webbrowser

            webbrowser.open(server.url)
        server.serve_forever()
