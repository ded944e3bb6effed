"""Dense layers for few rows at a time: their time is that of reading the weights, so these are packed small."""

from __future__ import annotations

import warnings
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Literal["fp32", "fp16", "int8", "bf16"]
"""How a dense layer keeps its weights: packed for a CPU (the first three), or as they are (the last, for GPUs)."""


class Dense(Protocol):
    """Maps (B, inputs) to (B, outputs), both float32."""

    def __call__(self, x: Tensor) -> Tensor:
        """Returns ``W @ x + b`` for each row."""


class PlainDense:
    """``F.linear`` in a number type, float32 outside; for GPUs."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self._weight = weight.to(dtype)
        self._bias = None if bias is None else bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self._weight.dtype), self._weight, self._bias).float()


class PackedDense:
    """oneDNN in float32, its weights laid out in advance: F.linear on one row runs on one thread only."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return out


class HalfDense:
    """Weights in half precision, rows and sums in float32."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return out


class Int8Dense:
    """Weights in int8 with a scale for each output.

    The rows go in as two int8 numbers, the second one 254 times finer: that costs no time, since reading the weights
    takes all of it, and leaves the rounding of the weights as the only error that counts. A row has a scale of its
    own, so that it does not matter which other rows are in the batch.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, fine: bool = True) -> None:
        scale = weight.abs().amax(1).clamp_min_(torch.finfo(torch.float32).tiny) / _INT8
        with warnings.catch_warnings():
            # PyTorch will replace the way to make a quantised tensor; the kernel has no other way in yet.
            warnings.filterwarnings("ignore", message=".*quantized tensor creation", category=UserWarning)
            quantised = torch.quantize_per_channel(weight, scale, torch.zeros(len(scale), dtype=torch.int64), 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self._bias = weight.new_zeros(len(weight)) if bias is None else bias
        self.fine=fine

    def __call__(self, x: Tensor) -> Tensor:
        scale = torch.linalg.vector_norm(x, torch.inf, -1, keepdim=True).clamp_min_(_TINY).mul_(1 / _INT8)
        x = x / scale
        if not self.fine:
            y=torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(x,1.0,128,self._packed)
            return torch.addcmul(self._bias,y,scale)
        coarse = x.round()
        rows = torch.cat([coarse, x.sub_(coarse).mul_(_FINER)])
        y = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(rows, 1.0, 128, self._packed)
        coarse_y, fine_y = y.chunk(2)
        return torch.addcmul(self._bias, coarse_y.add_(fine_y, alpha=1 / _FINER), scale)


_INT8 = 127.0
_FINER = 2 * _INT8
_TINY = 1e-30
