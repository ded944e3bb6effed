from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.support.published_files import SMALL_1X, Payload, published_state, write_model
from tests.support.vpt_goldens import arrays, config_of, facts, tiny_policy
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import CheckpointMismatch, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.checkpoints.policy import load_folder, load_weights, save_folder
from vpt_gym.agents.checkpoints.weights_file import read_weights, require_safe_torch
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy


def fresh(config: VPTConfig = SMALL_1X, seed: int = 1) -> VPTPolicy:
    torch.manual_seed(seed)
    return VPTPolicy(config)


def saved(path: Path, state: object, **kwargs: object) -> Path:
    torch.save(state, path, **kwargs)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published_state(SMALL_1X)


@pytest.mark.parametrize(("aux", "keys"), [(True, 139), (False, 134)])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_published_pair_of_files_is_loaded_in_full(tmp_path: Path, aux: bool, keys: int, zipped: bool) -> None:
    state = published_state(SMALL_1X, aux=aux)
    assert len(state) == keys
    weights = saved(tmp_path / "x.weights", state, _use_new_zipfile_serialization=zipped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent = VPTAgent.from_pretrained(write_model(tmp_path / "x.model", SMALL_1X), weights)
    assert agent.policy.config == SMALL_1X
    report = agent.report
    assert report is not None
    assert report.ok
    assert (len(report.loaded), len(report.missing), len(report.ignored)) == (134, 0, 5 if aux else 0)
    assert set(report.ignored.values()) <= {"auxiliary value head"}
    for key, value in agent.policy.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_weights_loaded_from_a_file_give_the_golden_actions(tmp_path: Path) -> None:
    weights = {k: torch.from_numpy(v.astype("float32")) for k, v in arrays("tiny_weights_fp16").items()}
    config = config_of(facts("state_dict_tiny")["config"])
    agent = VPTAgent.from_pretrained(
        write_model(tmp_path / "tiny.model", config), saved(tmp_path / "tiny.weights", weights), precision="fp32"
    )
    data = arrays("tiny_frames")
    agent.reset()
    for t in range(4):  # the memory is empty at the start of the goldens too
        codes = agent.act(data["frames"][:, t], first=data["first"][:, t], deterministic=True)
        golden = arrays("tiny_golden")
        assert codes[:, 0].tolist() == golden["b_argmax_buttons"][:, t, 0].tolist()
        assert codes[:, 1].tolist() == golden["b_argmax_camera"][:, t, 0].tolist()


def test_report_counts_every_key_once_and_reads_well(tmp_path: Path, state: dict[str, Tensor]) -> None:
    partial = {k: v for k, v in state.items() if k != "value_head.linear.bias"}
    partial["extra.thing"] = torch.zeros(2)
    policy = fresh()
    untouched = policy.value_head.linear.bias.clone()
    with pytest.warns(UserWarning, match="some keys were not loaded"):
        report = load_weights(policy, saved(tmp_path / "x.weights", partial))
    assert not report.ok
    assert report.missing == ("value_head.linear.bias",)
    assert report.unexpected == ("extra.thing",)
    assert len(report.loaded) + len(report.unexpected) + len(report.ignored) == len(partial)
    assert torch.equal(policy.value_head.linear.bias, untouched)
    assert torch.equal(policy.value_head.linear.weight, state["value_head.linear.weight"])
    lines = str(report).splitlines()
    assert lines[0].endswith("x.weights: incomplete")
    assert [line.split()[:2] for line in lines[1:]] == [
        ["loaded", "133"],
        ["missing", "1"],
        ["unexpected", "1"],
        ["mismatched", "0"],
        ["ignored", "5"],
    ]
    assert "auxiliary value head" in lines[-1]
    assert str(LoadReport("file", loaded=("a",))).startswith("file: ok")
    assert str(LoadReport("file", excluded=("a", "b"))).splitlines()[6:] == ["  excluded      2  a, b"]


def test_weights_without_a_value_head_are_enough_to_play(tmp_path: Path, state: dict[str, Tensor]) -> None:
    trunk = {k: v for k, v in state.items() if k.startswith(("net.", "pi_head."))}
    with pytest.warns(UserWarning, match="value_head"):
        report = load_weights(fresh(), saved(tmp_path / "x.weights", trunk))
    assert len(report.missing) == 5


def wide(config: VPTConfig) -> dict[str, Tensor]:
    return published_state(config)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda s: {k.removeprefix("net."): v for k, v in s.items()}, 'all keys lack the prefix "net."'),
        (lambda s: {f"module.{k}": v for k, v in s.items()}, 'every key has the prefix "module."'),
        (
            lambda s: {f"policy.{k}": v for k, v in s.items()},
            'the prefix "policy."; load them with strip_prefix="policy."',
        ),
        (lambda s: {f"_orig_mod.{k}": v for k, v in s.items()}, 'strip_prefix="_orig_mod."'),
        (lambda s: {f"agent.policy.{k}": v for k, v in s.items()}, 'every key has the prefix "agent.policy."'),
        (lambda s: {k.replace("net.", "net._orig_mod.", 1): v for k, v in s.items()}, "compiled when it was saved"),
        (lambda s: {k: v for k, v in s.items() if "pi_head" not in k}, 'exclude="pi_head.*" loads the rest'),
        (lambda s: {k: v for k, v in s.items() if "mlp1" not in k}, "some keys are missing"),
        (lambda s: {**s, "net.conv3d_layer.layer.bias": torch.zeros(1)}, None),
        (lambda s: {"fc.weight": torch.zeros(1)}, "not those of a VPT policy"),
        (
            lambda s: {k: v for k, v in s.items() if "blocks.3." not in k or "stacks" in k},
            "the file has layers 3; the model has layers 4",
        ),
        (lambda s: published_state(replace(SMALL_1X, hidsize=32)), "the file has hidsize 32; the model has hidsize 64"),
        (
            lambda s: published_state(replace(SMALL_1X, attention_heads=8)),
            "the file has heads 8; the model has heads 4",
        ),
        (
            lambda s: published_state(replace(SMALL_1X, timesteps=10)),
            "the file has context 10; the model has context 8",
        ),
        (lambda s: published_state(replace(SMALL_1X, stem_pool=2)), "image features"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_the_likely_cause(
    tmp_path: Path, state: dict[str, Tensor], change: object, cause: str | None
) -> None:
    policy = fresh()
    before = {k: v.clone() for k, v in policy.state_dict().items()}
    path = saved(tmp_path / "x.weights", change(state))  # type: ignore[operator]
    if cause is None:  # an unknown key alone is reported, not refused
        with pytest.warns(UserWarning, match="conv3d_layer"):
            load_weights(policy, path)
        return
    with pytest.raises(CheckpointMismatch) as info:
        load_weights(policy, path)
    assert cause in str(info.value)
    assert cause in info.value.report.cause
    assert "missing" in str(info.value)
    again = pickle.loads(pickle.dumps(info.value))  # as between processes
    assert (str(again), again.report) == (str(info.value), info.value.report)
    assert all(torch.equal(v, before[k]) for k, v in policy.state_dict().items())


def test_weights_of_another_published_width_are_named(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = saved(tmp_path / "nano.weights", VPTPolicy(VPTConfig.named("nano")).state_dict())
    with torch.device("meta"):
        policy = VPTPolicy(VPTConfig.named("2x"))
    with pytest.raises(CheckpointMismatch, match="these are nano weights, the model is 2x"):
        load_weights(policy, path)


@pytest.mark.parametrize(("there", "here"), [("2x", "1x"), ("1x", "2x"), ("3x", "2x"), ("1x", "nano")])
def test_a_file_of_the_wrong_published_width_is_refused(tmp_path: Path, there: str, here: str) -> None:
    with torch.device("meta"):
        file, policy = VPTPolicy(VPTConfig.named(there)), VPTPolicy(VPTConfig.named(here))
    # Expanded from one number: of the right shapes, and small on the disk.
    weights = {key: torch.zeros(()).expand(value.shape) for key, value in file.state_dict().items()}
    with pytest.raises(CheckpointMismatch, match=f"these are {there} weights, the model is {here}\n") as info:
        load_weights(policy, saved(tmp_path / "x.weights", weights))
    assert info.value.report.mismatched["net.final_ln.weight"] == (
        (VPTConfig.named(there).hidsize,),
        (VPTConfig.named(here).hidsize,),
    )


def test_weights_of_an_inverse_dynamics_model_are_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    idm = {k: v for k, v in state.items() if not k.startswith("value_head") and "firstconv.layer.bias" not in k}
    idm["net.conv3d_layer.layer.bias"] = torch.zeros(128)
    with pytest.raises(CheckpointMismatch, match="inverse dynamics model"):
        load_weights(fresh(), saved(tmp_path / "idm.weights", idm))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, state: dict[str, Tensor], value: float) -> None:
    bad = {**state, "net.final_ln.bias": state["net.final_ln.bias"].clone()}
    bad["net.final_ln.bias"][3] = value
    with pytest.raises(CorruptCheckpoint, match=r"NaN or infinity in 1 tensor\(s\)  net.final_ln.bias"):
        load_weights(fresh(), saved(tmp_path / "x.weights", bad))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_weights_of_another_type_are_converted_with_a_warning(
    tmp_path: Path, state: dict[str, Tensor], dtype: torch.dtype
) -> None:
    other = {key: value.to(dtype) for key, value in state.items()}
    model, weights = write_model(tmp_path / "x.model", SMALL_1X), saved(tmp_path / "x.weights", other)
    with pytest.warns(UserWarning, match=rf"holds {dtype} in 134 tensor\(s\); they were converted"):
        agent = VPTAgent.from_pretrained(model, weights)
    assert agent.report is not None
    assert agent.report.ok
    assert agent.report.converted == dict.fromkeys(agent.report.loaded, str(dtype))
    assert f"converted   134  net.img_process.cnn.stacks.0.firstconv.layer.weight {dtype}" in str(agent.report)
    in_place = fresh()
    with pytest.warns(UserWarning, match="converted"):
        load_weights(in_place, weights)
    for policy in (agent.policy, in_place):
        for key, value in policy.state_dict().items():
            assert value.dtype == torch.float32
            assert torch.equal(value, other[key].float()), key


def test_numbers_that_float32_does_not_hold_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    bad = {**state, "net.final_ln.bias": torch.full((64,), 1e300, dtype=torch.float64)}
    with pytest.raises(CorruptCheckpoint, match=r"net.final_ln.bias"):
        load_weights(fresh(), saved(tmp_path / "x.weights", bad))


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(
    tmp_path: Path, state: dict[str, Tensor], dtype: torch.dtype
) -> None:
    bad = {**state, "net.final_ln.bias": state["net.final_ln.bias"].to(dtype)}
    with pytest.raises(CheckpointMismatch, match=rf"net.final_ln.bias is {dtype}, weights are torch.float32"):
        load_weights(fresh(), saved(tmp_path / "x.weights", bad))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_weight_file_with_code_is_refused_and_nothing_runs(
    tmp_path: Path, state: dict[str, Tensor], zipped: bool
) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "evil.weights"
    saved(path, {**state, "net.extra": Payload(witness)}, _use_new_zipfile_serialization=zipped)
    policy = fresh()
    with pytest.raises(UnsafeCheckpoint, match=r"system.*Nothing was executed") as info:
        load_weights(policy, path)
    assert str(path) in str(info.value)
    assert not witness.exists()
    torch.load(path, weights_only=False)  # the payload is real
    assert witness.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_cut_weight_file_is_refused_at_every_length(tmp_path: Path, state: dict[str, Tensor], zipped: bool) -> None:
    small = {k: state[k] for k in ("net.final_ln.weight", "net.final_ln.bias")}
    whole = saved(tmp_path / "x.weights", small, _use_new_zipfile_serialization=zipped).read_bytes()
    path = tmp_path / "cut.weights"
    for length in range(0, len(whole) - 1, 61):
        path.write_bytes(whole[:length])
        # Cut inside the name of a class, the old format asks for a class that does not exist.
        with pytest.raises(CorruptCheckpoint if zipped else (CorruptCheckpoint, UnsafeCheckpoint)):
            read_weights(path)


def test_a_flipped_bit_in_the_numbers_is_noticed(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = saved(tmp_path / "x.weights", state)
    whole = bytearray(path.read_bytes())
    place = whole.index(state["net.lastlayer.layer.weight"].numpy().tobytes())
    whole[place + 1000] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CorruptCheckpoint, match=r"the checksum of .*/data/.* is wrong"):
        load_weights(fresh(), path)


def test_files_given_for_each_other_are_recognised(tmp_path: Path, state: dict[str, Tensor]) -> None:
    model, weights = write_model(tmp_path / "x.model", SMALL_1X), saved(tmp_path / "x.weights", state)
    with pytest.raises(WrongFile, match=r"Is it the \.model file"):
        read_weights(model)
    with pytest.raises(WrongFile, match="zip archive of tensors"):
        VPTAgent.from_pretrained(weights, model)
    with pytest.raises(ValueError, match="give its weights too"):
        VPTAgent.from_pretrained(model)
    with pytest.raises(WrongFile, match="folder"):
        read_weights(tmp_path)
    (tmp_path / "text.weights").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(CorruptCheckpoint, match="not a weight file: it begins with b'version '"):
        read_weights(tmp_path / "text.weights")
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "absent.weights")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "not a dictionary of tensors"),
        ({"step": 3, "model": {"a": torch.zeros(1)}}, "it holds model: save only that"),
    ],
)
def test_a_training_checkpoint_that_contains_the_weights_is_recognised(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(WrongFile, match=message):
        read_weights(saved(tmp_path / "x.weights", content))


def test_old_torch_is_refused() -> None:
    require_safe_torch()
    require_safe_torch("2.10.0+cu130")
    require_safe_torch("2.6")
    with pytest.raises(RuntimeError, match="CVE-2025-32434"):
        require_safe_torch("2.5.1+cpu")


def test_a_saved_folder_is_the_same_policy_again(tmp_path: Path) -> None:
    agent = VPTAgent(tiny_policy())
    agent.save_pretrained(tmp_path / "deep" / "folder")
    agent.save_pretrained(tmp_path / "deep" / "folder")  # over itself
    folder = tmp_path / "deep" / "folder"
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    again = VPTAgent.from_pretrained(folder)
    assert again.policy.config == agent.policy.config
    assert again.report is not None
    assert again.report.ok
    for key, value in agent.policy.state_dict().items():
        assert torch.equal(again.policy.state_dict()[key], value)
    # the file by itself loads into a policy that is there already
    assert fresh_agent(agent.policy.config).load_weights(folder / "model.safetensors").ok
    with pytest.raises(ValueError, match="holds its own weights"):
        VPTAgent.from_pretrained(folder, folder / "model.safetensors")


def fresh_agent(config: VPTConfig) -> VPTAgent:
    return VPTAgent.from_config(config, seed=0)


def test_precision_is_not_saved(tmp_path: Path) -> None:
    policy = fresh()
    policy.set_precision("bf16")
    save_folder(policy, tmp_path)
    assert load_folder(tmp_path)[0].net.img_process.conv_dtype is None
    assert {v.dtype for v in load_file(tmp_path / "model.safetensors").values()} == {torch.float32}
    with pytest.raises(ValueError, match=r"torch.float64.*\.float\(\)"):
        save_folder(policy.double(), tmp_path)


def test_broken_folders_are_refused(tmp_path: Path) -> None:
    save_folder(fresh(), tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    good_config, good_weights = config.read_text(), weights.read_bytes()

    weights.write_bytes(good_weights[: len(good_weights) // 2])
    with pytest.raises(CorruptCheckpoint, match="safetensors"):
        load_folder(tmp_path)
    save_file({"a": torch.zeros(1)}, weights)
    with pytest.raises(CheckpointMismatch, match="not those of a VPT policy"):
        load_folder(tmp_path)
    weights.write_bytes(good_weights)

    config.write_text(good_config[:20])
    with pytest.raises(CorruptCheckpoint, match="not readable JSON"):
        load_folder(tmp_path)
    config.write_text(json.dumps({**json.loads(good_config), "format": "vpt-gym/99"}))
    with pytest.raises(WrongFile, match="has the format 'vpt-gym/99', not \"vpt-gym/1\""):
        load_folder(tmp_path)
    config.write_text(json.dumps({"format": "vpt-gym/1", "config": {"hidsize": 3}}))
    with pytest.raises(CorruptCheckpoint, match="no usable config"):
        load_folder(tmp_path)
    config.unlink()
    with pytest.raises(WrongFile, match=r"has no config.json"):
        VPTAgent.from_pretrained(tmp_path)


def test_a_pickled_weight_file_is_never_opened_by_pickle(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    path = tmp_path / "plain.weights"
    path.write_bytes(pickle.dumps({"net": Payload(witness)}))
    with pytest.raises(WrongFile):
        read_weights(path)
    assert not witness.exists()
