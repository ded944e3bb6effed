"""Losses of behavioural cloning, distillation and PPO, as weighted means over ticks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vpt_gym.agents.policy.heads import ActionDistribution, Distribution


def weighted_mean(value: Tensor, weight: Tensor, total: Tensor | None = None) -> Tensor:
    """Returns the mean of ``value`` under ``weight`` (same shape); 0 where all weights are 0.

    Args:
        value: Any shape.
        weight: The same shape.
        total: The sum of the weights if these are a part of them: the part's summand of the mean is returned.
    """
    total = weight.sum() if total is None else total
    return (value * weight).sum() / total.clamp_min(torch.finfo(weight.dtype).tiny)


def bc_loss(pi: Distribution, codes: Tensor, weight: Tensor) -> Tensor:
    """Returns the negative log-likelihood of the expert's codes, a scalar.

    Args:
        pi: The policy's distribution over [B, T] ticks.
        codes: int64 [B, T, 2], (buttons, camera).
        weight: float32 [B, T]; a weight of 0 excludes a tick.
    """
    return -weighted_mean(pi.log_prob(codes), weight)


def entry_losses(pi: Distribution, codes: Tensor, weight: Tensor, total: Tensor | None = None) -> tuple[Tensor, ...]:
    """Returns the terms of :func:`bc_loss`, one scalar for each entry of an action: buttons and camera of a VPT code.

    Args:
        pi: As in :func:`bc_loss`.
        codes: As in :func:`bc_loss`.
        weight: As in :func:`bc_loss`.
        total: As in :func:`weighted_mean`.
    """
    return tuple(-weighted_mean(log_prob, weight, total) for log_prob in pi.entry_log_probs(codes))


def entry_names(pi: Distribution) -> tuple[str, ...]:
    """Returns the names of the entries of an action: buttons and camera of a VPT code, else numbers from 0."""
    if isinstance(pi, ActionDistribution):
        return ("buttons", "camera")
    return tuple(str(entry) for entry in range(len(pi.log_probs)))


def distillation_loss(teacher: Distribution, pi: Distribution, weight: Tensor) -> Tensor:
    """Returns KL(teacher || policy) in nats per tick, summed over the entries of an action, a scalar.

    Args:
        teacher: The teacher's distribution over [B, T] ticks.
        pi: The policy's.
        weight: float32 [B, T]; a weight of 0 excludes a tick.
    """
    return weighted_mean(teacher.kl(pi), weight)


@dataclass(frozen=True)
class PPOLoss:
    """The terms of the PPO loss, scalars. ``total`` is the one to differentiate.

    Attributes:
        total: ``policy + value_coefficient * value + kl_coefficient * kl_to_reference``.
        policy: The clipped surrogate (Schulman et al. 2017, arXiv:1707.06347, eq. 7), negated.
        value: Mean squared error of the normalised value.
        kl_to_reference: KL(reference || policy), nats per tick; the term that replaces the entropy bonus in VPT's RL
            (Baker et al. 2022, arXiv:2206.11795, section on RL fine-tuning).
        approx_kl: Estimate of KL(old policy || policy) (Schulman, "Approximating KL divergence": the k3 estimator).
        clip_fraction: Share of ticks whose probability ratio is outside the clip range.
    """

    total: Tensor
    policy: Tensor
    value: Tensor
    kl_to_reference: Tensor
    approx_kl: Tensor
    clip_fraction: Tensor


def ppo_loss(
    pi: Distribution,
    value: Tensor,
    reference: Distribution,
    *,
    codes: Tensor,
    old_log_prob: Tensor,
    advantage: Tensor,
    value_target: Tensor,
    weight: Tensor,
    clip: float,
    value_coefficient: float,
    kl_coefficient: float,
) -> PPOLoss:
    """Returns PPO's loss with a KL term to a frozen reference policy.

    Args:
        pi: The policy's distribution over [B, T] ticks.
        value: [B, T], normalised.
        reference: The frozen policy's distribution over the same ticks.
        codes: int64 [B, T, 2], the executed codes.
        old_log_prob: [B, T], their log-probability when they were executed.
        advantage: [B, T].
        value_target: [B, T], normalised like ``value``.
        weight: float32 [B, T]; a weight of 0 excludes a tick, such as one that only resets an env.
        clip: Half-width of the ratio's clip range.
        value_coefficient: Weight of the value loss.
        kl_coefficient: Weight of the KL to the reference.
    """
    log_ratio = pi.log_prob(codes) - old_log_prob
    ratio = log_ratio.exp()
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    policy_loss = -weighted_mean(surrogate, weight)
    value_loss = weighted_mean((value - value_target).square(), weight)
    kl = weighted_mean(reference.kl(pi), weight)
    with torch.no_grad():
        approx_kl = weighted_mean(ratio - 1 - log_ratio, weight)
        clip_fraction = weighted_mean(((ratio - 1).abs() > clip).to(weight.dtype), weight)
    total = policy_loss + value_coefficient * value_loss + kl_coefficient * kl
    return PPOLoss(total, policy_loss, value_loss, kl, approx_kl, clip_fraction)
