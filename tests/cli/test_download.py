"""`vpt-gym download`: what a person sees of it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.file_server import Files, serving
from vpt_gym.agents.checkpoints.sources.published import PUBLISHED
from vpt_gym.cli import main

MODEL, WEIGHTS = b"a model description", bytes(3_000_000)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Files({"/2x.model": MODEL, "/rl-from-house-2x.weights": WEIGHTS})) as files:
        monkeypatch.setenv("VPT_GYM_MIRROR", files.url)
        yield files


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "vpt_gym", "download", *args]


def test_it_downloads_names_the_licence_and_where_the_files_are(mirror: Files, tmp_path: Path) -> None:
    done = subprocess.run(command("rl-from-house-2x"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    model, weights, licence = done.stdout.splitlines()
    assert model == f"{tmp_path / 'cache' / '2x.model'}  19 bytes"
    assert weights == f"{tmp_path / 'cache' / 'rl-from-house-2x.weights'}  3,000,000 bytes"
    assert licence == (
        "Published by OpenAI under the licence MIT: https://github.com/openai/Video-Pre-Training/blob/main/LICENSE"
    )
    assert (tmp_path / "cache" / "rl-from-house-2x.weights").read_bytes() == WEIGHTS


def test_a_terminal_sees_a_bar(mirror: Files) -> None:
    mirror.pause = 0.02
    ours, theirs = pty.openpty()
    with subprocess.Popen(command("rl-from-house-2x"), stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 1 << 16):
                seen += block
        except OSError:  # Linux's way to say that the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    shown = seen.decode()
    assert "rl-from-house-2x.weights" in shown
    assert "3.0/3.0 MB" in shown


def test_options_take_precedence(mirror: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPT_GYM_MIRROR", "http://127.0.0.1:1")
    assert main(["download", "rl-from-house-2x", "--mirror", mirror.url, "--to", str(tmp_path / "own")]) == 0
    assert (tmp_path / "own" / "2x.model").read_bytes() == MODEL
    assert not (tmp_path / "cache").exists()


def test_complete_files_are_verified_without_a_network(
    mirror: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", "rl-from-house-2x"]) == 0
    mirror.seen.clear()
    assert main(["download", "rl-from-house-2x", "--offline"]) == 0
    assert mirror.seen == []
    (tmp_path / "cache" / "rl-from-house-2x.weights").write_bytes(b"X" + WEIGHTS[1:])
    capsys.readouterr()
    assert main(["download", "rl-from-house-2x", "--offline"]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_an_interrupted_download_is_resumed(mirror: Files, tmp_path: Path) -> None:
    mirror.pause = 0.1
    with subprocess.Popen(command("rl-from-house-2x"), stderr=subprocess.PIPE, text=True) as process:
        part = tmp_path / "cache" / "rl-from-house-2x.weights.part"
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "vpt-gym download: stopped; run the same command again to continue\n"
    here = part.stat().st_size
    mirror.pause = 0.0
    assert main(["download", "rl-from-house-2x"]) == 0
    assert mirror.gets()[-1][1]["Range"] == f"bytes={here}-"


@pytest.mark.parametrize(
    ("args", "message", "status"),
    [
        (["rl-from-hause-2x"], "did you mean rl-from-house-2x", 2),
        (["rl-from-house-2x", "--mirror", "http://127.0.0.1:1"], "cannot be reached", 1),
        (["bc-early-game-2x"], "404 Not Found", 1),
        (["bc-early-game-2x", "--offline"], "put them into", 1),
    ],
)
def test_failures_are_reported_without_a_traceback(mirror: Files, args: list[str], message: str, status: int) -> None:
    done = subprocess.run(command(*args), capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("vpt-gym download: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_name_it_lists_them_all(mirror: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "rl-from-house-2x"]) == 0
    capsys.readouterr()
    assert main(["download"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[1 : 1 + len(PUBLISHED)]}
    assert list(rows) == list(PUBLISHED)
    assert rows["foundation-1x"][1] == "284"
    assert rows["foundation-3x"][1] == "~2,130"
    assert [name for name, row in rows.items() if row[2] == "yes"] == ["rl-from-house-2x"]
    assert "Licence: MIT" in lines[-1]
