"""Publishing agents and demos, with the Hub's own client, on a server of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.counter_demos import write_counter_demo
from tests.support.hub_server import TOKEN, Hub, serving_hub
from tests.support.small_policy import SMALL
from tests.support.written_run import write_run
from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.cli import main
from vpt_gym.demos import DemoDataset, list_demos, read_demo

PUBLISH = """
import json, os
from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.cli import main
from vpt_gym.demos import push_demos
from vpt_gym.hub import About, UploadError

agent, inverse, out = VPTAgent.from_pretrained("saved"), IDMAgent.from_pretrained("inverse"), {}
out["url"] = agent.push_to_hub("org/agent", card=About(license="mit", data="40 demos."), message="first")
out["weight"] = VPTAgent.from_pretrained("org/agent").policy.net.final_ln.weight.sum().item()
agent.push_to_hub("org/agent", card="---\\nlicense: mit\\n---\\n# mine\\n", revision="next", stored_as="int8")
inverse.push_to_hub("org/inverse", private=True)
out["idm"] = len(IDMAgent.from_pretrained("org/inverse").report.loaded)
done = push_demos("demos", "org/demos", card=About(license="cc-by-4.0"))
out["demos"] = [done.url, done.episodes, done.ticks, str(done.left_out)]
out["errors"] = []
for push in (
    lambda: agent.push_to_hub("org/agent", private=True),
    lambda: agent.push_to_hub("closed/agent"),
    lambda: agent.push_to_hub("org/broken", card="---\\n[\\n---\\n"),
):
    try:
        push()
    except UploadError as error:
        out["errors"].append(str(error))
out["statuses"] = [main(["push", "own", "me/wood", "--private"])]
os.environ["HF_TOKEN"] = "hf_wrong"
out["statuses"].append(main(["push", "own", "me/other"]))
print(json.dumps(out))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_hub() as server:
        yield server


def publish(folder: Path, hub: Hub) -> subprocess.CompletedProcess[str]:
    """Runs the program in a process of its own, since the client reads its settings when it is imported."""
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "hf"),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "no_proxy": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", PUBLISH],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **settings},
    )


def test_what_is_published_comes_back_by_its_id(tmp_path: Path, hub: Hub) -> None:
    agent = VPTAgent.from_config(SMALL, seed=3)
    with torch.no_grad():
        agent.policy.net.final_ln.weight.uniform_()
    agent.save_pretrained(tmp_path / "saved")
    IDMAgent.from_config(IDMConfig.named("nano"), seed=0).save_pretrained(tmp_path / "inverse")
    paths = [write_counter_demo(tmp_path / "demos", ticks=ticks) for ticks in (8, 5)]
    (tmp_path / "demos" / "x.jsonl.partial").touch()
    (tmp_path / "demos" / "notes.txt").write_text("not for others")
    agent.save_pretrained(tmp_path / "own", "int8", card="---\nlicense: mit\n---\n# own\n")
    hub.denied.add("closed")
    done = publish(tmp_path, hub)
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout.splitlines()[-1])

    repo = hub.repos["model", "org/agent"]
    assert out["url"] == f"{hub.url}/org/agent"
    assert out["weight"] == agent.policy.net.final_ln.weight.sum().item()
    assert (repo.private, repo.messages) == (False, ["first", "Upload with vpt-gym"])
    assert sorted(repo.branches["main"]) == ["README.md", "config.json", "model.safetensors"]
    readme = repo.branches["main"]["README.md"].decode()
    assert readme.startswith("---\nlicense: mit\n")
    assert 'VPTAgent.from_pretrained("org/agent")' in readme
    assert repo.branches["next"]["README.md"].endswith(b"# mine\n")
    sizes = [len(repo.branches[branch]["model.safetensors"]) for branch in ("next", "main")]
    assert sizes[0] < sizes[1]

    assert hub.repos["model", "org/inverse"].private
    assert out["idm"] > 0

    published = hub.repos["dataset", "org/demos"].branches["main"]
    assert out["demos"] == [f"{hub.url}/datasets/org/demos", 2, 13, "1 not finished"]
    assert sorted(published) == sorted(
        ["README.md", *(file.name for path in paths for file in read_demo(path).files.all)]
    )
    again = tmp_path / "again"
    again.mkdir()
    for name, content in published.items():
        (again / name).write_bytes(content)
    assert [read_demo(path).metadata for path in list_demos(again)] == [
        read_demo(path).metadata for path in sorted(paths)
    ]
    assert DemoDataset(again, seq_len=4, batch_size=1).n_ticks == 13

    public, denied, broken = out["errors"]
    assert "org/agent exists and is public" in public
    assert "closed/agent cannot be published" in denied
    assert "hf auth login" in denied
    assert "Invalid metadata in README.md" in broken
    assert "README.md" not in hub.repos["model", "org/broken"].branches["main"]

    assert out["statuses"] == [0, 1]
    assert f"{hub.url}/me/wood" in done.stdout.splitlines()
    assert hub.repos["model", "me/wood"].private
    files = hub.repos["model", "me/wood"].branches["main"]
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "own").iterdir()}
    assert "hf auth login" in done.stderr
    assert ("model", "me/other") not in hub.repos


