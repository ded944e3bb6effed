"""Names that a person gave and that no file can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpt_gym.cli import main
from vpt_gym.system.user_path import is_there

LONG = "x" * 300


def test_a_name_that_is_too_long_is_not_there(tmp_path: Path) -> None:
    assert is_there(tmp_path)
    assert not is_there(tmp_path / "nothing")
    assert not is_there(tmp_path / LONG)
    with pytest.raises(OSError, match="too long"):
        (tmp_path / LONG).stat()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("view", LONG), "is neither a directory of demos nor a finished demo"),
        (("view", "--export", LONG), "is missing; name a file of the episode"),
        (("demos", "check", LONG), "is not a directory of demos"),
        (("demos", "replay", LONG), "is missing; name a file of the demo"),
        (("label", LONG, "-o", "labelled"), "there is no video"),
        (("push", LONG, "organisation/name"), "there is no directory"),
        (("report", LONG), "there is no directory"),
    ],
)
def test_commands_say_that_there_is_no_such_file(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) != 0
    assert message in capsys.readouterr().err
