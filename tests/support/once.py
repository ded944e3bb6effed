"""Something that must happen once, in one of several processes."""

from __future__ import annotations

from pathlib import Path


def first_to_make(path: Path) -> bool:
    """Makes a file; False if it is there already."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
