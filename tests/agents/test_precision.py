"""The number type in which an agent acts: how it is chosen, and what happens when the weights change."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.paths import ROOT
from vpt_gym import Sampling, VPTAgent
from vpt_gym.agents.engine import available_precisions, hardware
from vpt_gym.agents.policy.policy import VPTPolicy

needs_engine = pytest.mark.skipif("fp32" not in available_precisions(), reason="no engine on this machine")


def agent(**kwargs: object) -> VPTAgent:
    return VPTAgent.from_config("nano", seed=0, **kwargs)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), np.uint8)


def play(one: VPTAgent, frames: np.ndarray) -> list[list[int]]:
    one.reset(seed=1)
    return [one.act(frame).tolist() for frame in frames]


def without_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._C, "_dispatch_get_all_op_names", list)


def without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)


def test_auto_is_the_last_of_the_precisions_that_this_machine_has(frames: np.ndarray) -> None:
    fastest = (*available_precisions(), "fp32")[max(0, len(available_precisions()) - 1)]
    auto = agent(precision="auto")
    assert auto.precision == fastest
    assert play(auto, frames) == play(agent(precision=fastest), frames)


@needs_engine
def test_auto_is_fp32_on_a_processor_without_bf16(monkeypatch: pytest.MonkeyPatch, frames: np.ndarray) -> None:
    without_bf16(monkeypatch)
    assert agent(precision="auto").precision == "fp32"
    with pytest.raises(ValueError, match=r"needs .*bf16 instructions.*this machine runs 'fp32'"):
        agent(precision="bf16")


def test_without_its_operators_the_network_runs_as_it_is(monkeypatch: pytest.MonkeyPatch, frames: np.ndarray) -> None:
    plain = play(agent(), frames)
    without_operators(monkeypatch)
    for precision in ("auto", "fp32"):
        one = agent(precision=precision)
        assert one.precision == "fp32"
        assert play(one, frames) == plain
    with pytest.raises(ValueError, match="run the policy itself"):
        agent(precision="int8")


def test_without_an_engine_the_precision_is_that_of_the_network() -> None:
    one = agent()
    assert one.precision == "fp32"
    one.policy.set_precision("bf16")
    assert one.precision == "bf16"


def test_auto_follows_a_policy_that_is_converted_between_episodes(frames: np.ndarray) -> None:
    one, plain = agent(precision="auto"), agent()
    before = play(one, frames)
    for each in (one, plain):
        each.policy.double()
    assert play(one, frames) == play(plain, frames)
    assert one.precision == "fp64"
    one.policy.float()
    assert play(one, frames) == before


@pytest.mark.parametrize(("dtype", "name"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")])
def test_a_policy_in_half_precision_is_named_and_gives_log_probabilities_in_float32(
    dtype: torch.dtype, name: str, frames: np.ndarray
) -> None:
    one, exact = agent(precision="auto"), agent()
    one.policy.to(dtype)
    one.reset(seed=1)
    pi, expected = one.distribution(frames[0]), exact.distribution(frames[0])
    assert one.precision == name != exact.precision
    for head, other in zip(pi.log_probs, expected.log_probs, strict=True):
        assert head.dtype == torch.float32
        assert head.exp().sum().item() == pytest.approx(1.0, abs=1e-4)
        assert (head.exp() - other.exp()).abs().max() < 0.02


def test_every_operator_that_an_engine_calls_is_looked_for_first() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "vpt_gym" / "agents" / "engine").glob("*.py")]
    called = {f"{space}::{name}" for text in sources for space, name in re.findall(r"torch\.ops\.(\w+)\.(\w+)", text)}
    assert called == set(hardware._OPERATORS)


def test_auto_leaves_a_policy_in_float64_as_it_is(frames: np.ndarray) -> None:
    policy = agent().policy.double()
    assert VPTAgent(policy, precision="auto").act(frames[0]).shape == (2,)


def test_a_checkpoint_acts_in_the_fastest_precision_unless_another_is_asked_for(tmp_path: Path) -> None:
    agent().save_pretrained(tmp_path)
    assert VPTAgent.from_pretrained(tmp_path).precision == agent(precision="auto").precision
    assert VPTAgent.from_pretrained(tmp_path, precision="fp32").precision == "fp32"


def by_fused_adam(policy: VPTPolicy) -> None:
    optimizer = torch.optim.Adam(policy.pi_head.parameters(), lr=10.0, fused=True)
    output = policy(torch.zeros(1, 1, 128, 128, 3, dtype=torch.uint8), torch.ones(1, 1, dtype=torch.bool))
    (-output.pi.log_prob(torch.tensor([[[17, 5]]]))).backward(torch.ones(1, 1))
    optimizer.step()


def by_data(policy: VPTPolicy) -> None:
    policy.pi_head.buttons.linear_layer.bias.data += torch.randn(8641) * 100


def by_replacing_a_parameter(policy: VPTPolicy) -> None:
    policy.pi_head.buttons.linear_layer.bias = torch.nn.Parameter(torch.randn(8641) * 100)


def by_replacing_a_layer(policy: VPTPolicy) -> None:
    policy.pi_head.buttons.linear_layer = torch.nn.Linear(256, 8641)


def by_loading(policy: VPTPolicy) -> None:
    policy.load_state_dict(VPTAgent.from_config("nano", seed=9).policy.state_dict(), assign=True)


@needs_engine
@pytest.mark.parametrize("change", [by_fused_adam, by_data, by_replacing_a_parameter, by_replacing_a_layer, by_loading])
def test_an_agent_acts_with_its_weights_as_they_are_now(
    change: Callable[[VPTPolicy], None], frames: np.ndarray
) -> None:
    torch.manual_seed(0)
    packed = agent(precision="fp32", sampling=Sampling(deterministic=True))
    before = play(packed, frames)
    assert play(packed, frames) == before
    change(packed.policy)
    plain = VPTAgent(packed.policy, sampling=Sampling(deterministic=True))
    after = play(packed, frames)
    assert after == play(plain, frames)
    assert after != before


def test_an_agent_in_any_precision_leaves_its_policy_trainable(frames: np.ndarray) -> None:
    one = agent(precision="auto")
    one.act(frames[0])
    output = one.policy(torch.from_numpy(frames[None, 1:3]), torch.zeros(1, 2, dtype=torch.bool), one.memory)
    output.value.sum().backward()
    assert one.policy.net.final_ln.weight.grad is not None
    assert one.policy.net.img_process.conv_dtype is None
