"""Signs of a collapsed policy: what is measured, and when a warning comes."""

from __future__ import annotations

import warnings

import pytest
import torch

from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.learning.latent_health import MIN_SPREAD, LatentCollapseWarning, LatentMonitor, latent_health

CONFIG = VPTConfig(
    hidsize=16,
    attention_heads=2,
    impala_width=0.25,
    n_recurrence_layers=1,
    attention_memory_size=8,
    timesteps=4,
    stem_pool=8,
)


@pytest.fixture
def policy() -> VPTPolicy:
    torch.manual_seed(2)
    return VPTPolicy(CONFIG)


def batch(*, streams: int = 3, steps: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    first = torch.zeros(streams, steps, dtype=torch.bool)
    first[:, 0] = True
    return torch.randint(0, 256, (streams, steps, 128, 128, 3), dtype=torch.uint8, generator=generator), first


@torch.no_grad()
def kill(policy: VPTPolicy, units: int) -> None:
    """Makes the first units of the last layer zero for every input."""
    policy.net.lastlayer.layer.weight[:units] = 0.0


def test_a_fresh_policy_is_healthy(policy: VPTPolicy) -> None:
    health = latent_health(policy, *batch())
    assert health.dead_share < 0.5
    assert health.spread > MIN_SPREAD
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LatentMonitor(policy).measure(*batch()) == {
            "latent/dead_share": health.dead_share,
            "latent/spread": health.spread,
        }


def test_units_that_are_zero_in_every_frame_are_counted(policy: VPTPolicy) -> None:
    before = latent_health(policy, *batch()).dead_share
    kill(policy, 12)
    assert latent_health(policy, *batch()).dead_share >= max(before, 12 / 16)


def test_a_latent_that_is_the_same_in_all_frames_has_no_spread(policy: VPTPolicy) -> None:
    kill(policy, 16)
    health = latent_health(policy, *batch())
    assert health.dead_share == 1.0
    assert health.spread == 0.0


def test_the_spread_is_the_mean_standard_deviation_over_all_frames(policy: VPTPolicy) -> None:
    frames, first = batch()
    latent, _ = policy.net(frames, first, policy.initial_memory(3))
    expected = latent.detach().reshape(12, 16).std(0).mean()
    assert latent_health(policy, frames, first).spread == pytest.approx(float(expected), rel=1e-5)


def test_a_collapse_is_reported_once(policy: VPTPolicy) -> None:
    kill(policy, 16)
    monitor = LatentMonitor(policy)
    with pytest.warns(LatentCollapseWarning, match=r"100% of the units .* lower learning rate"):
        assert monitor.measure(*batch())["latent/dead_share"] == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor.measure(*batch())


def test_measuring_changes_nothing_in_the_policy(policy: VPTPolicy) -> None:
    policy.train()
    before = policy(*batch()).value
    LatentMonitor(policy).measure(*batch())
    assert policy.training
    assert not policy.net.lastlayer._forward_hooks
    assert torch.equal(policy(*batch()).value, before)
    assert before.requires_grad


def test_memory_and_features_are_taken_like_the_policy_takes_them(policy: VPTPolicy) -> None:
    frames, first = batch()
    first[:, 0] = False
    memory = policy(frames, first).memory.detach()
    features = policy.encode(frames.flatten(0, 1)).unflatten(0, first.shape).detach()
    carried = latent_health(policy, frames, first, memory)
    assert latent_health(policy, features, first, memory).spread == pytest.approx(carried.spread, rel=1e-5)
    assert carried != latent_health(policy, frames, first)


def test_one_frame_has_no_spread_to_measure(policy: VPTPolicy) -> None:
    with pytest.raises(ValueError, match="at least two frames, got 1"):
        latent_health(policy, *batch(streams=1, steps=1))
    assert LatentMonitor(policy).measure(*batch(streams=1, steps=1)) == {}
