"""Decoded frames do not stay on the disk after their process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vpt_gym.system.temporary import TemporaryDirectory

PREFIX = "frames-"
HOLD = f"""
import sys
from vpt_gym.system.temporary import TemporaryDirectory
directory = TemporaryDirectory({PREFIX!r})
(directory.path / "large.npy").write_bytes(bytes(1000))
print(directory.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """Starts a process that holds a directory, made long ago."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(parent)},
    )
    assert process.stdout is not None
    path = Path(process.stdout.readline().strip())
    assert path.parent == parent
    os.utime(path, (0, 0))
    return process, path


@pytest.mark.skipif(sys.platform == "win32", reason="folders are locked on POSIX only")
def test_the_next_one_removes_that_of_a_killed_process_and_no_other(parent: Path) -> None:
    killed, left = holder(parent)
    living, kept = holder(parent)
    try:
        killed.kill()
        killed.wait()
        assert (left / "large.npy").exists()
        other = parent / "other-tool"
        other.mkdir()
        mine = parent / f"{PREFIX}of-mine"  # a folder of the user's, who happens to name it so
        mine.mkdir()
        (mine / "frames.npy").write_bytes(b"mine")
        os.utime(mine, (0, 0))
        TemporaryDirectory(PREFIX)
        assert not left.exists()
        assert (kept / "large.npy").exists()
        assert other.exists()
        assert [file.name for file in mine.iterdir()] == ["frames.npy"]
    finally:
        living.kill()
        living.wait()


def test_a_young_one_is_left_alone(parent: Path) -> None:
    young = parent / f"{PREFIX}young"
    young.mkdir()
    TemporaryDirectory(PREFIX)
    assert young.exists()


def test_it_is_removed_with_its_object(parent: Path) -> None:
    directory = TemporaryDirectory(PREFIX)
    path = directory.path
    assert path.parent == parent
    del directory
    assert not path.exists()
