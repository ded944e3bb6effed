"""The auxiliary phase of phasic policy gradient (PPG), in which values train the trunk of the policy.

Source: Cobbe et al. 2020, "Phasic Policy Gradient" (arXiv:2009.04416), in the variant with one network for policy and
value. The weights of the three losses are those of VPT (Baker et al. 2022, arXiv:2206.11795, appendix G), and of the
authors' code. They make this phase after 32 rollouts, on all of them, with an optimizer of its own. Here it follows
each rollout and goes on with PPO's optimizer, so that neither the frames of 32 rollouts nor a second state of Adam are
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from vpt_gym.learning.in_parts import in_parts
from vpt_gym.learning.losses import weighted_mean

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.agents.policy.transformer import Memory

VALUE_WEIGHT, AUXILIARY_WEIGHT, KL_WEIGHT = 0.5, 0.5, 1.0
"""Weights of the value's loss, of the auxiliary value's, and of the KL term that holds the policy (VPT)."""


class Sequences(Protocol):
    """N sequences of T ticks, or a minibatch of them; a dataclass."""

    @property
    def inputs(self) -> Tensor:
        """Frames or features, [N, T, ...]."""

    @property
    def first(self) -> Tensor:
        """Bool [N, T], whether a frame is the first of its episode."""

    @property
    def memory(self) -> Memory:
        """The memory before the first tick."""

    @property
    def value_target(self) -> Tensor:
        """float32 [N, T], normalised as the value head's output is."""

    @property
    def weight(self) -> Tensor:
        """float32 [N, T]; ticks of weight 0 do not count."""

    @property
    def reference(self) -> Any:
        """The distribution to stay close to."""


BatchT = TypeVar("BatchT", bound=Sequences)


def auxiliary_phase(
    policy: VPTPolicy,
    auxiliary: nn.Linear,
    batch: BatchT,
    minibatches: Callable[[BatchT], Iterable[BatchT]],
    step: Callable[[Tensor], None],
    *,
    cycles: int,
) -> dict[str, list[float]]:
    """Lets the values of a batch train all of the policy, while a KL term holds what it does.

    Args:
        policy: The policy.
        auxiliary: A second value on the latent of the policy, (D,) -> (1,). In PPG the value is a network of its own,
            and this one alone trains the policy's.
        batch: A dataclass as in :class:`Sequences`; its ``reference`` is replaced by the policy as it is now.
        minibatches: Divides the batch; called in each cycle.
        step: Makes a step of the optimizer, which holds the parameters of ``policy`` and ``auxiliary``, on a loss.
        cycles: Passes over the batch.

    Returns:
        The terms of each step: ``"loss/sleep_value"``, the value's squared error, and ``"loss/sleep_kl"`` in nats.
    """
    with torch.no_grad():
        latent, _ = in_parts(policy.net, batch.inputs, batch.first, batch.memory)
        held = replace(batch, reference=policy.pi_head(latent))  # type: ignore[type-var]
    losses: dict[str, list[float]] = {"loss/sleep_value": [], "loss/sleep_kl": []}
    for _ in range(cycles):
        for part in minibatches(held):
            latent, _ = policy.net(part.inputs, part.first, part.memory)
            values = policy.value_head(latent), auxiliary(latent).squeeze(-1)
            value, second = (weighted_mean((v - part.value_target).square(), part.weight) for v in values)
            kl = weighted_mean(part.reference.kl(policy.pi_head(latent)), part.weight)
            step(VALUE_WEIGHT * value + AUXILIARY_WEIGHT * second + KL_WEIGHT * kl)
            losses["loss/sleep_value"].append(value.item())
            losses["loss/sleep_kl"].append(kl.item())
    return losses
