"""The files of a demo as a whole: finished, thrown away, or written anew, so that a crash leaves no half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vpt_gym.demos.files.names import DemoFiles, partial

SCRATCH_SUFFIX = ".tmp"
"""Ends the name of a file that is about to replace the one without it."""


def scratch(path: Path) -> Path:
    """Returns the name of a file that is about to replace ``path``."""
    return path.with_name(path.name + SCRATCH_SUFFIX)


def finish(files: DemoFiles) -> None:
    """Gives the partial files of a demo their names; the metadata last, since it marks the demo as finished."""
    for path in files.all:
        if partial(path).exists():
            os.replace(partial(path), path)
    if os.name == "posix":
        sync(files.directory)


def discard(files: DemoFiles) -> None:
    """Removes a demo, finished or not.

    Killed half-way, it leaves a recording that was broken off, which ``repair`` finishes or removes.
    """
    if files.metadata.exists():
        os.replace(files.metadata, partial(files.metadata))
    for path in (files.video, files.records):
        path.unlink(missing_ok=True)
    for path in files.all:
        scratch(partial(path)).unlink(missing_ok=True)
        partial(path).unlink(missing_ok=True)


def write_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Writes metadata as JSON, through to the disk; what ``path`` held before stays until the new is whole."""
    with open(scratch(path), "w", encoding="utf-8") as file:
        json.dump(metadata, file, indent=1, default=_as_json)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch(path), path)


def sync(path: Path) -> None:
    """Waits until what was written to a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_json(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return repr(value)
