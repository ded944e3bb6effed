"""Where the repository and its test data are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository. On ``PYTHONPATH`` it lets another process import ``tests.support``."""
DATA = ROOT / "tests" / "data"
