"""What a program left in a folder of demos."""

from __future__ import annotations

from pathlib import Path

from vpt_gym.demos.files.directory_lock import LOCK_NAME


def content_of(folder: Path) -> list[str]:
    """Returns the sorted names of all in a folder but the lock, which stays for the next program; [] without it."""
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK_NAME) if folder.is_dir() else []
