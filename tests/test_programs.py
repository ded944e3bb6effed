"""A test whose program is missing is skipped, and fails in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TEST = """
from tests.support.programs import needs_program

@needs_program("Xvfb")
def test_it():
    pass
"""


@pytest.mark.parametrize(
    ("ci", "status", "summary"), [("true", 1, "1 error"), ("", 0, "1 skipped")], ids=["in CI", "elsewhere"]
)
def test_a_missing_program(ci: str, status: int, summary: str, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-ra"]
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PATH": str(tmp_path), "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *settings], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert summary in done.stdout.splitlines()[-1]
    assert "this machine has no Xvfb; `sudo tests/install_programs.sh` installs it" in done.stdout
