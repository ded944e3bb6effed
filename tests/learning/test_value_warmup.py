"""The start of a value head: where it begins, what it learns from several rollouts, and when that is enough."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from tests.support.example_scripts import load_example
from vpt_gym.agents.policy.heads import ValueHead
from vpt_gym.learning.rollout import Rollout
from vpt_gym.learning.value_warmup import ValueArgs, ValueWarmUp

WIDTH = 6


returns = partial(load_example("ppo").gae, gamma=1.0, gae_lambda=1.0)


def rollout(seed: int, weight: torch.Tensor | None = None) -> tuple[Rollout, torch.Tensor]:
    """Returns 3 rows of 8 ticks whose rewards a linear head can predict from the latent, and the latent."""
    latent = torch.randn(3, 8, WIDTH, generator=torch.Generator().manual_seed(seed))
    reward, terminated = torch.zeros(3, 8), torch.zeros(3, 8, dtype=torch.bool)
    total = latent @ torch.arange(1.0, WIDTH + 1)
    reward[:, :-1] = total[:, :-1] - total[:, 1:]
    reward[:, -1] = total[:, -1]
    terminated[:, -1] = True
    first = terminated.roll(1, 1)
    return Rollout(
        frames=latent, first=first, codes=latent, log_prob=reward, value=torch.zeros(3, 9), reward=reward,
        terminated=terminated, ended=terminated, weight=torch.ones(3, 8) if weight is None else weight, memory=None,
    ), latent  # fmt: skip


def test_it_learns_from_all_rollouts_and_ends_after_the_most():
    head = ValueHead(WIDTH)
    warmup = ValueWarmUp(head, returns, ValueArgs(warmup_iterations=4, warmup_variance=2.0))
    losses = []
    for seed in range(4):
        assert not warmup.done
        losses.append(warmup.fit(*rollout(seed))["loss/value"])
    assert warmup.done
    assert losses[-1] < 0.5 * losses[0]
    data, latent = rollout(0)  # the first is not forgotten
    _, target = returns(data.reward, data.value, data.terminated, data.ended)
    with torch.no_grad():
        assert (head.denormalise(head(latent)) - target).var() < 0.2 * target.var()


def test_it_ends_once_the_values_explain_a_new_rollout():
    head = ValueHead(WIDTH)
    warmup = ValueWarmUp(head, returns, ValueArgs(warmup_iterations=9, warmup_variance=0.5))
    data, latent = rollout(0)
    assert warmup.fit(data, latent)["value/explained_variance"] == pytest.approx(0.0, abs=1e-6)
    assert not warmup.done
    _, target = returns(data.reward, data.value, data.terminated, data.ended)
    data.value[:, :-1] = target + 0.01
    assert warmup.fit(data, latent)["value/explained_variance"] > 0.99
    assert warmup.done


def test_ticks_without_weight_do_not_count():
    weight = torch.ones(3, 8)
    weight[:, 2] = 0.0
    heads = []
    for far in (0.0, 1e6):
        data, latent = rollout(1, weight)
        torch.manual_seed(0)
        head = ValueHead(WIDTH)
        warmup = ValueWarmUp(head, lambda *steps, far=far: marked(returns(*steps), far), ValueArgs())
        warmup.fit(data, latent)
        heads.append(head.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(heads[0].values(), heads[1].values(), strict=True))


def test_what_the_head_has_learned_counts_at_once_where_episodes_are_cut_off():
    """A reward of 1 a tick, halved by each, is worth 2. Values of 0 after the last of two ticks make it 1.25."""
    head, ended = ValueHead(WIDTH), torch.tensor([[False, True] * 4] * 3)
    data, _ = rollout(0)
    data = replace(data, reward=torch.ones(3, 8), terminated=torch.zeros_like(ended), ended=ended)
    halved = partial(load_example("ppo").gae, gamma=0.5, gae_lambda=1.0)
    ValueWarmUp(head, halved, ValueArgs()).fit(data, torch.ones(3, 8, WIDTH))
    assert head.denormalise(head(torch.ones(WIDTH))).item() > 1.4


@pytest.mark.parametrize("how", ["its worker was lost", "its game failed"])
def test_nothing_flows_back_into_an_episode_that_was_cut_off_between_two_rollouts(how):
    targets = []

    def recorded(*steps):
        targets.append(returns(*steps)[1])
        return returns(*steps)

    (before, latent), (after, other_latent) = rollout(0), rollout(1)
    for name in ("terminated", "ended"):
        getattr(before, name)[:, -1] = torch.tensor([False, True, False])  # row 1 ended by itself
    before.value[:, -1] = torch.tensor([5.0, 0.0, 7.0])  # of the observation that followed
    after.first[2, 0] = False  # the episode of row 2 goes on
    if how == "its game failed":
        after.first[0, 0], after.weight[0, 0] = False, 0.0
    warmup = ValueWarmUp(ValueHead(WIDTH), recorded, ValueArgs(warmup_variance=2.0))
    warmup.fit(before, latent)
    warmup.fit(after, other_latent)
    following = torch.tensor([5.0, 0.0, after.reward[2].sum().item()])
    assert torch.allclose(targets[-1][:, 7], before.reward[:, -1] + following, atol=1e-4)


def marked(targets, far):
    advantage, target = targets
    target = target.clone()
    target[:, 2] += far
    return advantage, target


@pytest.mark.parametrize(
    ("start", "trained", "zero"),
    [("auto", False, True), ("auto", True, False), ("keep", False, False), ("zero", True, True)],
)
def test_where_the_head_begins(start, trained, zero):
    head = ValueHead(WIDTH)
    if trained:
        head.update(torch.ones(3))
    assert ValueWarmUp(head, returns, ValueArgs(value_head=start, warmup_iterations=0)).done
    assert (not head.linear.weight.any()) == zero


def test_without_popart_the_statistics_move_as_published():
    with_popart, without = ValueHead(WIDTH), ValueHead(WIDTH)
    for head, popart in ((with_popart, True), (without, False)):
        warmup = ValueWarmUp(head, returns, ValueArgs(popart=popart))
        warmup.move_statistics(torch.tensor([1.0, 3.0]))
        warmup.move_statistics(torch.tensor([11.0, 13.0]))
    assert with_popart.normalizer.mean_and_variance()[0].item() == pytest.approx((2 * 0.99 + 12) / 1.99, rel=1e-4)
    published = ValueHead(WIDTH)
    published.update(torch.tensor([1.0, 3.0]))
    published.update(torch.tensor([11.0, 13.0]))
    assert torch.equal(published.normalizer.running_mean, without.normalizer.running_mean)
