"""Paths that begin with ~: the home directory, for everything that reads or writes one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.small_policy import SMALL
from vpt_gym import VPTAgent
from vpt_gym.agents import IDMAgent
from vpt_gym.agents.checkpoints.model_file import read_policy_config
from vpt_gym.agents.checkpoints.sources.download import cache_folder
from vpt_gym.agents.describe import describe
from vpt_gym.agents.goals.prior import GoalPrior
from vpt_gym.agents.idm.gameplay_video import read_video_info
from vpt_gym.agents.onnx_export import export_onnx
from vpt_gym.hub import About


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory; the current folder is another one, and stays empty."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def test_an_agent_is_saved_described_and_loaded(home: Path) -> None:
    agent = VPTAgent.from_config(SMALL, seed=0)
    agent.save_pretrained("~/agent", card=About(license="mit"))
    assert sorted(path.name for path in (home / "agent").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert not list(Path().iterdir())
    assert VPTAgent.from_pretrained("~/agent").policy.config == SMALL
    assert agent.load_weights("~/agent/model.safetensors").ok
    assert [one.problem for one in describe(["~/agent", "~/agent/model.safetensors"])] == ["", ""]


def test_an_inverse_dynamics_model_is_saved_and_loaded(home: Path) -> None:
    agent = IDMAgent.from_config("tiny", seed=0)
    agent.save_pretrained("~/idm")
    assert (home / "idm" / "config.json").is_file()
    assert IDMAgent.from_pretrained("~/idm").report.ok
    assert agent.load_weights("~/idm/model.safetensors").ok


def test_files_are_looked_for_in_the_home_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(GoalPrior(4, 4, 4).state_dict(), home / "prior.pt")
    assert GoalPrior.from_pretrained("~/prior.pt").size == 4
    for read in (read_policy_config, read_video_info):
        with pytest.raises(FileNotFoundError, match=str(home / "none")):
            read("~/none")
    with pytest.raises(FileNotFoundError, match=f"there is no folder {home / 'none'}"):
        export_onnx(VPTAgent.from_config(SMALL, seed=0).policy, "~/none/agent.onnx")
    monkeypatch.setenv("VPT_GYM_CACHE", "~/cache")
    assert cache_folder() == home / "cache"


def test_an_unknown_user_is_a_name_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = VPTAgent.from_config(SMALL, seed=0)
    agent.save_pretrained("~nobody-has-this-name")
    assert VPTAgent.from_pretrained("~nobody-has-this-name").policy.config == SMALL
    monkeypatch.setenv("VPT_GYM_CACHE", "~nobody-has-this-name")
    assert cache_folder() == Path("~nobody-has-this-name")
