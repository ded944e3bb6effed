"""The git commit of the code that runs, to store with its results."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def git_commit(directory: str | Path) -> dict[str, Any] | None:
    """Returns the commit of the repository that a directory is in.

    Returns:
        ``{"commit": str, "changed": bool}``, where ``changed`` means that tracked files differ from the commit; None
        where there is no repository or no ``git``.
    """
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "changed": bool(_git(directory, "status", "--porcelain", "--untracked-files=no"))}


def _git(directory: str | Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *words], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
