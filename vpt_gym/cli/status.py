"""The exit statuses of ``vpt-gym``: one table for all commands."""

from __future__ import annotations

import sys

from vpt_gym.cli.output import print_text

DONE = 0
"""The command did what it was asked to."""

NOT_DONE = 1
"""It could not, and says why; or it checked something and found a problem."""

WRONG_COMMAND = 2
"""The command line is wrong: an unknown command or option, a wrong value, or a path or name that does not exist."""

INTERRUPTED = 130
"""It was stopped by Ctrl+C."""


def failed(command: str, error: BaseException) -> int:
    """Prints why a command failed, and returns its exit status.

    Args:
        command: Name of the command.
        error: The error. A missing file or directory, or one that lacks what the command reads, is a wrong command
            line; all else is ``NOT_DONE``.
    """
    print_text(f"vpt-gym {command}: {error}", file=sys.stderr)
    return WRONG_COMMAND if isinstance(error, FileNotFoundError | NotADirectoryError) else NOT_DONE
