"""A directory that a program records into: one program at a time, and no incomplete demos of an earlier one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from vpt_gym.collect.provenance import LABELLED_BY, RECORDED_BY
from vpt_gym.demos.files.atomic import discard
from vpt_gym.demos.files.directory_lock import directory_lock
from vpt_gym.demos.files.names import files_of, list_demos, read_metadata
from vpt_gym.demos.library.checks import repair


def locked(directory: Path) -> AbstractContextManager[None]:
    """Locks a directory for one run in a ``with`` block, and makes it if there is none.

    Raises:
        BlockingIOError: Another run records into the directory.
    """
    return directory_lock(
        directory,
        f"another run is recording into {directory}, and this one would play the same worlds. Wait for it, "
        "record into another directory, or use more envs in one run (--num-envs)",
    )


def clear_up(directory: Path) -> None:
    """Finishes complete demos that lack only their final names, and deletes incomplete ones of a run that was killed.

    What a person played is never deleted.
    """
    repair(directory, interrupted_only=True)
    for path in list_demos(directory):
        if path.suffix == ".json":
            metadata = read_metadata(path)
            by_program = any(isinstance(metadata.get(key), dict) for key in (RECORDED_BY, LABELLED_BY))
            if metadata.get("ended") == "recovered" and by_program:
                discard(files_of(path))
