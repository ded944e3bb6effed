"""Losses against sums written out by hand."""

from __future__ import annotations

import torch

from vpt_gym.agents.policy.heads import ActionDistribution
from vpt_gym.learning.losses import bc_loss, ppo_loss, weighted_mean


def distribution(seed: int, *, requires_grad: bool = False) -> ActionDistribution:
    generator = torch.Generator().manual_seed(seed)
    buttons, camera = (torch.randn(2, 3, n, generator=generator) for n in (8641, 121))
    if requires_grad:
        buttons.requires_grad_()
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


def ppo(pi, *, old_log_prob=None, advantage=None, kl_coefficient=0.2, reference=None, value=None):
    return ppo_loss(
        pi,
        torch.zeros(2, 3) if value is None else value,
        pi if reference is None else reference,
        codes=CODES,
        old_log_prob=pi.log_prob(CODES).detach() if old_log_prob is None else old_log_prob,
        advantage=torch.ones(2, 3) if advantage is None else advantage,
        value_target=torch.full((2, 3), 2.0),
        weight=WEIGHT,
        clip=0.2,
        value_coefficient=0.5,
        kl_coefficient=kl_coefficient,
    )


class TestPPO:
    def test_at_the_old_policy_the_terms_are_known(self):
        loss = ppo(distribution(0))
        assert loss.policy.item() == -1.0
        assert loss.value.item() == 4.0
        assert loss.kl_to_reference.abs().item() < 1e-6
        assert loss.clip_fraction.item() == 0.0
        torch.testing.assert_close(loss.total, torch.tensor(-1.0 + 0.5 * 4.0))

    def test_a_ratio_beyond_the_clip_gives_no_gradient_where_the_advantage_would_push_on(self):
        for shift, advantage, pushes in ((-1.0, 1.0, False), (-1.0, -1.0, True), (1.0, -1.0, False), (1.0, 1.0, True)):
            logits = torch.randn(2, 3, 8641, generator=torch.Generator().manual_seed(1)).requires_grad_()
            pi = ActionDistribution(logits.log_softmax(-1), distribution(1).camera)
            old = pi.log_prob(CODES).detach() + shift
            loss = ppo(pi, old_log_prob=old, advantage=torch.full((2, 3), advantage), kl_coefficient=0.0)
            (gradient,) = torch.autograd.grad(loss.policy, logits)
            assert (gradient.abs().max() > 0) == pushes
            assert loss.clip_fraction.item() == 1.0
            assert loss.approx_kl.item() > 0

    def test_the_kl_runs_from_the_reference_to_the_policy(self):
        pi, reference = distribution(0), distribution(1)
        loss = ppo(pi, reference=reference)
        expected = weighted_mean(reference.kl(pi), WEIGHT)
        torch.testing.assert_close(loss.kl_to_reference, expected)
        assert not torch.allclose(expected, weighted_mean(pi.kl(reference), WEIGHT))
        torch.testing.assert_close(loss.total, loss.policy + 0.5 * loss.value + 0.2 * expected)

    def test_ticks_without_weight_do_not_count(self):
        advantage = torch.ones(2, 3)
        advantage[0, 1] = 1e6
        assert ppo(distribution(0), advantage=advantage).policy.item() == -1.0
