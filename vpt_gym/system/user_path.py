"""Paths that a person gave, or that are made of names that a person gave."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(path: str | os.PathLike[str]) -> Path:
    """Returns a path in which ``~`` and ``~user`` at the start are the home directory, as in a shell.

    If there is no such user, the path stays as it is.
    """
    return Path(os.path.expanduser(path))  # Path.expanduser raises if the user is unknown


def is_there(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path exists; False, not an ``OSError``, if the name is too long or a folder may not be read.

    ``Path.exists`` raises the error, and so do ``Path.is_file`` and ``Path.is_dir``: for such paths, use
    ``os.path.isfile`` and ``os.path.isdir``.
    """
    return os.path.exists(path)
