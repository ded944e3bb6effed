"""Passes of a policy's network over many sequences without gradients, in memory that does not grow with them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vpt_gym.agents.policy.transformer import Memory

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.learning.rollout import Rollout

_SEQUENCES = 4
"""Sequences in a pass; the results do not depend on it, up to rounding."""


@torch.no_grad()
def network_inputs(policy: VPTPolicy, rollout: Rollout) -> Tensor:
    """Returns what the passes over a rollout start from: features if the image network is frozen, else the frames.

    So no pass repeats the image network. Features that the rollout does not hold are computed.
    """
    if any(parameter.requires_grad for parameter in policy.net.img_process.parameters()):
        return rollout.frames
    if rollout.features is not None:
        return rollout.features
    return torch.stack([policy.encode(row) for row in rollout.frames])


@torch.no_grad()
def in_parts(net: nn.Module, inputs: Tensor, first: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
    """Returns the latent of N sequences, float32 [N, T, D], and the memory after them, a few sequences at a time.

    Args:
        net: ``VPTPolicy.net``.
        inputs: Frames, uint8 [N, T, 128, 128, 3], or features of the image network, float32 [N, T, D].
        first: bool [N, T], whether a frame is the first of its episode.
        memory: The memory of the N sequences before their first frame.
    """
    rows = torch.split(torch.arange(len(first)), _SEQUENCES)
    parts = [net(inputs[r], first[r], memory.index(r)) for r in rows]
    after = (torch.cat([getattr(part, f.name) for _, part in parts]) for f in fields(Memory))
    return torch.cat([latent for latent, _ in parts]), Memory(*after)
