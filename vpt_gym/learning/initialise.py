"""A better start for a fresh policy: its heads say from the first update how often each action occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, checked_code
from vpt_gym.agents.policy.heads import ActionHead

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy

PSEUDO_COUNT = 1e-2
"""What an action that never occurs counts for: rare, but not impossible."""


@torch.no_grad()
def match_marginals(policy: VPTPolicy, codes: npt.ArrayLike) -> None:
    """Sets the biases of the action heads to the log-frequencies of the codes, and their weights to zero.

    Otherwise a fresh net spends its first hundreds of updates on learning that most of the 8,641 button combinations
    never occur. (The same is done for rare classes in Lin et al. 2017, arXiv:1708.02002, section 4.1.)

    Args:
        policy: A policy with fresh heads; it is changed in place.
        codes: (..., 2) int64, (buttons, camera): the labels that it will be trained on.

    Raises:
        ValueError: ``codes`` is empty or holds no VPT codes, or the policy's head is that of another action space.
    """
    if not isinstance(policy.pi_head, ActionHead):
        raise ValueError(f"the policy acts in another space than VPT codes: action_sizes={policy.config.action_sizes}")
    labels = checked_code(codes).reshape(-1, 2)
    if not len(labels):
        raise ValueError("no codes to take frequencies from")
    heads = ((policy.pi_head.buttons, N_BUTTONS), (policy.pi_head.camera, N_CAMERA))
    for column, (head, classes) in enumerate(heads):
        counts = np.bincount(labels[:, column], minlength=classes) + PSEUDO_COUNT
        bias = torch.from_numpy(np.log(counts / counts.sum()))
        head.linear_layer.weight.zero_()
        head.linear_layer.bias.copy_(bias * head.temperature)
