"""The shell command ``vpt-gym``.

Each command is a module, imported only when it is used: ``vpt-gym --help`` imports none of them. To add a command,
write a module with a dataclass ``Args``, whose docstrings are the help, and ``run(args) -> int``, which returns the
exit status, and add its name to ``COMMANDS``.

Exit statuses (``vpt_gym.cli.status``; docs/reference/command.md has the table): 0 done; 1 not done, or a problem
found; 2 a wrong option, or a path or name that does not exist; 130 stopped by Ctrl+C; 141 nobody reads the output.
``demos`` checks: its 1 is a finding, and its 2 also all that it cannot do. Each command with a result has ``--quiet``
and ``--json`` (``Quiet`` and ``Json`` in ``vpt_gym.cli.options``), and prints with ``vpt_gym.cli.output.Output``.
"""

from __future__ import annotations

import importlib
import os
import select
import sys
from collections.abc import Sequence

from vpt_gym import __version__
from vpt_gym.cli.output import printable_warnings
from vpt_gym.cli.status import INTERRUPTED, READER_GONE, WRONG_COMMAND
from vpt_gym.system.command_line import read_command_line

COMMANDS: dict[str, str] = {
    "demos": "check, repair, count, replay, exchange and download demos",
    "doctor": "check whether this machine can run the embedded world and MineDojo, and how to fix it",
    "download": "download the checkpoints that OpenAI published with VPT",
    "export": "write an agent as an ONNX file, which plays without PyTorch",
    "info": "describe a checkpoint and check whether it loads, without executing anything in it",
    "label": "turn gameplay videos into demos with an inverse dynamics model",
    "malmo": "serve the embedded world to MineDojo in place of Minecraft",
    "play": "play an environment in a window with keyboard and mouse, and record demos",
    "push": "publish an agent or demos on the Hugging Face Hub, with a card",
    "record": "record demos of a scripted expert or an agent",
    "report": "compare training runs in one HTML page: results, curves, videos, arguments",
    "view": "show demos in a browser: video, keys, camera, reward, and where an agent disagrees",
}
"""The commands, each a module of this package, with one line of help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit status.

    Args:
        argv: The words after ``vpt-gym``; default: those of the command line.

    Raises:
        SystemExit: The options of the command are wrong (2), or they ask for its help (0).
    """
    try:
        status = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return READER_GONE
    return status


def _run(words: list[str]) -> int:
    name, *rest = words or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(f"vpt-gym {__version__}")
        return 0
    if name == "--print-completion":
        from vpt_gym.cli.completion import completion

        return completion(rest)
    if name not in COMMANDS:
        print(f"vpt-gym: there is no command {name!r}\n\n{_usage()}", file=sys.stderr)
        return WRONG_COMMAND

    with printable_warnings():
        try:
            command = importlib.import_module(f"vpt_gym.cli.{name}")
            status: int = command.run(read_command_line(command.Args, rest, prog=f"vpt-gym {name}"))
        except KeyboardInterrupt:  # in a command that has nothing more to say about it
            print(f"vpt-gym {name}: stopped; what was finished stays", file=sys.stderr)
            return INTERRUPTED
    return status


def _reader_is_gone() -> bool:
    """Returns whether nobody reads standard output any more, as in ``vpt-gym demos check | head``."""
    if not hasattr(select, "poll"):  # on Windows
        return False
    output, ended = select.poll(), select.POLLERR | select.POLLHUP
    output.register(sys.stdout, 0)
    if not any(event & ended for _, event in output.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left fails no more, at exit either
    return True


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: vpt-gym COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "`vpt-gym COMMAND --help` lists the options of a command.",
            'In bash and zsh, `eval "$(vpt-gym --print-completion bash)"` completes commands and options.',
            "Exit status: 0 done; 1 not done, or a problem found; 2 a wrong option or a missing path; 130 Ctrl+C.",
        ]
    )
