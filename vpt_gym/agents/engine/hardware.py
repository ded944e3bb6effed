"""Which number types a processor computes in, and the parts of PyTorch that an engine is built on."""

from __future__ import annotations

import platform
from typing import Literal, get_args

import torch

EnginePrecision = Literal["fp32", "bf16", "int8"]
"""Number types of an engine: see :class:`~vpt_gym.agents.engine.ActingEngine`."""

_PRECISIONS = get_args(EnginePrecision)


def precisions(device: torch.device | str = "cpu") -> tuple[EnginePrecision, ...]:
    """Returns the precisions in which an engine runs on a device of this machine, the exact one first."""
    device = torch.device(device)
    found: list[EnginePrecision] = [precision for precision in _PRECISIONS if _lacks(precision, device) is None]
    return tuple(found)


def require(precision: EnginePrecision, device: torch.device) -> None:
    """Makes sure that an engine of a precision runs on a device.

    Raises:
        ValueError: There is no such precision, or the device or this PyTorch cannot run it.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(map(repr, _PRECISIONS))}, got {precision!r}")
    lacking = _lacks(precision, device)
    if lacking is not None:
        others = ", ".join(map(repr, precisions(device)))
        remedy = f"this machine runs {others}" if others else "use the policy without an engine"
        raise ValueError(f"precision={precision!r} on {device.type} needs {lacking}; {remedy}")


def _lacks(precision: EnginePrecision, device: torch.device) -> str | None:
    """Returns what an engine of this precision lacks here; None if nothing."""
    if device.type == "cuda":
        if precision == "int8":
            return "a CPU"
        return None if precision == "fp32" or torch.cuda.is_bf16_supported() else "a GPU with bf16 arithmetic"
    if device.type != "cpu":
        return "a CPU or a CUDA device"
    if not torch.backends.mkldnn.is_available():
        return "a PyTorch with oneDNN (torch.backends.mkldnn)"
    if precision == "fp32":
        return None
    if platform.machine().lower() not in ("x86_64", "amd64") or "fbgemm" not in torch.backends.quantized.supported_engines:
        return "an x86-64 processor and a PyTorch with FBGEMM"
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "a processor with bf16 instructions (avx512_bf16 or AMX)"
    if precision == "int8" and not torch.cpu._is_vnni_supported():
        return "a processor with int8 instructions (avx512_vnni)"
    return None
