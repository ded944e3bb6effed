"""STEVE-1's files: weights with a layer for goals beside VPT's description, their prefix, the prior, the name."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.support.file_server import Files, serving
from tests.support.published_files import SMALL_1X, published_state, write_model
from vpt_gym import VPTAgent
from vpt_gym.agents import CheckpointMismatch, GoalPrior
from vpt_gym.agents.checkpoints.errors import WrongFile
from vpt_gym.agents.checkpoints.sources.published import PUBLISHED, STEVE_1, find_published, suggestion
from vpt_gym.agents.describe import describe
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.cli import main

WITH_GOALS = replace(SMALL_1X, goal_size=512)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published_state(WITH_GOALS)


def files(folder: Path, state: dict[str, Tensor]) -> tuple[Path, Path]:
    """As STEVE-1 is published: the description is VPT's, without goals."""
    torch.save(state, folder / "steve1.weights")
    return write_model(folder / "2x.model", SMALL_1X), folder / "steve1.weights"


def same(agent: VPTAgent, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in agent.policy.state_dict().items())


def test_the_weights_say_that_there_are_goals(tmp_path: Path, state: dict[str, Tensor]) -> None:
    agent = VPTAgent.from_pretrained(*files(tmp_path, state), precision=None)
    assert agent.policy.config == WITH_GOALS
    assert same(agent, state)
    assert agent.report.ok
    assert len(agent.report.loaded) == 136
    assert set(agent.report.ignored.values()) == {"auxiliary value head"}
    agent.set_goal(np.zeros(512, np.float32))
    assert agent.act(np.zeros((128, 128, 3), np.uint8)).shape == (2,)


def test_the_published_prefix_is_removed_and_reported(tmp_path: Path, state: dict[str, Tensor]) -> None:
    agent = VPTAgent.from_pretrained(*files(tmp_path, {f"module.policy.{k}": v for k, v in state.items()}))
    assert same(agent, state)
    assert agent.report.ok
    assert 'the prefix "module.policy." was removed' in str(agent.report)
    policy = VPTAgent.from_config(WITH_GOALS)
    assert policy.load_weights(tmp_path / "steve1.weights", strip_prefix="module.policy.").ok


def test_a_key_with_the_prefix_and_without_is_an_error_of_the_file(tmp_path: Path, state: dict[str, Tensor]) -> None:
    with pytest.raises(WrongFile, match=r'both with and without the prefix "module\.policy\."'):
        VPTAgent.from_pretrained(*files(tmp_path, {**state, **{f"module.policy.{k}": v for k, v in state.items()}}))


def test_a_saved_agent_keeps_its_goals(tmp_path: Path, state: dict[str, Tensor]) -> None:
    VPTAgent.from_pretrained(*files(tmp_path, state)).save_pretrained(tmp_path / "agent")
    agent = VPTAgent.from_pretrained(tmp_path / "agent")
    assert agent.policy.config.goal_size == 512
    assert same(agent, state)


def test_incomplete_weights_and_those_of_other_models_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    less = {key: value for key, value in state.items() if key != "net.mineclip_embed_linear.bias"}
    with pytest.raises(CheckpointMismatch, match="some keys are missing"):
        VPTAgent.from_pretrained(*files(tmp_path, less))
    other = VPTAgent.from_config(replace(WITH_GOALS, goal_size=16))
    torch.save(state, tmp_path / "x.weights")
    with pytest.raises(CheckpointMismatch, match="the goals of these weights have 512 values, those of the model 16"):
        other.load_weights(tmp_path / "x.weights")


def test_training_can_start_from_a_policy_without_goals(tmp_path: Path) -> None:
    plain = published_state(SMALL_1X, aux=False)
    torch.save(plain, tmp_path / "rl-from-foundation-2x.weights")
    agent = VPTAgent.from_config(WITH_GOALS)
    with pytest.raises(CheckpointMismatch, match=r'no layer for them; exclude="net.mineclip_embed_linear.\*"'):
        agent.load_weights(tmp_path / "rl-from-foundation-2x.weights")
    report = agent.load_weights(tmp_path / "rl-from-foundation-2x.weights", exclude="net.mineclip_embed_linear.*")
    assert report.ok
    assert len(report.loaded) == 134


def test_the_name_fetches_the_policy_and_its_prior(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "made").mkdir()
    model, weights = (path.read_bytes() for path in files(tmp_path / "made", state))
    torch.save(GoalPrior(512, 8, 4).state_dict(), tmp_path / "made" / "prior")
    contents = {
        "/2x.model": model,
        "/steve1.weights": weights,
        "/steve1_prior.pt": (tmp_path / "made" / "prior").read_bytes(),
    }
    with serving(Files(contents)) as server:
        monkeypatch.setenv("VPT_GYM_MIRROR", server.url)
        assert same(VPTAgent.from_pretrained("steve1"), state)
    monkeypatch.setenv("VPT_GYM_MIRROR", "http://127.0.0.1:1")  # from here on they are in the cache
    assert same(VPTAgent.from_pretrained("steve1.weights"), state)
    prior = GoalPrior.from_pretrained("steve1")
    assert (prior.latent_size, prior.report.source) == (4, str(tmp_path / "cache" / "steve1_prior.pt"))
    assert main(["download", "steve1", "--offline"]) == 0
    out = capsys.readouterr().out
    assert "steve1_prior.pt" in out
    assert "its authors, who state no licence" in out
    assert "OpenAI" not in out
    assert main(["download"]) == 0
    assert any(line.split()[:3:2] == ["steve1", "yes"] for line in capsys.readouterr().out.splitlines())
    assert [one.ok for one in describe(["steve1"])] == [True, True]


def test_it_is_known_beside_those_of_openai() -> None:
    assert find_published("steve1") is find_published("steve1.weights") is STEVE_1
    assert "steve1" not in PUBLISHED
    assert suggestion("steve-1") == "did you mean steve1?"
    assert suggestion("dreamer").endswith(", steve1")
    assert [file.name for file in STEVE_1.files] == ["2x.model", "steve1.weights", "steve1_prior.pt"]
    assert STEVE_1.model is PUBLISHED["foundation-2x"].model


@pytest.mark.parametrize("prefix", ["", "module.policy."])
def test_its_weights_are_described(tmp_path: Path, state: dict[str, Tensor], prefix: str) -> None:
    model, weights = files(tmp_path, {prefix + key: value for key, value in state.items()})
    for [*_, one] in (describe([weights]), describe([model, weights])):
        assert one.ok
        assert one.config["goal_size"] == 512
        assert len(one.report.loaded) == 136


def test_the_name_of_an_architecture_does_not_depend_on_goals(tmp_path: Path) -> None:
    VPTAgent.from_config(replace(VPTConfig.named("nano"), goal_size=8)).save_pretrained(tmp_path)
    [one] = describe([tmp_path])
    assert (one.ok, one.architecture, one.config["goal_size"]) == (True, "nano", 8)


def test_weights_for_goals_in_a_policy_without_them_are_reported(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "x.weights")
    agent = VPTAgent(VPTPolicy(SMALL_1X))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = agent.load_weights(tmp_path / "x.weights")
    assert report.unexpected == ("net.mineclip_embed_linear.weight", "net.mineclip_embed_linear.bias")
    assert "net.mineclip_embed_linear.weight" in str(caught[0].message)
    assert caught[0].filename == __file__
