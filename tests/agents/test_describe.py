"""Descriptions of checkpoints, valid and damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.support.published_files import SMALL_1X, published_state, write_model
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import CheckpointMismatch
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.describe import Description, config_by_shapes, describe
from vpt_gym.agents.idm.checkpoint import save_idm
from vpt_gym.agents.idm.config import NAMED as NAMED_IDM
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published_state(SMALL_1X)


def saved(path: Path, state: object) -> Path:
    torch.save(state, path)
    return path


def shapes(config: VPTConfig | IDMConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return dict((VPTPolicy(config) if isinstance(config, VPTConfig) else InverseDynamicsModel(config)).state_dict())


@pytest.mark.parametrize("name", ["1x", "2x", "3x", "nano"])
def test_a_description_is_named_and_counted(tmp_path: Path, name: str) -> None:
    config = replace(NAMED[name], stem_pool=1, pi_head_temperature=3.0)  # .model files have no stem
    [one] = describe([write_model(tmp_path / "x.model", config)])
    assert one.ok
    assert one.holds == "description"
    assert one.kind == "policy"
    assert one.architecture == (name if name != "nano" else "")
    assert one.temperature == 3.0
    assert one.heads == "buttons 8641, camera 121"
    assert one.config["hidsize"] == config.hidsize
    assert one.parameters["total"] == sum(v.numel() for v in shapes(config).values())
    assert set(one.parameters) == {"net", "value_head", "pi_head", "total"}
    if name == "3x":
        assert one.parameters["total"] == 532_504_318


@pytest.mark.parametrize("config", [*NAMED.values(), *NAMED_IDM.values(), SMALL_1X])
def test_the_shapes_of_weights_tell_their_architecture(config: VPTConfig | IDMConfig) -> None:
    found = config_by_shapes(shapes(config))
    assert type(found) is type(config)
    assert {k: v.shape for k, v in shapes(found).items()} == {k: v.shape for k, v in shapes(config).items()}
    if config in [*NAMED.values(), *NAMED_IDM.values()]:
        assert found == config


def test_weights_are_compared_with_the_description_before_them(tmp_path: Path, state: dict[str, Tensor]) -> None:
    model = write_model(tmp_path / "x.model", SMALL_1X)
    weights = saved(tmp_path / "y.weights", state)
    description, one = describe([model, weights])
    assert description.ok
    assert one.ok
    assert one.compared_with == str(model)
    assert one.report is not None
    assert len(one.report.loaded) == 134
    assert len(one.report.ignored) == 5
    assert one.parameters["aux_value_head"] == 64 + 1 + 3
    other = write_model(tmp_path / "z.model", replace(SMALL_1X, hidsize=32))
    *_, one = describe([model, other, weights])
    assert not one.ok
    assert "the file has hidsize 64" in one.problem


def test_alone_they_are_compared_with_what_lies_beside_them_or_their_shapes(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    [one] = describe([saved(tmp_path / "rl-from-house-2x.weights", state)])
    assert one.ok
    assert one.temperature is None
    assert "the shapes imply" in one.compared_with
    write_model(tmp_path / "2x.model", SMALL_1X)
    [one] = describe([tmp_path / "rl-from-house-2x.weights"])
    assert one.compared_with == str(tmp_path / "2x.model")
    assert one.temperature == 2.0


def test_the_wrong_width_is_named(tmp_path: Path) -> None:
    weights = saved(tmp_path / "nano.weights", VPTPolicy(NAMED["nano"]).state_dict())
    *_, one = describe([write_model(tmp_path / "2x.model", NAMED["2x"]), weights])
    assert one.problem.endswith("does not fit the model: these are nano weights, the model is 2x")
    assert one.report is not None
    assert one.report.mismatched


def test_folders_of_policies_and_inverse_dynamics_models(tmp_path: Path) -> None:
    VPTAgent.from_config(SMALL_1X, seed=0).save_pretrained(tmp_path / "policy")
    save_idm(InverseDynamicsModel(NAMED_IDM["tiny"]), tmp_path / "idm")
    policy, idm, none = describe([tmp_path / "policy", tmp_path / "idm", tmp_path])
    assert (policy.ok, policy.holds, policy.kind, policy.temperature) == (True, "both", "policy", 2.0)
    assert (idm.ok, idm.kind, idm.architecture) == (True, "inverse dynamics model", "tiny")
    assert idm.heads == "buttons 20 of 2, camera 2 of 11"
    assert none.problem.endswith("has no config.json: it is not a folder written by save_pretrained")
    [weights] = describe([tmp_path / "idm" / "model.safetensors"])
    assert (weights.ok, weights.kind, weights.holds) == (True, "inverse dynamics model", "weights")


def test_an_inverse_dynamics_model_is_described_as_it_is_loaded(tmp_path: Path) -> None:
    """For a policy the prefix of STEVE-1 is removed, for these models none."""
    network = InverseDynamicsModel(NAMED_IDM["tiny"])
    path = saved(tmp_path / "x.weights", {f"module.policy.{k}": v for k, v in network.state_dict().items()})
    with pytest.raises(CheckpointMismatch, match=r'the prefix "module\.policy\."'):
        load_weights(network, path)
    [described] = describe([path])
    assert described.kind == "inverse dynamics model"
    assert 'every key has the prefix "module.policy."' in described.problem


def bad_number(s: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**s, "net.final_ln.bias": torch.full((64,), torch.nan)}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: {k.removeprefix("net."): v for k, v in s.items()}, 'all keys lack the prefix "net."'),
        (lambda s: {f"module.{k}": v for k, v in s.items()}, 'every key has the prefix "module."'),
        (lambda s: {k: v for k, v in s.items() if "mlp1" not in k}, "some keys are missing"),
        (
            lambda s: {k: v for k, v in s.items() if "orc_block" not in k},
            "architecture of these weights cannot be inferred",
        ),
        (lambda s: {"fc.weight": torch.zeros(1)}, "not those of a VPT policy"),
        (bad_number, "NaN or infinity in 1 tensor(s)  net.final_ln.bias"),
        (lambda s: {**s, "net.final_ln.bias": torch.zeros(64, dtype=torch.int64)}, "is torch.int64"),
        (lambda s: {"model": s, "step": 3}, "it holds model: save only that"),
        (lambda s: [1, 2], "not a dictionary of tensors"),
    ],
)
def test_the_problem_of_weights_is_described(
    tmp_path: Path, state: dict[str, Tensor], change: Callable[[dict[str, Tensor]], object], problem: str
) -> None:
    [one] = describe([saved(tmp_path / "x.weights", change(state))])
    assert not one.ok
    assert problem in one.problem
    assert "\n" not in one.problem
    json.dumps(one.to_dict())


def test_the_problem_of_files_is_described(
    tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path / "cache"))
    weights = saved(tmp_path / "x.weights", state)
    model = write_model(tmp_path / "x.model", SMALL_1X)
    (tmp_path / "as.model").write_bytes(weights.read_bytes())
    (tmp_path / "as.weights").write_bytes(model.read_bytes())
    (tmp_path / "cut.model").write_bytes(model.read_bytes()[:-9])
    (tmp_path / "cut.weights").write_bytes(weights.read_bytes()[:-9])
    (tmp_path / "empty.weights").touch()
    (tmp_path / "text").write_text("version https://git-lfs.github.com/spec/v1")
    save_file({"a": torch.zeros(3)}, tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes((tmp_path / "x.safetensors").read_bytes()[:-4])
    expected = {
        "as.model": "is a zip archive of tensors",
        "as.weights": "Is it the .model file?",
        "cut.model": "truncated or damaged",
        "cut.weights": "truncated or damaged",
        "empty.weights": "not a weight file",
        "text": "not a readable pickle",
        "x.safetensors": "not a readable safetensors file",
        "absent.model": "there is no such file",
        "a" * 300: "there is no such file",
    }
    described = describe([tmp_path / name for name in expected])
    for one, (name, problem) in zip(described, expected.items(), strict=True):
        assert one.source == str(tmp_path / name)
        assert problem in one.problem, name
    named = describe(["foundation-1x", "foundation-x1"])
    assert named[0].problem == f"not in {tmp_path / 'cache'}: vpt-gym download foundation-1x"
    assert "did you mean foundation-" in named[1].problem


def test_a_name_is_both_of_its_files(tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPT_GYM_CACHE", str(tmp_path))
    model = write_model(tmp_path / "foundation-model-3x.model", SMALL_1X)
    weights = saved(tmp_path / "bc-house-3x.weights", state)
    described = describe(["bc-house-3x"])
    assert [one.source for one in described] == [str(model), str(weights)]
    assert all(one.ok for one in described)


def test_converted_weights_are_reported(tmp_path: Path, state: dict[str, Tensor]) -> None:
    [one] = describe([saved(tmp_path / "half.pt", {k: v.half() for k, v in state.items()})])
    assert one.ok
    assert one.report is not None
    assert set(one.report.converted.values()) == {"torch.float16"}


def test_sources_and_recognisers_may_come_one_after_the_other(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{name}.pt", {"other.weight": torch.zeros(1)}) for name in ("a", "b")]

    def recognise(weights: object, source: str) -> Description:
        return Description(source, kind="another")

    found = describe(map(str, paths), others=(one for one in (recognise,)))
    assert [one.kind for one in found] == ["another", "another"]
    assert describe(str(paths[0]), others=[recognise]) == found[:1]
