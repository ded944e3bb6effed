"""What a terminal would obey never reaches it: not from names of files, and not from names inside them."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path

import pytest
import torch

from tests.support.counter_demos import write_counter_demo
from vpt_gym.agents.checkpoints.errors import CheckpointError, DownloadError
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.cli import main
from vpt_gym.cli.output import print_text, printable_warnings
from vpt_gym.demos import DemoDataset, DemoError, SourceError
from vpt_gym.system.printable import printable, printable_name, shown

RED = "\x1b[31m\x1b]0;title\x07\u202e\x9b2J\r"


def obeyed(text: str) -> list[str]:
    return [c for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]


def test_characters_are_escaped() -> None:
    assert printable("a\x1b[0m\nb\tc\r") == "a\\x1b[0m\nb\tc\\r"
    assert printable_name("a\nb\tc") == "a\\nb\\tc"
    assert printable("é 日本 \U0001f600") == "é 日本 \U0001f600"
    assert printable("\udcff\u202e\u2028\x9b") == "\\udcff\\u202e\\u2028\\x9b"
    assert shown(RED) == repr(RED)
    assert shown(10**5000) == "an integer of 16610 bits"
    assert len(shown(["x" * 1000] * 1000)) < 700


def test_errors_are_printable(tmp_path: Path) -> None:
    for kind in (CheckpointError, DownloadError, SourceError):
        assert not obeyed(str(kind(f"{RED} is wrong")))
    assert not obeyed(str(DemoError(f"{RED} is wrong", f"delete {RED}")))


def test_warnings_of_a_trainer_are_printable(tmp_path: Path) -> None:
    write_counter_demo(tmp_path, ticks=4)
    (tmp_path / f"{RED}.mp4").write_bytes(b"no video")
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged") as caught:
        DemoDataset(tmp_path, frame_size=(32, 32))
    assert not obeyed(str(caught[0].message))


def test_weights_with_such_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"{RED}.safetensors"
    key = json.dumps(f"net.{RED}.weight")
    header = f'{{{key}: {{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}}}'.encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert main(["info", str(path)]) == 1
    assert not obeyed(capsys.readouterr().out)
    with torch.device("meta"):
        policy = VPTPolicy(VPTConfig.named("nano"))
    with pytest.raises(CheckpointError) as caught:
        load_weights(policy, path)
    assert not obeyed(str(caught.value))
    assert not obeyed(str(caught.value.report))  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [["demos", "check"], ["demos", "stats"], ["view"], ["demos", "repair"]])
def test_folders_and_demos_with_such_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    for name in (f"{RED}.mp4", f"{RED}.jsonl", f"{RED}.json"):
        (tmp_path / name).write_text("{}")
    if command == ["view"]:
        command = ["view", "--export"]
    main([*command, str(tmp_path)])
    main([*command, str(tmp_path / RED)])
    out, err = capsys.readouterr()
    assert not obeyed(out + err)


def test_warnings_and_printed_texts(capsys: pytest.CaptureFixture[str]) -> None:
    with printable_warnings():  # Python prints what this function returns
        shown_warning = warnings.formatwarning(f"{RED} is odd", UserWarning, f"{RED}.py", 1)
    assert "is odd" in shown_warning
    print_text(RED)
    assert not obeyed(shown_warning + capsys.readouterr().out)
