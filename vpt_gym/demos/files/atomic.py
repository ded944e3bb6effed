"""Finishing, deleting and replacing the files of a demo so that a crash never leaves a file half written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpt_gym.demos.files.names import DemoFiles, partial
from vpt_gym.demos.files.records import finite
from vpt_gym.system.durable import sync
from vpt_gym.system.user_path import is_there

SCRATCH_SUFFIX = ".tmp"
"""Suffix of a file that will replace the file without it."""


def scratch(path: Path) -> Path:
    """Returns the name of a temporary file that will replace ``path``."""
    return path.with_name(path.name + SCRATCH_SUFFIX)


def finish(files: DemoFiles) -> None:
    """Renames the partial files of a demo to their final names; the metadata last, since it marks it as finished."""
    for path in files.all:
        if is_there(partial(path)):
            os.replace(partial(path), path)
    sync(files.directory)


def discard(files: DemoFiles) -> None:
    """Deletes a demo, finished or not.

    If the process is killed meanwhile, an interrupted recording remains, which ``repair`` recovers or deletes.
    """
    if is_there(files.metadata):
        os.replace(files.metadata, partial(files.metadata))
    for path in (files.video, files.records):
        path.unlink(missing_ok=True)
    for path in files.all:
        scratch(partial(path)).unlink(missing_ok=True)
        partial(path).unlink(missing_ok=True)


def write_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Writes metadata as JSON and waits until it is on the disk. The old content of ``path`` stays until then.

    Numbers that JSON lacks, NaN and infinity, become null.
    """
    with open(scratch(path), "w", encoding="utf-8") as file:
        json.dump(finite(metadata), file, indent=1, default=repr, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch(path), path)
