"""PPG's auxiliary phase: the values of a batch improve, and the policy stays where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tests.support.small_policy import small_policy
from vpt_gym.learning.ppg import auxiliary_phase


@dataclass(frozen=True)
class Batch:
    inputs: Tensor
    first: Tensor
    memory: Any
    value_target: Tensor
    weight: Tensor
    reference: Any = None


def test_the_values_improve_and_the_policy_is_held():
    torch.manual_seed(0)  # of the layer below
    policy, generator = small_policy().train(), torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (2, 4, 128, 128, 3), generator=generator, dtype=torch.uint8)
    target = torch.randn(2, 4, generator=generator)
    batch = Batch(frames, torch.zeros(2, 4, dtype=torch.bool), policy.initial_memory(2), target, torch.ones(2, 4))
    auxiliary = nn.Linear(policy.config.hidsize, 1)
    optimizer = torch.optim.Adam([*policy.parameters(), *auxiliary.parameters()], 3e-4)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    asked = []

    def minibatches(held: Batch) -> list[Batch]:
        asked.append(held)
        return [held]

    trunk = policy.net.final_ln.weight.detach().clone()
    losses = auxiliary_phase(policy, auxiliary, batch, minibatches, step, cycles=30)
    assert len(asked) == len(losses["loss/sleep_value"]) == len(losses["loss/sleep_kl"]) == 30
    assert losses["loss/sleep_value"][-1] < 0.5 * losses["loss/sleep_value"][0]
    assert losses["loss/sleep_kl"][0] < 1e-5  # it is held where it was before the phase
    assert max(losses["loss/sleep_kl"]) < 0.1  # 0.03; other weights of the layer give up to 0.11
    assert not torch.equal(policy.net.final_ln.weight, trunk)
