"""The command line where an optional package is not installed."""

from __future__ import annotations

import subprocess
import sys


def run_without(package: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Runs ``vpt-gym`` in a process that cannot import a package."""
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from vpt_gym.cli import main\n"
        f"sys.exit(main({[str(word) for word in words]!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
