"""Paths that a person gave."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(path: str | os.PathLike[str]) -> Path:
    """Returns a path in which ``~`` and ``~user`` at the start are the home directory, as in a shell.

    If there is no such user, the path stays as it is.
    """
    return Path(os.path.expanduser(path))  # Path.expanduser raises if the user is unknown
