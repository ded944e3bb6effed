"""What has been made into demos of a directory already, kept or rejected, so that a command does not make it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpt_gym.demos.files.names import REJECTED, DemoError, DemoFiles, list_metadata, read_metadata
from vpt_gym.system.user_path import is_there


def made_demos(directory: Path) -> dict[Path, dict[str, Any]]:
    """Returns the metadata of each finished demo of a directory, kept or rejected, by its ``<id>.json``.

    Contractor recordings have none. Of rejected demos, those with damaged metadata are left out.

    Raises:
        DemoError: The metadata of a demo that is kept are damaged.
    """
    return {path: read_metadata(path) for path in list_metadata(directory)} | rejected_demos(directory)


def rejected_demos(directory: Path) -> dict[Path, dict[str, Any]]:
    """Returns the metadata of each demo that was rejected from a directory and can be read, by its ``<id>.json``."""
    found = {}
    for path in list_metadata(directory / REJECTED):
        try:
            found[path] = read_metadata(path)
        except DemoError:  # a reason to reject it, which must not stop the next recording
            continue
    return found


def is_rejected(path: Path) -> bool:
    """Whether a demo is in ``rejected/``, given its ``<id>.json``."""
    return path.parent.name == REJECTED


def was_rejected(kept: DemoFiles) -> bool:
    """Whether the video or the records of a demo were moved to ``rejected/``, given the files that it had before."""
    there = DemoFiles(kept.directory / REJECTED, kept.id)
    return is_there(there.video) or is_there(there.records)
