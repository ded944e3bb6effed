"""Signs of a collapsed policy: units that are always zero, and a latent that no longer depends on the frame.

A large learning rate can push a fresh network to a state in which most units of ``net.lastlayer`` are zero in every
frame. The latent is then nearly the same for all frames, and the loss stays at the entropy of the labels' frequencies.
Trainers measure both quantities now and then, since the loss alone does not tell this from slow learning.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.agents.policy.transformer import Memory

MIN_SPREAD = 0.2
"""Spread below which :class:`LatentMonitor` warns. Collapsed policies had 0.00 and 0.18, learning ones at least 0.47
(docs/experiments.md); a fresh network has about 0.7."""


class LatentCollapseWarning(UserWarning):
    """The latent of a policy in training hardly depends on the frame."""


@dataclass(frozen=True)
class LatentHealth:
    """What a batch of frames shows of a policy's latent, the input of its heads.

    Attributes:
        dead_share: Share of the units of ``net.lastlayer`` that are 0 in all frames of the batch, in [0, 1].
        spread: Standard deviation of the output of ``net.final_ln`` over the frames, averaged over the units.
    """

    dead_share: float
    spread: float

    @property
    def metrics(self) -> dict[str, float]:
        """The names and values to log."""
        return {"latent/dead_share": self.dead_share, "latent/spread": self.spread}


@torch.no_grad()
def latent_health(policy: VPTPolicy, frames: Tensor, first: Tensor, memory: Memory | None = None) -> LatentHealth:
    """Measures the latent of a policy on a batch, with one forward pass and no gradient.

    Args:
        policy: The policy, not wrapped by DDP. It is not changed.
        frames: As for the policy: (B, T, 128, 128, 3) uint8, or (B, T, D) features. At least two frames that differ.
        first: (B, T) bool.
        memory: The memory before the batch; None is empty.

    Raises:
        ValueError: There are fewer than two frames, or the policy does not accept the batch.
    """
    if first.numel() < 2:
        raise ValueError(f"the spread over frames needs at least two frames, got {first.numel()}")
    last_layer: list[Tensor] = []
    latent: list[Tensor] = []
    hooks = (
        policy.net.lastlayer.register_forward_hook(lambda _module, _inputs, output: last_layer.append(output)),
        policy.net.final_ln.register_forward_hook(lambda _module, _inputs, output: latent.append(output)),
    )
    try:
        policy(frames, first, memory)
    finally:
        for hook in hooks:
            hook.remove()
    units, values = last_layer[0].flatten(0, -2), latent[0].flatten(0, -2).float()
    dead_share = (units == 0).all(0).float().mean()
    return LatentHealth(dead_share=float(dead_share), spread=float(values.std(0).mean()))


class LatentMonitor:
    """Measures a policy's latent during training, and warns once when it stops depending on the frame.

    Args:
        policy: The policy in training, not wrapped by DDP.

    Example:
        Every 100 updates or so (each measurement is a forward pass)::

            monitor = LatentMonitor(policy)
            if update % 100 == 0:
                run.log(update, monitor.measure(batch.frames, batch.first))
    """

    def __init__(self, policy: VPTPolicy) -> None:
        self._policy = policy
        self._warned = False

    def measure(self, frames: Tensor, first: Tensor, memory: Memory | None = None) -> dict[str, float]:
        """Returns ``latent/dead_share`` and ``latent/spread`` of a batch (:func:`latent_health` has the arguments).

        Empty for a batch of one frame, which shows nothing.

        Warns:
            LatentCollapseWarning: The spread is below ``MIN_SPREAD``, for the first time.
        """
        if first.numel() == 1:
            return {}
        health = latent_health(self._policy, frames, first, memory)
        if health.spread < MIN_SPREAD and not self._warned:
            self._warned = True
            warnings.warn(
                f"the policy's latent hardly depends on the frame: its spread over the batch is {health.spread:.3f} "
                f"(a fresh network has about 0.7), and {health.dead_share:.0%} of the units of net.lastlayer are zero "
                "in every frame. It cannot learn more than the frequencies of the actions. Start again with a lower "
                "learning rate, a longer warm-up, or a smaller norm to which the gradient is clipped",
                LatentCollapseWarning,
                stacklevel=2,
            )
        return health.metrics
