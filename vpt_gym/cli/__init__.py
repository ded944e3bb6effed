"""The shell command ``vpt-gym``.

One module per subcommand, imported only when it is used: ``vpt-gym --help`` loads none of them. To add one, write a
module with a dataclass ``Args``, whose docstrings are the help, and ``run(args) -> int``, the exit status, and name
it in ``COMMANDS``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from vpt_gym import __version__

COMMANDS: dict[str, str] = {
    "demos": "finds damaged demos and mends them, says what is in a directory, exports to Minari and npz, and imports",
    "doctor": "checks this machine: can it run the embedded world, can it run MineDojo, and how to mend what is wrong",
    "download": "downloads the checkpoints that OpenAI published with VPT",
    "info": "says what a checkpoint is, whether it loads, and what is wrong if not; executes nothing in it",
    "label": "turns gameplay videos into demos, with an inverse dynamics model",
    "malmo": "serves the embedded world to MineDojo in place of Minecraft",
    "play": "plays an env in a window with keyboard and mouse, and records demos",
    "record": "records demos of a scripted expert, or of an agent",
    "view": "shows demos in a browser: video, keys, camera, reward, and where an agent disagrees",
}
"""Subcommands, each a module of this package, and what they do, in a line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a subcommand and returns its exit status.

    Args:
        argv: What stands behind ``vpt-gym``; default: the command line.

    Raises:
        SystemExit: The subcommand's options are wrong (2), or its help was asked for (0).
    """
    name, *rest = (sys.argv[1:] if argv is None else list(argv)) or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(f"vpt-gym {__version__}")
        return 0
    if name not in COMMANDS:
        print(f"vpt-gym: there is no command {name!r}\n\n{_usage()}", file=sys.stderr)
        return 2

    import tyro  # only now: `vpt-gym --help` needs nothing

    command = importlib.import_module(f"vpt_gym.cli.{name}")
    args = tyro.cli(command.Args, prog=f"vpt-gym {name}", args=rest)
    status: int = command.run(args)
    return status


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(["usage: vpt-gym COMMAND [OPTIONS]", "", *lines, "", "vpt-gym COMMAND --help lists its options."])
