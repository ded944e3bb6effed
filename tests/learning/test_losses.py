"""Losses against sums written out by hand."""

from __future__ import annotations

import torch

from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.learning.losses import bc_loss, explained_variance, weighted_mean


def distribution(seed: int) -> ActionDistribution:
    generator = torch.Generator().manual_seed(seed)
    buttons, camera = (torch.randn(2, 3, n, generator=generator) for n in (8641, 121))
    return ActionDistribution(buttons.log_softmax(-1), camera.log_softmax(-1))


CODES = torch.tensor([[[0, 60], [5, 3], [8640, 60]], [[1, 1], [2, 2], [3, 3]]])
WEIGHT = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.5]])


def test_a_mean_without_weight_is_zero_not_nan():
    value = torch.ones(3, requires_grad=True)
    mean = weighted_mean(value, torch.zeros(3))
    mean.backward()
    assert mean.item() == 0.0
    assert torch.isfinite(value.grad).all()


def test_bc_loss_is_the_weighted_mean_of_the_negative_log_likelihood():
    pi = distribution(0)
    by_hand = 0.0
    for b in range(2):
        for t in range(3):
            buttons, camera = CODES[b, t]
            by_hand -= WEIGHT[b, t] * (pi.buttons[b, t, buttons] + pi.camera[b, t, camera])
    torch.testing.assert_close(bc_loss(pi, CODES, WEIGHT), by_hand / WEIGHT.sum())


def test_bc_loss_does_not_grow_with_the_length_of_the_sequence():
    pi = distribution(0)
    twice = ActionDistribution(torch.cat([pi.buttons] * 2, 1), torch.cat([pi.camera] * 2, 1))
    loss = bc_loss(twice, torch.cat([CODES] * 2, 1), torch.cat([WEIGHT] * 2, 1))
    torch.testing.assert_close(loss, bc_loss(pi, CODES, WEIGHT))


def test_explained_variance_is_one_for_equal_values_and_zero_for_a_constant():
    target = torch.tensor([[1.0, 2.0, 3.0, 100.0]])
    weight = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert explained_variance(target, target, weight) == 1.0
    assert explained_variance(torch.full((1, 4), 7.0), target, weight) == 0.0
    assert explained_variance(torch.tensor([[1.5, 2.0, 2.5, 0.0]]), target, weight) == 0.75
    assert explained_variance(-target, target, weight) == -3.0
    assert explained_variance(target, torch.ones(1, 4), weight) is None
