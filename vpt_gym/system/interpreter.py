"""Another Python process that imports what this one would."""

from __future__ import annotations

import os
import sys

_PROGRAM = "import sys; sys.path[:] = sys.argv[1].split(chr(10)); "


def command(code: str, *arguments: str) -> list[str]:
    """Returns the command of a Python interpreter that runs ``code`` with the import path of this one.

    Neither ``PYTHONPATH``, in which a folder may not have every name, nor ``-m``, which looks into the current folder
    first, would do.

    Args:
        code: What it runs.
        *arguments: Are ``sys.argv[2:]`` there.
    """
    path = "\n".join(str(entry) or os.getcwd() for entry in sys.path)
    return [sys.executable, "-c", _PROGRAM + code, path, *arguments]
