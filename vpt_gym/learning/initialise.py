"""A better start for fresh weights: action heads that predict the frequencies of the labels from the first update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, checked_code
from vpt_gym.agents.policy.heads import ActionHead

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy

PSEUDO_COUNT = 1e-2
"""Added to the count of each of a policy's actions, so that one without a label is rare, but not impossible."""


@torch.no_grad()
def init_output_bias(head: Any, labels: npt.NDArray[np.int64], choices: int, *, pseudo_count: float) -> None:
    """Sets the bias of an output layer to the log-frequencies of the labels, and its weight to zero.

    A network that starts like this predicts the frequencies, whatever its input. Otherwise it spends its first
    updates on learning which classes are rare. (Lin et al. 2017, arXiv:1708.02002, section 4.1, do the same for rare
    classes.)

    Args:
        head: A module with ``linear_layer`` (k × ``choices`` outputs) and ``temperature``, which divides its outputs;
            it is changed in place.
        labels: (n, k) int64, for each of n samples the class in each of k independent choices.
        choices: Classes of one choice.
        pseudo_count: Added to the count of each class.
    """
    counts = np.stack([np.bincount(column, minlength=choices) for column in labels.T]) + pseudo_count
    bias = torch.from_numpy(np.log(counts / counts.sum(1, keepdims=True))).flatten()
    head.linear_layer.weight.zero_()
    head.linear_layer.bias.copy_(bias * head.temperature)


def init_action_heads(policy: VPTPolicy, codes: npt.ArrayLike) -> None:
    """Makes the action heads of a fresh policy predict the frequencies of the codes (:func:`init_output_bias`).

    Args:
        policy: A policy with fresh heads; it is changed in place.
        codes: (..., 2) int64, (buttons, camera): the labels that it will be trained on.

    Raises:
        ValueError: ``codes`` is empty or holds no VPT codes, or the policy acts in another action space.
    """
    if not isinstance(policy.pi_head, ActionHead):
        raise ValueError(f"the policy acts in another space than VPT codes: action_sizes={policy.config.action_sizes}")
    labels = checked_code(codes).reshape(-1, 2)
    if not len(labels):
        raise ValueError("no codes to take frequencies from")
    init_output_bias(policy.pi_head.buttons, labels[:, :1], N_BUTTONS, pseudo_count=PSEUDO_COUNT)
    init_output_bias(policy.pi_head.camera, labels[:, 1:], N_CAMERA, pseudo_count=PSEUDO_COUNT)
