"""Weights stored as int8: a quarter of the bytes, small errors, and clear errors for damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from vpt_gym import IDMAgent, VPTAgent
from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint
from vpt_gym.agents.checkpoints.int8_weights import SMALLEST, SUFFIX, pack, unpack

WEIGHTS = "model.safetensors"


@given(
    st.sampled_from([(SMALLEST, 1), (64, 64), (8, 16, 8, 4)]),
    st.floats(1e-30, 1e30, allow_nan=False),
    st.integers(0, 10),
)
def test_each_value_is_within_half_a_step_of_its_row(shape: tuple[int, ...], size: float, seed: int) -> None:
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * size
    tensor[0] = 0
    packed = pack({"x": tensor})
    assert packed["x"].dtype == torch.int8
    again = unpack(packed, "file")["x"]
    largest = tensor.flatten(1).abs().amax(1)
    error = (again - tensor).flatten(1).abs().amax(1)
    assert (error <= largest / 254 * 1.0001).all()
    assert (again[0] == 0).all()
    # what is packed once more does not change any more
    assert torch.equal(pack({"x": again})["x"], packed["x"])


def test_small_tensors_and_vectors_stay_exact() -> None:
    state = {"bias": torch.randn(2 * SMALLEST), "small": torch.randn(4, 4)}
    packed = pack(state)
    assert packed.keys() == state.keys()
    assert all(torch.equal(unpack(packed, "file")[name], tensor) for name, tensor in state.items())


def test_a_policy_takes_a_quarter_of_the_space_and_acts_almost_the_same(tmp_path: Path) -> None:
    agent = VPTAgent.from_config("nano", seed=3)
    agent.save_pretrained(tmp_path / "fp32")
    agent.save_pretrained(tmp_path / "int8", stored_as="int8")
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("fp32", "int8")]
    assert sizes[1] < 0.27 * sizes[0]
    loaded = VPTAgent.from_pretrained(tmp_path / "int8", precision="fp32")
    assert loaded.report is not None
    assert loaded.report.ok
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 4, 128, 128, 3), np.uint8))
    first = torch.zeros(1, 4, dtype=torch.bool)
    with torch.no_grad():
        before, after = agent.policy(frames, first), loaded.policy(frames, first)
    kl = float(before.pi.kl(after.pi).max())
    assert 0 <= kl < 1e-3
    loaded.save_pretrained(tmp_path / "again", stored_as="int8")  # no drift from saving again and again
    first_file, second = (load_file(tmp_path / name / WEIGHTS) for name in ("int8", "again"))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first_file.items() if tensor.dtype == torch.int8)


def test_an_inverse_dynamics_model_too(tmp_path: Path) -> None:
    agent = IDMAgent.from_config("nano", seed=3)
    agent.save_pretrained(tmp_path, stored_as="int8")
    assert (tmp_path / WEIGHTS).stat().st_size < 2.7e6
    loaded = IDMAgent.from_pretrained(tmp_path)
    frames = np.random.default_rng(0).integers(0, 256, (40, 128, 128, 3), np.uint8)
    before, after = agent.predict(frames), loaded.predict(frames)
    assert 0 < np.abs(before.buttons - after.buttons).mean() < 0.01


def test_an_unknown_number_type_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stored_as is 'int4'; it must be fp32 or int8"):
        VPTAgent.from_config("nano", seed=0).save_pretrained(tmp_path / "agent", stored_as="int4")  # type: ignore[arg-type]
    assert not (tmp_path / "agent").exists()


@pytest.mark.parametrize("damage", ["no values", "other rows", "floats", "nan"])
def test_scales_that_do_not_fit_are_an_error_that_names_the_tensor(tmp_path: Path, damage: str) -> None:
    agent = VPTAgent.from_config("nano", seed=0)
    agent.save_pretrained(tmp_path, stored_as="int8")
    tensors = load_file(tmp_path / WEIGHTS)
    name = "net.recurrent_layer.blocks.0.mlp0.layer.weight"
    if damage == "no values":
        del tensors[name]
    elif damage == "other rows":
        tensors[name + SUFFIX] = tensors[name + SUFFIX][:-1].clone()
    elif damage == "floats":
        tensors[name] = tensors[name].float()
    else:
        tensors[name + SUFFIX][3] = float("nan")
    save_file(tensors, tmp_path / WEIGHTS)
    with pytest.raises(CorruptCheckpoint, match=r"mlp0\.layer\.weight"):
        VPTAgent.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        torch.ones(4, dtype=torch.int8),  # no rows
        torch.ones(3, 4, dtype=torch.int8),
        torch.ones(4, 4),
        torch.ones(4, 4, dtype=torch.int16),
    ],
)
def test_scales_belong_to_as_many_rows_of_int8(values: torch.Tensor) -> None:
    with pytest.raises(CorruptCheckpoint, match="file: the scales of a do not fit its values"):
        unpack({"a": values, f"a{SUFFIX}": torch.ones(4)}, "file")
    assert unpack({"a": values}, "file")["a"] is values
