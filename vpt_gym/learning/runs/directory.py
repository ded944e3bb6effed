"""The files of a run's directory, and reading what a run wrote about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DESCRIPTION, METRICS, RESULTS, CURVES = "run.json", "metrics.jsonl", "results.json", "curves.png"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
_FIELDS = ("script", "name", "argv", "args", "working_directory", "state", "started")


class RunError(ValueError):
    """A directory is not that of a run, or its files are damaged or in use."""


def read_description(directory: str | Path) -> dict[str, Any]:
    """Returns the content of a run's ``run.json``.

    Raises:
        RunError: There is no such file, or it is damaged.
    """
    path = Path(directory) / DESCRIPTION
    try:
        description: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{directory} is not the directory of a run: it has no {DESCRIPTION}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error})") from error
    if not isinstance(description, dict) or (missing := [key for key in _FIELDS if key not in description]):
        what = ", ".join(missing) if isinstance(description, dict) else "an object"
        raise RunError(f"{path} is not the description of a run: it lacks {what}")
    return description
