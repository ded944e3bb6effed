"""Starting another Python process with the import path of this one."""

from __future__ import annotations

import os
import sys

_PROGRAM = "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "


def command(code: str, *arguments: str) -> list[str]:
    """Returns the command of a Python interpreter that runs ``code`` with the import path of this one.

    ``PYTHONPATH`` cannot express every folder name, and ``-m`` searches the current folder first.

    Args:
        code: The program.
        *arguments: Its arguments, ``sys.argv[2:]``.
    """
    path = "\n".join(str(entry) or os.getcwd() for entry in sys.path)
    return [sys.executable, "-c", _PROGRAM + code, path, *arguments]
