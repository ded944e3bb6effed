"""Loading a part of a file on purpose, and files whose keys have a prefix."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.published_files import SMALL_1X, published_state
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import CheckpointMismatch
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.policy.policy import VPTPolicy


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published_state(SMALL_1X)


@pytest.fixture
def agent() -> VPTAgent:
    return VPTAgent.from_config(SMALL_1X, seed=5)


def saved(path: Path, state: dict[str, Tensor]) -> Path:
    torch.save(state, path)
    return path


def taken(policy: VPTPolicy, state: dict[str, Tensor], before: dict[str, Tensor]) -> set[str]:
    """The keys that were loaded from the file; asserts that the others are unchanged."""
    after = policy.state_dict()
    changed = {key for key, value in after.items() if torch.equal(value, state[key])}
    assert all(torch.equal(value, before[key]) for key, value in after.items() if key not in changed)
    # what a fresh network and the file agree in anyway
    return {key for key in changed if not torch.equal(before[key], state[key])}


@pytest.mark.parametrize(
    ("include", "exclude", "parts"),
    [
        ("net.*", (), {"net"}),
        (("net.*", "value_head.*"), (), {"net", "value_head"}),
        ((), ("pi_head.*",), {"net", "value_head"}),
        (("net.*",), ("net.recurrent_layer.*", "net.lastlayer.*", "net.final_ln.*"), {"net"}),
        (("pi_head.camera.*",), (), {"pi_head"}),
        ((), ("aux_value_head.*",), {"net", "value_head", "pi_head"}),
    ],
)
def test_chosen_keys_are_loaded_and_the_others_reported(
    agent: VPTAgent,
    tmp_path: Path,
    state: dict[str, Tensor],
    include: str | tuple[str, ...],
    exclude: tuple[str, ...],
    parts: set[str],
) -> None:
    before = {key: value.clone() for key, value in agent.policy.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning for keys that were left out on purpose
        report = agent.load_weights(saved(tmp_path / "x.weights", state), include=include, exclude=exclude)
    assert report is agent.report
    assert report.ok
    assert {key.split(".")[0] for key in taken(agent.policy, state, before)} == parts
    assert taken(agent.policy, state, before) <= set(report.loaded)
    assert set(report.loaded) | set(report.excluded) | set(report.ignored) == set(state)
    assert not set(report.loaded) & set(report.excluded)
    assert f"excluded   {len(report.excluded):>4}" in str(report)


def test_a_trunk_alone_is_enough_where_only_the_trunk_is_wanted(
    agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor]
) -> None:
    trunk = {key: value for key, value in state.items() if key.startswith("net.")}
    path = saved(tmp_path / "x.weights", trunk)
    with pytest.raises(CheckpointMismatch, match="another action space"):
        agent.load_weights(path)
    assert agent.load_weights(path, include="net.*").ok
    assert torch.equal(agent.policy.net.final_ln.weight, state["net.final_ln.weight"])


def test_what_is_chosen_must_fit(agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor]) -> None:
    wide = published_state(replace(SMALL_1X, attention_heads=8))
    path = saved(tmp_path / "x.weights", wide)
    with pytest.raises(CheckpointMismatch, match="the file has heads 8"):
        agent.load_weights(path, include="net.*")
    report = agent.load_weights(path, include="net.img_process.*")
    assert {key.split(".")[1] for key in report.loaded} == {"img_process"}
    bad = {**state, "pi_head.camera.linear_layer.bias": torch.full((121,), torch.nan)}
    assert agent.load_weights(saved(tmp_path / "y.weights", bad), exclude="pi_head.*").ok


@pytest.mark.parametrize("name", ["include", "exclude"])
@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("nets.*", r"similar are net\.\*"),
        ("net.recurrent_layer.block.*", r"similar are .*net\.recurrent_layer\.blocks\.\*"),
        ("pi_head.camera.linear_layer.weights", r"similar are .*pi_head\.camera\.linear_layer\.weight"),
        ("encoder.layers.0.*", r"(similar|there) are .*net\."),
    ],
)
def test_a_pattern_without_a_key_is_an_error(
    agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor], name: str, pattern: str, near: str
) -> None:
    before = {key: value.clone() for key, value in agent.policy.state_dict().items()}
    path = saved(tmp_path / "x.weights", state)
    with pytest.raises(ValueError, match=rf"{name}: no key matches .*; {near}"):
        agent.load_weights(path, **{name: ("net.*", pattern)})
    assert all(torch.equal(value, before[key]) for key, value in agent.policy.state_dict().items())


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_patterns_may_come_one_after_the_other(
    agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor], name: str
) -> None:
    path = saved(tmp_path / "x.weights", state)
    patterns = ["pi_head.*", "value_head.*"]
    expected = agent.load_weights(path, **{name: patterns})
    assert expected.excluded
    assert agent.load_weights(path, **{name: map(str, patterns)}) == expected


def test_nothing_left_to_load_is_an_error(agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="leave no key to load"):
        agent.load_weights(saved(tmp_path / "x.weights", state), include="net.*", exclude=("net.*", "*"))


@pytest.mark.parametrize("prefix", ["module.", "policy.", "_orig_mod.", "module._orig_mod."])
def test_a_prefix_is_taken_off_when_asked_and_only_then(
    agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor], prefix: str
) -> None:
    path = saved(tmp_path / "x.weights", {f"{prefix}{key}": value for key, value in state.items()})
    with pytest.raises(CheckpointMismatch, match=f'strip_prefix="{prefix}"'):
        agent.load_weights(path)
    report = agent.load_weights(path, strip_prefix=prefix)
    assert report.ok
    assert len(report.loaded) == 134
    assert f'the prefix "{prefix}" was removed' in str(report)
    assert all(torch.equal(value, state[key]) for key, value in agent.policy.state_dict().items())
    assert load_weights(agent.policy, path, strip_prefix=prefix, include="net.*").loaded == tuple(
        key for key in agent.policy.state_dict() if key.startswith("net.")
    )


def test_keys_beside_the_prefix_are_reported(agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor]) -> None:
    mixed = {f"policy.{key}": value for key, value in state.items()} | {"teacher.weight": torch.zeros(2)}
    with pytest.warns(UserWarning, match=r"unexpected +1  teacher\.weight"):
        assert agent.load_weights(saved(tmp_path / "x.weights", mixed), strip_prefix="policy.").unexpected


def test_a_prefix_that_is_not_there_is_an_error(agent: VPTAgent, tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = saved(tmp_path / "x.weights", state)
    with pytest.raises(ValueError, match=r'has the prefix "module\."; they begin  net\.img_process'):
        agent.load_weights(path, strip_prefix="module.")
    both = {**state, "module.net.final_ln.bias": state["net.final_ln.bias"]}
    with pytest.raises(ValueError, match="both with and without"):
        agent.load_weights(saved(tmp_path / "y.weights", both), strip_prefix="module.")
