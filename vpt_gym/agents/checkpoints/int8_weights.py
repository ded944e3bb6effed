"""Weights in a quarter of the space: large matrices as int8, each row with a scale of its own.

A tensor ``name`` is stored as ``name`` (int8, its shape) and ``name.int8_scale`` (float32, one for each row, that is,
for each entry of its first axis). Its values are their product. Small tensors stay float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vpt_gym.agents.checkpoints.errors import CorruptCheckpoint
from vpt_gym.system.printable import printable_name

SUFFIX = ".int8_scale"
"""What is added to the name of a tensor for its scales."""
SMALLEST = 1 << 12
"""Numbers in the smallest tensor that is stored as int8. All smaller ones of ``nano`` together take 117 kB."""
_LARGEST = 127


def pack(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns float32 tensors with the large ones of two or more axes as int8.

    The error of a value is at most half a step: 1/254 of the largest absolute value of its row.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.ndim < 2 or tensor.numel() < SMALLEST:
            packed[name] = tensor
            continue
        scale = tensor.flatten(1).abs().amax(1) / _LARGEST
        steps = tensor / scale.clamp(min=torch.finfo(torch.float32).tiny).view(-1, *[1] * (tensor.ndim - 1))
        packed[name], packed[name + SUFFIX] = steps.round().to(torch.int8), scale
    return packed


def unpack(weights: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Returns the tensors of :func:`pack` as float32; others are left as they are.

    Args:
        weights: Tensors by name.
        source: Name of the file, for the error.

    Raises:
        CorruptCheckpoint: Scales do not belong to int8 values, or not to as many rows.
    """
    scales = {name.removesuffix(SUFFIX): scale for name, scale in weights.items() if name.endswith(SUFFIX)}
    plain = {name: tensor for name, tensor in weights.items() if not name.endswith(SUFFIX)}
    for name, scale in scales.items():
        steps = plain.get(name)
        if steps is None or steps.dtype != torch.int8 or steps.ndim < 2 or scale.shape != steps.shape[:1]:
            raise CorruptCheckpoint(
                f"{source}: the scales of {printable_name(name)} do not fit its values: is the file damaged?"
            )
        plain[name] = steps.float() * scale.float().view(-1, *[1] * (steps.ndim - 1))
    return plain
