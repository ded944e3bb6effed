"""The exit statuses of ``vpt-gym``: one table for all commands."""

from __future__ import annotations

import signal
import sys

from vpt_gym.cli.output import print_text
from vpt_gym.system.command_line import WRONG_COMMAND

__all__ = ["DONE", "FAILED_CHECK", "INTERRUPTED", "NOT_DONE", "READER_GONE", "WRONG_COMMAND", "failed", "stopped_by"]

DONE = 0
"""The command did what it was asked to."""

NOT_DONE = 1
"""It could not, and says why; or it checked something and found a problem."""


def stopped_by(number: int) -> int:
    """Returns the exit status of a command that a signal stopped, as shells count it."""
    return 128 + number


INTERRUPTED = stopped_by(signal.SIGINT)
"""It was stopped by Ctrl+C: 130."""

READER_GONE = stopped_by(13)
"""Whatever read its output has ended, as ``head`` does: 141, as shells count SIGPIPE, which Windows lacks."""

FAILED_CHECK = 2
"""A command that checks could not do so. Its 1 says that it found something, as with ``grep`` and ``diff``."""


def failed(command: str, error: BaseException, *, checks: bool = False) -> int:
    """Prints why a command failed, and returns its exit status.

    Args:
        command: Name of the command.
        error: The error. A missing file or directory, or one that lacks what the command reads, is a wrong command
            line; all else is ``NOT_DONE``.
        checks: Whether the command checks something, so that all else is ``FAILED_CHECK``.
    """
    print_text(f"vpt-gym {command}: {error}", file=sys.stderr)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return WRONG_COMMAND
    return FAILED_CHECK if checks else NOT_DONE
