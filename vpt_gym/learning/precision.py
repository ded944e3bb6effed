"""Measures which precision of the convolutions trains faster on this processor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import Precision, VPTPolicy


def faster_precision(policy: VPTPolicy, frames: Tensor, first: Tensor, *, trials: int = 3) -> Precision:
    """Returns the precision, ``"bf16"`` or ``"fp32"``, in which a forward and backward pass takes less time.

    It is measured, since a processor without bf16 instructions accepts bf16 too, but is slow. The policy's parameters,
    gradients and precision do not change.

    Args:
        policy: The policy to train.
        frames: uint8 [B, T, 128, 128, 3], a batch of the size used in training.
        first: bool [B, T].
        trials: Measured passes in each precision, after one to warm up. The fastest counts.
    """
    before = policy.precision
    parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    seconds: dict[Precision, float] = {}
    for precision in ("fp32", "bf16"):
        policy.set_precision(precision)
        times = []
        for _ in range(trials + 1):
            _wait_for(frames.device)
            start = time.perf_counter()
            output = policy(frames, first)
            torch.autograd.grad(sum(head[..., 0].sum() for head in output.pi.log_probs), parameters, allow_unused=True)
            _wait_for(frames.device)
            times.append(time.perf_counter() - start)
        seconds[precision] = min(times[1:])
    policy.set_precision(before)
    return min(seconds, key=seconds.__getitem__)


def _wait_for(device: torch.device) -> None:
    """Waits until a GPU has finished: its operations are only queued when their functions return."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
