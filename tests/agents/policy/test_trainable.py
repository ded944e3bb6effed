"""Freezing by name, and counting what is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vpt_gym import VPTAgent
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import count_parameters, freeze, train_last_layers, unfreeze


@pytest.fixture
def policy() -> VPTPolicy:
    return VPTAgent.from_config("nano", seed=0).policy


def test_what_is_frozen_stays_as_it_is_and_the_rest_learns(policy: VPTPolicy) -> None:
    count = freeze(policy, ["net.img_process.*", "value_head.*"])
    before = {name: parameter.clone() for name, parameter in policy.named_parameters()}
    trained = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in trained) == count.trainable
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 2, 128, 128, 3), np.uint8))
    out = policy(frames, torch.tensor([[True, False]]))
    (-out.pi.log_prob(out.pi.mode()).sum()).backward()
    torch.optim.SGD(trained, 1.0).step()
    for name, parameter in policy.named_parameters():
        changed = not torch.equal(parameter, before[name])
        assert changed is (not name.startswith(("net.img_process.", "value_head."))) or name.endswith("b_nd"), name


def test_parameters_are_counted_in_total_and_by_part(policy: VPTPolicy) -> None:
    total = sum(parameter.numel() for parameter in policy.parameters())
    count = freeze(policy, "net.*")
    assert count.total == total
    assert count.parts["net"][1] == 0
    assert count.trainable == sum(trainable for _, trainable in count.parts.values())
    assert "of 4,608,526 parameters are trained (net 0 of" in str(count)


def test_unfreezing_leaves_the_statistics_of_returns_alone(policy: VPTPolicy) -> None:
    fresh = count_parameters(policy)
    freeze(policy, "*")
    assert count_parameters(policy).trainable == 0
    assert unfreeze(policy) == fresh
    assert not policy.value_head.normalizer.running_mean.requires_grad


def test_a_pattern_that_names_nothing_is_refused_and_changes_nothing(policy: VPTPolicy) -> None:
    before = count_parameters(policy)
    with pytest.raises(ValueError, match=r"no parameter matches 'net.image\*'; similar names:"):
        freeze(policy, ["net.*", "net.image*"])
    assert count_parameters(policy) == before


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_the_last_blocks_are_trained_alone(policy: VPTPolicy, blocks: int) -> None:
    train_last_layers(policy, blocks)
    trained = {name for name, parameter in policy.named_parameters() if parameter.requires_grad}
    numbers = range(policy.config.n_recurrence_layers)
    assert {n for n in numbers if f"net.recurrent_layer.blocks.{n}.mlp0.layer.weight" in trained} == set(
        numbers[len(numbers) - blocks :]
    )
    assert ("net.lastlayer.layer.weight" in trained) == (blocks > 0)
    assert "pi_head.buttons.linear_layer.weight" in trained
    assert not any(name.startswith("net.img_process.") for name in trained)


def test_more_blocks_than_there_are_is_an_error_and_changes_nothing(policy: VPTPolicy) -> None:
    with pytest.raises(ValueError, match=r"has \d transformer blocks; the last 9"):
        train_last_layers(policy, 9)
    assert all(p.requires_grad for name, p in policy.named_parameters() if "normalizer" not in name)
