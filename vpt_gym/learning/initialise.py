"""A better start for fresh weights: action heads that know the frequencies of the labels from the first update."""

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
    """Sets the bias of an output layer to the log-frequencies of the labels.

    The weight stays random: with a weight of zero, the layers below get no gradient until it has grown. Without this
    bias the network spends its first updates on learning which classes are rare. (Lin et al. 2017,
    arXiv:1708.02002, section 4.1, do the same for rare classes.)

    Args:
        head: A module with ``linear_layer`` (k × ``choices`` outputs) and ``temperature``, which divides its outputs;
            it is changed in place.
        labels: (n, k) int64, for each of n samples the class in each of k independent choices.
        choices: Classes of one choice.
        pseudo_count: Added to the count of each class.
    """
    counts = np.stack([np.bincount(column, minlength=choices) for column in labels.T]) + pseudo_count
    bias = torch.from_numpy(np.log(counts / counts.sum(1, keepdims=True))).flatten()
    head.linear_layer.bias.copy_(bias * head.temperature)


def init_action_heads(policy: VPTPolicy, labels: npt.ArrayLike) -> None:
    """Sets the biases of a fresh policy's action heads to the log-frequencies of labels (:func:`init_output_bias`).

    Their weights stay random. With weights of zero, a policy stays longer at the frequencies: on demos of eleven tasks
    its loss is 4.51 nats after 300 updates, instead of 4.22 (docs/experiments.md).

    Args:
        policy: A policy with fresh heads; it is changed in place.
        labels: (..., k) int64, the labels that it will be trained on: VPT codes, (buttons, camera), or for a policy
            with heads for another action space one choice for each head.

    Raises:
        ValueError: ``labels`` is empty, or holds something that is no action of the policy.
    """
    head = policy.pi_head
    parts: list[tuple[Any, int]]
    if isinstance(head, ActionHead):
        rows = checked_code(labels).reshape(-1, 2)
        parts = [(head.buttons, N_BUTTONS), (head.camera, N_CAMERA)]
    else:
        sizes = policy.config.action_sizes or ()
        rows = np.asarray(labels)
        if rows.dtype.kind != "i" or rows.shape[-1:] != (len(sizes),) or (rows < 0).any() or (rows >= sizes).any():
            raise ValueError(f"the labels are not choices of {sizes} alternatives: {rows.dtype} {rows.shape}")
        rows = rows.reshape(-1, len(sizes))
        parts = list(zip(head.choices, sizes, strict=True))
    if not len(rows):
        raise ValueError("no codes to take frequencies from")
    for entry, (part, choices) in enumerate(parts):
        init_output_bias(part, rows[:, [entry]], choices, pseudo_count=PSEUDO_COUNT)
