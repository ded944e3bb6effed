"""Layers of VPT's networks, with their initialisation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def scale_rows_(weight: Tensor, norm: float) -> None:
    """Rescales each output row (or filter) of a weight in place to the L2 norm ``norm``."""
    if weight.is_meta:  # it has no values, and arithmetic on meta tensors takes a second to import
        return
    with torch.no_grad():
        rows = weight.flatten(1)
        weight.mul_((norm / rows.norm(dim=1)).view(-1, *[1] * (weight.dim() - 1)))


def scaled_linear(inputs: int, outputs: int, *, norm: float, bias: bool) -> nn.Linear:
    """Makes a linear layer with rows of L2 norm ``norm`` and, optionally, a bias of zeros."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    scale_rows_(layer.weight, norm)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class NormLinearReLU(nn.Module):
    """``relu(W @ layer_norm(x))`` over the last axis; no bias, since the norm has one.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        norm: Initial L2 norm of the rows of W.
    """

    def __init__(self, inputs: int, outputs: int, *, norm: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.layer = scaled_linear(inputs, outputs, norm=norm, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., inputs) to (..., outputs)."""
        return F.relu(self.layer(self.norm(x)))


class BareLinear(nn.Module):
    """``W @ x + b`` under the name ``layer``: the second half of a block's MLP, without norm or ReLU."""

    def __init__(self, inputs: int, outputs: int, *, norm: float) -> None:
        super().__init__()
        self.layer = scaled_linear(inputs, outputs, norm=norm, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., inputs) to (..., outputs)."""
        out: Tensor = self.layer(x)
        return out


def block_scale(layers: int) -> float:
    """Returns the initial scale of a residual branch in a transformer of L blocks: (2 L)^-1/2."""
    return 1.0 / math.sqrt(2.0 * layers)


def at_least_float32(values: Tensor) -> Tensor:
    """Returns floats of half precision as float32, and others as they are.

    Half precision has too few digits to draw one of 8,641 choices: uniform noise has 256 values in bf16.
    """
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