def card_of(source: Path, *words: str) -> str:
    assert main(["push", str(source), "me/wood", "--card-only", *words]) == 0
    return (source / "README.md").read_text()


def test_the_card_of_an_agent_tells_what_its_run_knows(tmp_path: Path) -> None:
    rate = {"successes": 34, "episodes": 40, "rate": 0.85}
    results = {"evaluation": rate, "demos": {"trained": 45, "held_out": 5}, "frames": 512_000}
    args = {"model": "nano-foundation", "env": {"id": "vpt_gym/Harvest1Log-v0"}}
    write_run(tmp_path / "run", results=results, args=args)
    for name in ("agent", "agent_last"):
        VPTAgent.from_config(SMALL, seed=0).save_pretrained(tmp_path / "run" / name)
    text = " ".join(card_of(tmp_path / "run" / "agent", "--license", "mit", "--limits", "Only trees.").split())
    assert "**Data**: 45 demos, and 5 that were held out; 512,000 frames trained on" in text
    assert "**Recipe**: `python examples/bc.py --demos demos`, commit `0123456789" in text
    assert "It started from `nano-foundation`" in text
    assert "evaluation: success in 34 of 40 episodes (85%, 95 % interval" in text
    assert '"value": 0.85' in text
    assert "**Limits**: Only trees." in text
    # the results are not of this agent
    assert "34 of 40" not in card_of(tmp_path / "run" / "agent_last")


def test_a_card_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_counter_demo(tmp_path / "demos", ticks=5)
    assert "1 episode, 5 ticks" in card_of(tmp_path / "demos", "--title", "Counts")
    for words, message in ((["--card-only"], "would be replaced"), (["--license", "mit"], "--license would have no")):
        assert main(["push", str(tmp_path / "demos"), "me/counts", *words]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nowhere", "me/x"], 2, "there is no directory nowhere"),
        (["empty", "me/x"], 1, "no demo to export in empty"),
        (["empty", "x"], 1, "must be organisation/name"),
        (["broken", "me/x"], 1, "broken cannot be loaded, so it is not published"),
    ],
)
def test_what_cannot_be_published_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list,
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken", "config.json").write_text("{}")
    assert main(["push", *words]) == status
    assert message in capsys.readouterr().err


def test_a_card_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_counter_demo(tmp_path, ticks=5)
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(tmp_path / "agent")
    for folder in (tmp_path, tmp_path / "agent"):
        (folder / "README.md").write_bytes(b"\xff\xfe")
        assert main(["push", str(folder), "me/x"]) == 1
        assert f"{folder / 'README.md'} is not text in UTF-8" in capsys.readouterr().err


def test_an_agent_whose_saving_was_killed_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(folder)
    (folder / ".saved").mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).rename(folder / ".saved" / name)
    assert 'VPTAgent.from_pretrained("me/wood")' in card_of(folder)
