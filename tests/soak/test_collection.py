"""Collecting demos while games crash, hang and are killed, the disk fills up and the clock jumps.

7 seconds of game time here; 2.8 hours with ``--long`` (``make test-long``), or ``--ticks`` of your choice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.paths import ROOT

TICKS, LONG_TICKS = 140, 200_000
LENGTH, LONG_LENGTH = 40, 160
"""Ticks of an episode."""
LONG_EVERY = 2400
"""Ticks between two faults with ``--long``: 720 in a day of game time."""
SETTLED = 20_000
"""Ticks after which memory must not grow."""
MOST_MB = 1.0
"""Megabytes that memory may grow in 10,000 ticks."""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the limits and the descriptors of a Linux process"),
    pytest.mark.timeout(0),  # with --ticks
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, list[str]]]:
    """A directory, and the option for a file system of its own, which takes the right to mount one."""
    place = tmp_path / "demos"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield place, []
        return
    try:
        yield place, ["--mounted"]
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_every_finished_demo_is_intact_and_nothing_is_left_behind(
    tmp_path: Path, disk: tuple[Path, list[str]], request: pytest.FixtureRequest
) -> None:
    directory, mounted = disk
    long = request.config.getoption("--long")
    ticks = request.config.getoption("--ticks") or (LONG_TICKS if long else TICKS)
    many = ticks >= 2000
    length = LONG_LENGTH if many else LENGTH
    options = {
        "--ticks": ticks,
        "--every": LONG_EVERY if many else ticks // 7,
        "--num-envs": 8 if many else 2,
        "--length": length,
        "--check": 8000 if many else 2000,
    }
    (tmp_path / "temporary").mkdir()
    given = [str(part) for option in options.items() for part in option]
    given += ["--codes"] * (ticks > LONG_TICKS)  # a day of human actions takes twice as long
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak.collect", directory, *given, *mounted],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600 + ticks / 10,
    )
    assert run.returncode == 0
    report = json.loads(run.stdout)
    print(json.dumps({**report, "memory": report["memory"][:: max(1, len(report["memory"]) // 20)]}))  # -s shows it
    assert report["problems"] == []
    assert report["ticks"] >= ticks
    assert report["demos"] >= ticks // (2 * length)
    assert set(report["faults"]) == {"crash", "hang", "kill", "full disk", "clock"}
    settled = [(at, size) for at, size, _ in report["memory"] if at >= SETTLED]
    if len(settled) > 5:
        slope = np.polyfit(*zip(*settled, strict=True), 1)[0] * 10_000
        assert slope < MOST_MB, f"memory grows by {slope:.2f} MB in 10,000 ticks"
