"""The precisions that an engine supports on this machine."""

from __future__ import annotations

import platform
from typing import Literal, get_args

import torch

EnginePrecision = Literal["fp32", "bf16", "int8"]
"""Number types of an engine, as :class:`~vpt_gym.agents.engine.ActingEngine` describes them."""

_PRECISIONS: tuple[EnginePrecision, ...] = get_args(EnginePrecision)
_EXACT_OPERATORS = (
    "aten::mkldnn_reorder_conv2d_weight",
    "mkldnn::_convolution_pointwise",
    "mkldnn::_linear_pointwise",
    "mkldnn::_reorder_linear_weight",
)
_OPERATORS = (
    *_EXACT_OPERATORS,
    "quantized::linear_dynamic_fp16",
    "quantized::linear_prepack",
    "quantized::linear_prepack_fp16",
    "quantized::linear_with_input_q_dq_qweight_dq_output_fp32",
)
"""Operators that an engine needs, in fp32 the first ones; they are not part of PyTorch's documented interface."""


def available_precisions(device: torch.device | str = "cpu") -> tuple[EnginePrecision, ...]:
    """Returns the precisions in which an engine runs on a device of this machine, the exact one first."""
    device = torch.device(device)
    return tuple(precision for precision in _PRECISIONS if _missing_requirement(precision, device) is None)


def fastest_precision(device: torch.device | str = "cpu") -> EnginePrecision | None:
    """Returns the precision in which an engine is fastest on a device of this machine; None: use no engine.

    On a CPU that is the last of int8, bf16 and fp32 that it has the instructions for: each is at least as fast as the
    one after it at every size (docs/performance.md) and is held to its tolerance by the tests. On other devices
    neither has been measured, so the answer is None.
    """
    device = torch.device(device)
    available = available_precisions(device) if device.type == "cpu" else ()
    return next((precision for precision in ("int8", "bf16", "fp32") if precision in available), None)


def require_precision(precision: EnginePrecision, device: torch.device) -> None:
    """Checks that an engine of a precision runs on a device.

    Raises:
        ValueError: There is no such precision, or the device or this PyTorch cannot run it.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(map(repr, _PRECISIONS))}, got {precision!r}")
    missing = _missing_requirement(precision, device)
    if missing is not None:
        others = ", ".join(map(repr, available_precisions(device)))
        remedy = f"this machine runs {others}" if others else "run the policy itself, without an engine"
        raise ValueError(f"an engine of precision {precision!r} on {device.type} needs {missing}; {remedy}")


def _missing_requirement(precision: EnginePrecision, device: torch.device) -> str | None:
    """Returns what an engine of this precision needs and this machine lacks; None if nothing."""
    if device.type == "cuda":
        if precision == "int8":
            return "a CPU"
        return None if precision == "fp32" or torch.cuda.is_bf16_supported() else "a GPU with bf16 arithmetic"
    if device.type != "cpu":
        return "a CPU or a CUDA device"
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return "a PyTorch with oneDNN"
    needed = _EXACT_OPERATORS if precision == "fp32" else _OPERATORS
    missing = sorted(set(needed) - set(torch._C._dispatch_get_all_op_names()))
    if missing:
        return f"a PyTorch with {', '.join(missing)} (this is {torch.__version__})"
    if precision == "fp32":
        return None
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    if not x86 or "fbgemm" not in torch.backends.quantized.supported_engines:
        return "an x86-64 processor and a PyTorch with FBGEMM"
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "a processor with bf16 instructions (avx512_bf16 or AMX)"
    if precision == "int8" and not torch.cpu._is_vnni_supported():
        return "a processor with int8 instructions (avx512_vnni)"
    return None
