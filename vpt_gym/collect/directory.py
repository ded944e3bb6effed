"""A directory that a program records into: one program at a time, and no incomplete demos of an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

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


def clear_up(directory: Path, key: str, check: Callable[[], None]) -> None:
    """Finishes complete demos that lack only their final names, and deletes incomplete ones of a run that was killed.

    What a person or another kind of program made is never deleted.

    Args:
        directory: The directory.
        key: Key of the metadata in which demos of this kind of program say how they were made.
        check: Raises an error if the demos are of another run, as in a directory that was named by mistake. Then
            nothing is deleted.
    """
    repair(directory, interrupted_only=True)
    check()
    for path in list_demos(directory):
        if path.suffix == ".json":
            metadata = read_metadata(path)
            if metadata.get("ended") == "recovered" and isinstance(metadata.get(key), dict):
                discard(files_of(path))
