"""Dense layers for few rows. Reading the weights takes nearly all of their time, so they are stored compactly."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

WeightType = Literal["fp32", "fp16", "int8"]
"""How a packed layer stores its weights."""

_SMALL = 1 << 21
"""Below this number of weights, the scales of int8 cost more time than its size saves."""
_INT8 = 127.0
_FINER = 2.0 * _INT8
_TINY = 1e-30


class Dense(Protocol):
    """A dense layer, ready to run."""

    def __call__(self, x: Tensor) -> Tensor:
        """Maps (B, inputs) to (B, outputs), both float32."""


def packed_dense(kind: WeightType, weight: Tensor, bias: Tensor | None, rows: int) -> Dense:
    """Packs a layer for a CPU.

    Args:
        kind: How the weights are stored. A small layer uses half precision instead of int8, which is no slower.
        weight: (outputs, inputs) float32.
        bias: (outputs,) float32, or None.
        rows: The usual number of rows; others work, but may be slower.
    """
    if kind == "fp32":
        return _Float32Dense(weight, bias, rows)
    return _Float16Dense(weight, bias) if kind == "fp16" or weight.numel() < _SMALL else _Int8Dense(weight, bias)


class PlainDense:
    """``F.linear`` in a number type; for GPUs."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self._weight = weight.to(dtype, copy=True)
        self._bias = None if bias is None else bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Maps (B, inputs) to (B, outputs), both float32."""
        return F.linear(x.to(self._weight.dtype), self._weight, self._bias).float()


class _Float32Dense:
    """oneDNN in float32. On one row, ``F.linear`` uses only one thread."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return out


class _Float16Dense:
    """Weights in half precision; rows and sums in float32.

    Half precision has the size of bf16 and keeps three more bits of each weight.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        with _fbgemm():
            self._packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return out


class _Int8Dense:
    """Weights in int8, with a scale for each output.

    A row of inputs is passed as two rows of int8, the second with steps 254 times finer. Reading the weights takes most
    of the time in either case, and only the rounding of the weights remains as a relevant error. Each row has its own
    scale, so that its result does not depend on the other rows of the batch.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        scale = weight.abs().amax(1).clamp_min_(_TINY) / _INT8
        zero = torch.zeros(len(scale), dtype=torch.int64)
        with _fbgemm(), warnings.catch_warnings():
            # Quantised tensors are deprecated in PyTorch, but the kernel has no other interface yet.
            warnings.filterwarnings("ignore", message=".*deprecated", category=UserWarning)
            quantised = torch.quantize_per_channel(weight, scale, zero, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self._bias = weight.new_zeros(len(weight)) if bias is None else bias

    def __call__(self, x: Tensor) -> Tensor:
        scale = x.abs().amax(-1, keepdim=True).clamp_min_(_TINY).mul_(1.0 / _INT8)
        fine = x / scale
        coarse = fine.round()
        rows = torch.cat([coarse, fine.sub_(coarse).mul_(_FINER)])
        out = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(rows, 1.0, 128, self._packed)
        out_coarse, out_fine = out.chunk(2)
        return torch.addcmul(self._bias, out_coarse.add_(out_fine, alpha=1.0 / _FINER), scale)


@contextmanager
def _fbgemm() -> Iterator[None]:
    """Selects FBGEMM for packing, and restores the program's choice of quantised back end afterwards."""
    chosen = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        yield
    finally:
        torch.backends.quantized.engine = chosen
