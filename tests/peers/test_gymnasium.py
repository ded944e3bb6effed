"""The oldest Gymnasium that ``pyproject.toml`` allows, in front of the installed one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

OLDEST = Path(sys.prefix) / "gymnasium-oldest"
"""Where the Makefile installs it."""

TESTS = ("tests/test_spaces.py", "tests/wrappers/vector/test_thread_vector_env.py")
"""What uses the parts of Gymnasium that differ most between its versions: its vectors, and how it batches spaces."""

SLOW = "world or batched or returns_the_results"
"""Words in the names of tests that take seconds; the workflow runs them with each version."""


def test_spaces_and_vectors_work_with_the_oldest_gymnasium() -> None:
    environment = {**os.environ, "PYTHONPATH": str(OLDEST)}
    bound = re.search(r'"gymnasium>=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert bound is not None
    version = [sys.executable, "-c", "import gymnasium; print(gymnasium.__version__)"]
    told = subprocess.run(version, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert told.startswith(bound[1] + ".")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", f"not ({SLOW})", *TESTS]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
