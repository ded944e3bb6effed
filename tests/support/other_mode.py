"""Runs what a test module does in the other mode: interpreted where this process compiles the kernels, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.paths import ROOT

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
"""Whether this process interprets the kernels."""


def in_other_mode(module: str, call: str) -> Any:
    """Returns what a call of a function of a test module returns in the other mode; it must be JSON."""
    name = call.partition("(")[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import json; from {module} import {name}; print(json.dumps({call}))"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "0" if INTERPRETED else "1"},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)
