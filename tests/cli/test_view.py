"""`vpt-gym view`: it serves, exports, and says what is wrong, as a real process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.counter_demos import write_counter_demo
from tests.support.python_processes import run
from vpt_gym.agents import VPTAgent

COMMAND = [sys.executable, "-m", "vpt_gym", "view"]


def finished(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = run("-m", "vpt_gym", "view", *words, cwd=cwd)
    assert "Traceback" not in done.stderr
    return done


def test_it_prints_an_address_that_works_and_ends_by_an_interrupt(tmp_path: Path) -> None:
    demo = write_counter_demo(tmp_path / "demos", ticks=3)
    VPTAgent.from_config("nano", seed=0).save_pretrained(tmp_path / "agent")
    command = [*COMMAND, str(demo.parent), "--agent", str(tmp_path / "agent")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            match = re.search(r"open (http://127\.0\.0\.1:\d+/\S+/)\n", process.stdout.readline())
            assert match is not None
            with urllib.request.urlopen(f"{match[1]}api/episodes", timeout=20) as answer:
                listing = json.load(answer)
            assert listing["agent"] == str(tmp_path / "agent")
            assert [row["id"] for row in listing["episodes"]] == [demo.stem]
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_an_episode_is_exported(tmp_path: Path) -> None:
    demo = write_counter_demo(tmp_path / "demos", ticks=3)
    done = finished("--export", demo.with_suffix(".mp4"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    out = tmp_path / f"{demo.stem}.keys.mp4"
    assert done.stdout == f"{out.name}  3 ticks, {out.stat().st_size:,} bytes\n"
    assert finished(demo, "--export", "--out", tmp_path / "mine.mp4", cwd=tmp_path).returncode == 0
    assert (tmp_path / "mine.mp4").is_file()
    again = finished("--export", demo, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "nowhere is neither a directory of demos nor a finished demo"),
        (("demos", "--export"), "is a directory; --export takes one episode"),
        (("demos/nothing.mp4", "--export"), "is missing"),
        (("demos", "--out", "x.mp4"), "--out goes with --export"),
        (("demos", "--tick", "3"), "--tick goes with --export"),
        (("demos", "--agent", "no-such-agent"), "no-such-agent"),
        (("demos", "--agent", "a", "b", "c"), "got 3"),
        (("demos", "--agent", "a", "--device", "gpu"), "device is 'gpu'; this machine has 'cpu'"),
        (("demos/x.mp4", "--export", "--agent", "a"), "remove --agent"),
        (("demos", "--port", "99999"), "port is 99999; it must be 1 to 65535"),
    ],
)
def test_wrong_options_are_reported(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    write_counter_demo(tmp_path / "demos", ticks=2)
    done = finished(*words, cwd=tmp_path)
    missing = {"nowhere", "demos/nothing.mp4", "no-such-agent"} & set(words)
    assert done.returncode == (2 if missing else 1)
    assert done.stderr.startswith("vpt-gym view: ")
    assert message in done.stderr
