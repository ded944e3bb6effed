"""The least work of a network for one frame (arithmetic and bytes to read), and the peaks of the machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.image_network import DENSE_WIDTH
from vpt_gym.agents.policy.transformer import N_BIAS_FUNCTIONS


@dataclass(frozen=True)
class Cost:
    """The work for one frame of one stream.

    Attributes:
        conv: Multiply-adds of the convolutions.
        dense: Multiply-adds of the dense layers, which is also the number of their weights.
        flat: The part of ``dense`` in the layer after the flattened image features.
        attention: Multiply-adds of attention over a full memory.
        memory: Numbers in the memory of one stream.
    """

    conv: int
    dense: int
    flat: int
    attention: int
    memory: int

    @property
    def flop(self) -> int:
        """The number of floating-point operations."""
        return 2 * (self.conv + self.dense + self.attention)


def cost(config: VPTConfig) -> Cost:
    """Returns the cost of one frame of one stream."""
    size, before, conv = FRAME_SIZE // config.stem_pool, 3, 0
    for channels in config.channels:
        conv += 9 * before * channels * size * size
        size, before = (size + 1) // 2, channels
        conv += 4 * 9 * channels * channels * size * size
    width, heads = config.hidsize, config.attention_heads
    flat = before * size * size * DENSE_WIDTH
    block = (4 + 2 * config.pointwise_ratio) * width * width + N_BIAS_FUNCTIONS * heads * width
    ends = DENSE_WIDTH * width + width * width + (N_BUTTONS + N_CAMERA) * width
    layers = config.n_recurrence_layers
    attention = layers * config.context * (2 * width + N_BIAS_FUNCTIONS * heads)
    return Cost(conv, flat + layers * block + ends, flat, attention, 2 * layers * config.context * width)


def dense_bytes(of: Cost, precision: str, device: str) -> float:
    """Returns the bytes of the dense layers' weights in an engine with this precision."""
    if device == "cuda" or precision != "int8":
        return of.dense * (4 if precision == "fp32" else 2)
    return of.dense - of.flat + 2 * of.flat


@dataclass(frozen=True)
class Peaks:
    """The measured peaks of the machine.

    Attributes:
        conv: Floating-point operations per second of a large convolution, by number type.
        read: Bytes per second read from memory.
    """

    conv: dict[str, float]
    read: float

    def limit_ms(self, of: Cost, precision: str, device: str, streams: int) -> float:
        """Returns the least milliseconds of a tick: convolutions at their peak, then one read of weights and memory."""
        kind = "fp32" if precision == "fp32" else "bf16"
        weights = dense_bytes(of, precision, device) + 4 * of.memory * streams
        return 1e3 * (2 * of.conv * streams / self.conv[kind] + weights / self.read)


def measure_peaks(device: str) -> Peaks:
    """Measures the peaks of a device."""
    frames = 64 if device == "cuda" else 1
    conv = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        x = torch.randn(frames, 128, 64, 64, device=device).to(dtype, memory_format=torch.channels_last)
        weight = torch.randn(128, 128, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
        seconds = _least(lambda x=x, weight=weight: F.conv2d(x, weight, padding=1), device)
        conv[name] = 2 * frames * 9 * 128 * 128 * 64 * 64 / seconds
    large = torch.zeros(1 << (30 if device == "cuda" else 27), device=device)
    return Peaks(conv, large.nbytes / _least(large.sum, device))


def _least(run: object, device: str) -> float:
    assert callable(run)
    times = []
    with torch.inference_mode():
        for _ in range(12):
            start = time.perf_counter()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    return min(times[2:])
