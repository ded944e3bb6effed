"""Finding demos in the folders below a directory, which none of the readers looks into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vpt_gym.demos.files.names import PARTIAL_SUFFIX, REJECTED, find_demos

_LEVELS = 3
_NAMED = 5


def demos_below(directory: str | os.PathLike[str]) -> dict[Path, int]:
    """Returns the folders below a directory, up to three levels deep, that have demos, and how many each has.

    Hidden folders and those of rejected demos are left out.
    """
    top = Path(directory)
    found = {}
    for name, folders, files in os.walk(top):
        folder = Path(name)
        too_deep = len(folder.relative_to(top).parts) >= _LEVELS
        folders[:] = [] if too_deep else sorted(one for one in folders if one != REJECTED and not one.startswith("."))
        if folder != top and any(file.endswith((".mp4", ".jsonl", ".json", PARTIAL_SUFFIX)) for file in files):
            count = len(find_demos(folder))
            if count:
                found[folder] = count
    return found


def below_in_words(below: Mapping[Path, int]) -> str:
    """Returns a sentence that names the folders of ``demos_below``; empty without any."""
    if not below:
        return ""
    named = [f"{folder} ({count})" for folder, count in list(below.items())[:_NAMED]]
    more = f" and {len(below) - _NAMED} more" if len(below) > _NAMED else ""
    return f"demos in folders below are not included: {', '.join(named)}{more}"
