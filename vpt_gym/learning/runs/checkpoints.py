"""The checkpoints of a run: two files, of which one is complete whenever the process is killed."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from vpt_gym.demos.files.atomic import scratch
from vpt_gym.learning.runs.directory import RunError
from vpt_gym.system.durable import sync

LAST, PREVIOUS = "last.pt", "previous.pt"
_FORMAT = 1


class Checkpoint(NamedTuple):
    """What a run continues from."""

    step: int
    """The step after which it was saved."""
    seconds: float
    """Wall time of the run up to then, pauses between its parts excluded."""
    state: dict[str, Any]
    """The trainer's state, as it was passed to ``Run.save_checkpoint``; tensors are on the CPU."""


def save_checkpoint(directory: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint. The one before it is kept as ``previous.pt``.

    Args:
        directory: Directory of the checkpoints; it is made.
        checkpoint: Its state holds tensors, numbers, strings, None, and lists, tuples and dicts of these.
    """
    directory.mkdir(parents=True, exist_ok=True)
    last = directory / LAST
    with open(scratch(last), "wb") as file:
        torch.save({"format": _FORMAT, **checkpoint._asdict()}, file)
        file.flush()
        os.fsync(file.fileno())
    if last.exists():
        os.replace(last, directory / PREVIOUS)
    os.replace(scratch(last), last)
    if os.name == "posix":
        sync(directory)


def load_checkpoint(directory: Path) -> Checkpoint | None:
    """Returns the latest checkpoint in a directory, None if there is none yet.

    If the latest one is damaged, a warning is raised and the one before it is returned. No code of the file is
    executed.

    Raises:
        RunError: There are checkpoints, but all are damaged.
    """
    damage = []
    for path in (directory / LAST, directory / PREVIOUS):
        if not path.exists():
            continue
        try:
            checkpoint = _read(path)
        except RunError as error:
            damage.append(str(error))
            continue
        if damage:
            warnings.warn(f"{damage[0]}; continuing from the checkpoint before it", stacklevel=2)
        return checkpoint
    if damage:
        raise RunError(f"{'; '.join(damage)}. Delete {directory} to start this run again from the beginning")
    return None


def _read(path: Path) -> Checkpoint:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not compare the checksums
        if damaged is not None:
            raise RunError(f"{path} is damaged: {damaged} has a wrong checksum")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except RunError:
        raise
    except Exception as error:  # zipfile and torch raise many types for a damaged file
        raise RunError(f"{path} is damaged ({type(error).__name__})") from error
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or not isinstance(content.get("step"), int)
        or not isinstance(content.get("seconds"), int | float)
        or not isinstance(content.get("state"), dict)
    ):
        raise RunError(f"{path} is not a checkpoint of this version of vpt-gym")
    return Checkpoint(content["step"], content["seconds"], content["state"])
