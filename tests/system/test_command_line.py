"""What holds for the values of all command lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from vpt_gym.system.command_line import read_command_line


@dataclass
class Args:
    out: Path = Path("runs")
    name: str = "a=~/b"


def test_the_home_directory_is_expanded_where_a_shell_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/player")
    for words in (["--out=~/runs/a"], ["--out", "~/runs/a"]):
        assert read_command_line(Args, words) == Args(Path("/home/player/runs/a"))
    assert read_command_line(Args, ["--out=~"]).out == Path("/home/player")
    for kept in ("a=~/b", "~player", "b~/c"):
        assert read_command_line(Args, ["--name", kept]).name == kept
