"""The statistics of returns in the value head."""

from __future__ import annotations

import pytest
import torch

from vpt_gym.agents.policy.heads import PUBLISHED_DECAY, ValueHead


@pytest.fixture
def head():
    torch.manual_seed(0)
    return ValueHead(8)


def test_values_stay_what_they_are_when_the_statistics_adapt(head):
    latent = torch.randn(5, 8)
    head.adapt(torch.tensor([1.0, 2.0, 4.0]), decay=0.9)
    before, normalised = head.denormalise(head(latent)), head(latent)
    head.adapt(torch.tensor([100.0, -300.0]), decay=0.5)
    assert not torch.allclose(head(latent), normalised)
    torch.testing.assert_close(head.denormalise(head(latent)), before, atol=1e-4, rtol=1e-4)


def test_the_first_statistics_are_those_of_the_first_returns(head):
    weight = head.linear.weight.clone()
    returns = torch.tensor([10.0, 30.0])
    head.adapt(returns, decay=0.99)
    mean, variance = head.normalizer.mean_and_variance()
    torch.testing.assert_close(mean, torch.tensor([20.0]), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(variance, torch.tensor([100.0]), rtol=1e-3, atol=0.0)
    assert torch.equal(head.linear.weight, weight)


def test_adapting_moves_published_statistics_which_the_published_update_hardly_does(head):
    with torch.no_grad():  # as they are in a file of a network that was trained for long
        head.normalizer.running_mean.fill_(5.0)
        head.normalizer.running_mean_sq.fill_(26.0)
        head.normalizer.debiasing_term.fill_(1.0)
    head.update(torch.full((4,), 15.0))
    assert head.normalizer.mean_and_variance()[0].item() == pytest.approx(5.0 + 10.0 * (1 - PUBLISHED_DECAY), abs=1e-5)
    head.adapt(torch.full((4,), 15.0), decay=0.9)
    assert head.normalizer.mean_and_variance()[0].item() == pytest.approx(6.0, abs=1e-3)


def test_a_head_that_was_never_trained_is_told_from_one_that_was(head):
    assert head.normalizer.empty
    head.update(torch.zeros(3))
    assert not head.normalizer.empty


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_out_of_its_range_is_an_error(head, decay):
    with pytest.raises(ValueError, match="decay is"):
        head.adapt(torch.zeros(3), decay=decay)
