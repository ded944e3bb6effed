"""Directories of runs, as a trainer leaves them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

RUN = {
    "script": "bc",
    "argv": ["--demos", "demos"],
    "args": {"demos": ["demos"], "train": {"lr": 0.001, "steps": 100}, "seed": 0, "run": {"name": "", "out": None}},
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "changed": False},
    "machine": {"processor": "a processor", "cores": 2, "load_average": [0.1, 0.2, 0.3]},
    "started": "2026-11-28T20:00:00+0000",
    "state": "finished",
}
RESULTS = {"after BC": {"successes": 34, "episodes": 40, "rate": 0.85}, "best step": 80}


def write_run(directory: Path, *, entries: int = 50, results: Any = RESULTS, **about: Any) -> Path:
    """Writes a finished run with two metrics of one group and one of another. ``about`` replaces parts of ``RUN``."""
    directory.mkdir(parents=True)
    (directory / "run.json").write_text(json.dumps({**RUN, "name": directory.name, **about}))
    lines = [
        {"step": k, "seconds": 0.5 * k, "train/loss": 3 * math.exp(-k / 20) + 0.1 * (k % 3), "train/lr": 1e-3}
        | ({"validation/loss": 3 * math.exp(-k / 25) + 0.2} if k % 10 == 0 else {})
        for k in range(1, entries + 1)
    ]
    (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if results is not None:
        (directory / "results.json").write_text(json.dumps(results))
    return directory
