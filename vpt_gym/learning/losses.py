"""Losses as weighted means over ticks, and how well values predict returns."""

from __future__ import annotations

import torch
from torch import Tensor

from vpt_gym.agents.policy.heads import ActionDistribution, Distribution

_NO_VARIANCE = 1e-8
"""Variance below which targets are constant up to rounding."""


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


def explained_variance(value: Tensor, target: Tensor, weight: Tensor) -> float | None:
    """Returns the share of the targets' variance that the values explain: 1 if they are equal, 0 for a constant.

    Args:
        value: [B, T], the predictions.
        target: [B, T], the returns.
        weight: [B, T]; ticks of weight 0 are left out.

    Returns:
        None if the targets do not vary. It is negative for values that are worse than a constant.
    """
    value, target = value[weight > 0], target[weight > 0]
    if len(target) < 2 or target.var() < _NO_VARIANCE:
        return None
    return float(1 - (target - value).var() / target.var())
