"""Dense layers for few rows. Their time is that of reading the weights, which are therefore packed small."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

WeightType = Literal["fp32", "fp16", "int8"]
"""How a packed layer keeps its weights."""

_SMALL = 1 << 21
"""With fewer weights than this, int8 saves less time than its scales cost."""
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
        kind: How the weights are kept. A small layer has half precision in place of int8, which is no slower.
        weight: (outputs, inputs) float32.
        bias: (outputs,) float32, or None.
        rows: How many rows there will be; others work too, less fast.
    """
    if kind == "fp32":
        return _Exact(weight, bias, rows)
    return _Half(weight, bias) if kind == "fp16" or weight.numel() < _SMALL else _Int8(weight, bias)


class PlainDense:
    """``F.linear`` in a number type; for GPUs."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        self._weight = weight.to(dtype, copy=True)
        self._bias = None if bias is None else bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Maps (B, inputs) to (B, outputs), both float32."""
        return F.linear(x.to(self._weight.dtype), self._weight, self._bias).float()


class _Exact:
    """oneDNN in float32. ``F.linear`` on one row uses one thread, whatever their number."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return out


class _Half:
    """Weights in half precision; rows and sums in float32.

    At the same size, half precision keeps three more bits of a weight than bf16 does.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        with _fbgemm():
            self._packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return out


class _Int8:
    """Weights in int8, with a scale for each output.

    A row goes in as two rows of int8, the second one in steps 254 times finer: the time is that of reading the
    weights either way, and the rounding of the weights is left as the only error that counts. Each row has a scale
    of its own, so that it does not matter which other rows are in the batch.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        scale = weight.abs().amax(1).clamp_min_(_TINY) / _INT8
        zero = torch.zeros(len(scale), dtype=torch.int64)
        with _fbgemm(), warnings.catch_warnings():
            # Quantised tensors are to leave PyTorch one day, yet the kernel has no other entrance so far.
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
    """Packs for FBGEMM, whatever back end the program has chosen for quantised operators."""
    chosen = torch.backends.quantized.engine
    torch.backends.quantized.engine = "fbgemm"
    try:
        yield
    finally:
        torch.backends.quantized.engine = chosen
