"""`vpt-gym info`: what a person and a program see of a checkpoint."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support import malicious_pickles as evil
from tests.support import mineclip_goldens
from tests.support.published_files import SMALL_1X, published_state, write_model
from vpt_gym.agents.goals.prior import GoalPrior
from vpt_gym.cli import main


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    torch.save(published_state(SMALL_1X), tmp_path / "x.weights")
    return [str(write_model(tmp_path / "x.model", SMALL_1X)), str(tmp_path / "x.weights")]


def test_a_good_pair_is_described_in_plain_lines(pair: list[str]) -> None:
    command = [sys.executable, "-m", "vpt_gym", "info", *pair]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    first, second = done.stdout.split("\n\n")
    model = {line[2:17].strip(): line[17:] for line in first.splitlines()[1:]}
    weights = {line[2:17].strip(): line[17:] for line in second.splitlines()[1:]}
    assert first.splitlines()[0] == pair[0]
    assert model["what"] == "description of a policy"
    assert model["temperature"] == "2"
    assert model["config"].startswith("hidsize 64, attention_heads 4")
    assert model["action head"] == "buttons 8641, camera 121"
    assert model["parameters"].startswith(
        f"{sum(v.numel() for v in published_state(SMALL_1X, aux=False).values()):,} ("
    )
    assert weights["compared with"] == pair[0]
    assert weights["would load"] == "134 keys"
    assert weights["ignored"].startswith("5 keys  aux_value_head.linear.weight, ")
    assert weights["verdict"] == "can be loaded"


def test_a_saved_agent_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nano-foundation"]) == 0
    assert "what           a saved policy" in capsys.readouterr().out


def test_a_terminal_gets_a_table(pair: list[str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "vpt_gym", "info", pair[0]]
    with subprocess.Popen(command, stdout=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "60"}) as process:
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 1 << 16):
                seen += block
        except OSError:  # Linux's way to say that the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    assert b"\x1b[" in seen
    assert b"can be loaded" in seen


def test_json_is_complete_and_the_status_shows_whether_it_loads(
    pair: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", *pair, "--json"]) == 0
    model, weights = json.loads(capsys.readouterr().out)
    assert (model["ok"], model["kind"], model["config"]["hidsize"]) == (True, "policy", 64)
    assert len(weights["report"]["loaded"]) == 134
    (tmp_path / "cut.weights").write_bytes(Path(pair[1]).read_bytes()[:1000])
    assert main(["info", *pair, str(tmp_path / "cut.weights"), "--json"]) == 1
    assert [one["ok"] for one in json.loads(capsys.readouterr().out)] == [True, True, False]


@pytest.mark.parametrize("name", ["x.model", "x.weights", "x.pt"])
def test_nothing_is_executed(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    canary = tmp_path / "canary"
    body = evil.payloads(canary)["os.system"]
    evil.FORMS["zip" if name != "x.model" else "bare"](tmp_path / name, body)
    with pytest.warns(UserWarning, match="pickle protocol") if name != "x.model" else pytest.MonkeyPatch.context():
        assert main(["info", str(tmp_path / name)]) == 1
    assert "os.system" in capsys.readouterr().out
    assert not canary.exists()


def test_a_file_that_does_not_load_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {key.removeprefix("net."): value for key, value in published_state(SMALL_1X).items()}
    torch.save(state, tmp_path / "x.weights")
    assert main(["info", str(tmp_path / "x.weights")]) == 1
    out = capsys.readouterr().out
    assert 'all keys lack the prefix "net."' in out
    assert "missing        125 keys" in out
    assert "can be loaded" not in out


@pytest.mark.parametrize("pooling", ["attn", "avg"])
def test_a_file_of_mineclip_is_described_as_one(
    tmp_path: Path, pair: list[str], pooling: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = mineclip_goldens.save_published(tmp_path / f"{pooling}.pth", pooling)
    assert main(["info", pair[0], str(path), "--json"]) == 0
    _, found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["loaded_by"]) == ("MineCLIP scorer", "MineCLIP.from_pretrained")
    small = {**dataclasses.asdict(mineclip_goldens.SMALL), "pooling": pooling}
    unknown = {"text_heads"} | ({"temporal_heads"} if pooling == "avg" else set())
    assert {key: found["config"][key] for key in small if key not in unknown} == {
        key: list(value) if isinstance(value, tuple) else value for key, value in small.items() if key not in unknown
    }
    assert set(found["report"]["loaded"]) == set(mineclip_goldens.small_weights(pooling))
    weights = mineclip_goldens.small_weights(pooling).values()
    assert found["parameters"]["total"] == sum(value.numel() for value in weights)
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "weights of a MineCLIP scorer" in out
    assert "action head" not in out


def test_an_incomplete_file_of_mineclip_and_its_cause_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = mineclip_goldens.published_layout(mineclip_goldens.small_weights())
    kept = {key: value for key, value in weights.items() if not key.startswith("model.reward_head.video_adapter")}
    torch.save({"state_dict": kept}, tmp_path / "attn.pth")
    assert main(["info", str(tmp_path / "attn.pth")]) == 1
    out = capsys.readouterr().out
    assert "weights of a MineCLIP scorer" in out
    assert "is the file incomplete" in out
    assert "missing        4 keys" in out


def test_a_file_of_steve_1s_prior_is_described_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(GoalPrior(size=8, hidden=6, latent=4).state_dict(), tmp_path / "steve1_prior.pt")
    assert main(["info", str(tmp_path / "steve1_prior.pt"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["config"]) == ("prior of goals", {"size": 8, "latent": 4})
    assert found["loaded_by"] == "GoalPrior.from_pretrained"


def test_weights_of_no_known_model_stay_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {"conv.weight": torch.zeros(2)}}, tmp_path / "other.pth")
    assert main(["info", str(tmp_path / "other.pth")]) == 1
    assert "is not a dictionary of tensors by name (a state dict); it holds state_dict" in capsys.readouterr().out


def test_without_a_file_it_asks_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 2
    assert "name a file" in capsys.readouterr().err
