"""The files of a run's directory, and reading what a run wrote about itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vpt_gym.system.file_lock import open_to_lock, try_lock
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.output_directory import check_not_a_file
from vpt_gym.system.printable import shown

DESCRIPTION, METRICS, RESULTS, CURVES = "run.json", "metrics.jsonl", "results.json", "curves.png"
CHECKPOINTS, TENSORBOARD, DEMOS, LOCK = "checkpoints", "tensorboard", "demos.json", ".lock"
_FROM_THE_START = {DESCRIPTION, METRICS, TENSORBOARD, DEMOS, LOCK}
_FIELDS = {
    "script": str,
    "name": str,
    "argv": list,
    "args": dict,
    "working_directory": str,
    "state": str,
    "started": str,
}


class RunError(ValueError):
    """A directory is not that of a run, or its files are damaged or in use."""


def read_description(directory: str | Path) -> dict[str, Any]:
    """Returns the content of a run's ``run.json``.

    Raises:
        RunError: There is no such file, or it is damaged.
    """
    path = Path(directory) / DESCRIPTION
    try:
        description: Any = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{directory} is not the directory of a run: it has no {DESCRIPTION}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error})") from error
    if not isinstance(description, dict) or (missing := [key for key in _FIELDS if key not in description]):
        what = ", ".join(missing) if isinstance(description, dict) else "an object"
        raise RunError(f"{path} is not the description of a run: it lacks {what}")
    wrong = [key for key, kind in _FIELDS.items() if not isinstance(description[key], kind)]
    if not all(isinstance(word, str) for word in description["argv"]):
        wrong.append("argv")
    if not isinstance(description.get("resumed", []), list):
        wrong.append("resumed")
    if wrong:
        raise RunError(f"{path} is damaged: {wrong[0]} is {shown(description[wrong[0]])}; begin a new run")
    return description


def is_vacant(directory: Path) -> bool:
    """Returns whether a new run may have a directory: there is none, or one that stopped before it logged anything.

    So a command with a mistake in it can be corrected and given again.

    Raises:
        NotADirectoryError: It is a file, or one of those that it would be in is.
    """
    check_not_a_file(directory)
    if not directory.exists():
        return True
    sizes = {path.name: path.stat().st_size for path in directory.iterdir()}
    if sizes.keys() <= {LOCK}:
        return True
    if not sizes.keys() <= _FROM_THE_START or sizes.get(METRICS):
        return False
    try:
        return bool(read_description(directory)["state"] != "finished")
    except RunError:  # another program's files, of the same names
        return False


def clear(directory: Path) -> None:
    """Deletes what a run left in a vacant directory, except its lock, which the new one has."""
    for name in _FROM_THE_START - {LOCK, TENSORBOARD}:
        (directory / name).unlink(missing_ok=True)
    shutil.rmtree(directory / TENSORBOARD, ignore_errors=True)


def content(directory: Path) -> dict[Path, tuple[int, int]]:
    """Returns what the files of a run show of its progress: by path, the size and the time of the last change.

    Its description and what is for TensorBoard are left out, since they change when a process begins.
    """
    files = {}
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):  # another process's
            if path.name != DESCRIPTION and TENSORBOARD not in path.parts and path.is_file():
                files[path] = (path.stat().st_size, path.stat().st_mtime_ns)
    return files


def remaining_command(command: Sequence[str], directory: str | Path) -> list[str] | None:
    """Returns what is left to do of a command that writes a run: a program that runs several of them can be repeated.

    Args:
        command: The words of the command: the script, then its options, with ``--out directory``.
        directory: The directory of the run.

    Returns:
        The command itself if there is no run yet, the script with ``--resume`` if one has begun, None if it finished.

    Raises:
        RunError: The description of the run is damaged.

    Example:
        >>> remaining_command(["examples/bc.py", "--out", "runs/not_begun"], "runs/not_begun")
        ['examples/bc.py', '--out', 'runs/not_begun']
    """
    if not (Path(directory) / DESCRIPTION).exists():
        return list(command)
    if read_description(directory)["state"] == "finished":
        return None
    return [command[0], "--resume", str(directory)]


def set_aside(directory: Path) -> Path:
    """Renames a directory, so that a new run can have its name: the time is added to it. Returns the new path.

    Raises:
        RunError: A process is writing a run to it. It would go on under the old name, and so write into the new run.
    """
    aside = directory.with_name(f"{directory.name}-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        file = open_to_lock(directory / LOCK)
    except (FileNotFoundError, NotADirectoryError):  # no run
        return directory.rename(aside)
    with file:
        if not try_lock(file):
            raise RunError(
                f"another process is writing to {directory}: wait until it has finished, or choose another --out"
            )
        return directory.rename(aside)
