"""The image network: VPT's IMPALA residual network, which maps each frame to a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.agents.policy.layers import NormLinearReLU, scale_rows_

DENSE_WIDTH = 256
"""Width between the two dense layers, at every scale of the published models."""

_CHUNK_ACTIVATIONS = 1 << 22
"""Size of the largest activation of a chunk of frames; larger chunks are no faster."""

_RESIDUAL_NORM = (3**0.5 / 2**0.5) ** 0.5
_DENSE_NORM = 1.4


class ImageConfig(Protocol):
    """The settings that the image network reads from a config."""

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels of the three stacks."""

    @property
    def hidsize(self) -> int:
        """Width of the output."""

    @property
    def stem_pool(self) -> int:
        """Factor by which frames are mean-pooled."""


class ImageNorm(nn.Module):
    """Group norm with one group: normalises each image over channels and pixels, then scales each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises images in channels-last memory, shape (N, C, H, W)."""
        if x.dtype == torch.bfloat16:
            if x.device.type == "cpu":
                return F.group_norm(x, 1, self.weight, self.bias)
            return F.group_norm(x, 1, self.weight.to(x.dtype), self.bias.to(x.dtype))  # CUDA takes one type only
        # In this memory order the norm is a layer norm over (H, W, C) whose affine part repeats over the
        # pixels. It is used in float32: PyTorch's group norm for channels-last memory is twice as fast on the
        # CPU, but loses three digits on images of low contrast.
        _, c, h, w = x.shape
        weight, bias = self.weight.expand(h, w, c), self.bias.expand(h, w, c)
        return F.layer_norm(x.permute(0, 2, 3, 1), (h, w, c), weight, bias).permute(0, 3, 1, 2)


class NormConv(nn.Module):
    """A 3×3 convolution, after an image norm; without the norm it has a bias instead.

    The published layer ends in a ReLU, which the caller applies: after a max pooling it costs a quarter.
    """

    def __init__(self, inputs: int, outputs: int, *, norm: float, first: bool = False) -> None:
        super().__init__()
        self.norm = None if first else ImageNorm(inputs)
        self.layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=first)
        scale_rows_(self.layer.weight, norm)
        if self.layer.bias is not None:
            nn.init.zeros_(self.layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to (N, C', H, W); the parameters are converted to the type of the images."""
        if self.norm is not None:
            x = self.norm(x)
        bias = self.layer.bias
        bias = None if bias is None else bias.to(x.dtype)
        return F.conv2d(x, self.layer.weight.to(x.dtype), bias, padding=1)


class ResidualBlock(nn.Module):
    """``x + relu(conv(relu(conv(x))))``: nothing follows the addition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = NormConv(channels, channels, norm=_RESIDUAL_NORM)
        self.conv1 = NormConv(channels, channels, norm=_RESIDUAL_NORM)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to the same shape."""
        return x + F.relu_(self.conv1(F.relu_(self.conv0(x))))


class ConvStack(nn.Module):
    """Convolution, 3×3 max pooling of stride 2, norm, two residual blocks."""

    def __init__(self, inputs: int, outputs: int, *, first: bool) -> None:
        super().__init__()
        self.firstconv = NormConv(inputs, outputs, norm=1.0, first=first)
        self.n = ImageNorm(outputs)
        self.blocks = nn.ModuleList(ResidualBlock(outputs) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to (N, C', H / 2, W / 2), rounded up."""
        # relu and max commute, gradients included
        x = self.n(F.relu_(F.max_pool2d(self.firstconv(x), 3, stride=2, padding=1)))
        for block in self.blocks:
            x = block(x)
        return x


class ImpalaCNN(nn.Module):
    """Three stacks, then a dense layer over the flattened features, in the order (C, H, W).

    Args:
        config: Widths and pooling.
        inputs: Channels of the images.
        input_norm: Use an image norm before the first convolution, as before the others.
    """

    def __init__(self, config: ImageConfig, *, inputs: int = 3, input_norm: bool = False) -> None:
        super().__init__()
        channels = config.channels
        size = FRAME_SIZE // config.stem_pool
        self.stacks = nn.ModuleList()
        for index, (before, after) in enumerate(zip((inputs, *channels), channels, strict=False)):
            self.stacks.append(ConvStack(before, after, first=index == 0 and not input_norm))
            size = (size + 1) // 2
        self.dense = NormLinearReLU(channels[-1] * size * size, DENSE_WIDTH, norm=_DENSE_NORM)

    def flat(self, x: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to the flattened features; the convolutions run in the type of the images."""
        for stack in self.stacks:
            x = stack(x)
        return x.flatten(1).to(self.dense.layer.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Maps images (N, C, H, W) to features (N, 256); the convolutions run in the type of the images."""
        out: Tensor = self.dense(self.flat(x))
        return out


class ImageNetwork(nn.Module):
    """Maps uint8 frames to vectors of the transformer's width.

    Attributes:
        conv_dtype: Number type of the convolutions; None is that of the parameters.
        chunk: On a CPU, the largest number of frames that go through the convolutions at once (twice as many in bf16),
            which keeps the working memory small enough for the caches. It does not change the results.
        checkpointing: In training, do not store the activations of the convolutions; compute them again for the
            gradient.
    """

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.pool = config.stem_pool
        self.conv_dtype: torch.dtype | None = None
        self.chunk = frames_at_a_time(config)
        self.checkpointing = False
        self.cnn = ImpalaCNN(config)
        self.linear = NormLinearReLU(DENSE_WIDTH, config.hidsize, norm=1.0)

    def forward(self, frames: Tensor) -> Tensor:
        """Maps frames, uint8 (N, 128, 128, 3), to features (N, D)."""
        at_once = frames.device.type != "cpu" and not self.checkpointing
        chunk = self.chunk if self.conv_dtype is None else 2 * self.chunk
        parts = [self._flat(part) for part in torch.split(frames, len(frames) if at_once else chunk)]
        # All frames at once: each call adds a gradient that is as large as the weights of this layer.
        out: Tensor = self.linear(self.cnn.dense(parts[0] if len(parts) == 1 else torch.cat(parts)))
        return out

    def _flat(self, frames: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            out: Tensor = checkpoint(lambda part: self.cnn.flat(self._images(part)), frames, use_reentrant=False)
            return out
        return self.cnn.flat(self._images(frames))

    def _images(self, frames: Tensor) -> Tensor:
        """Returns the frames as numbers in [0, 1], (N, 3, H, W) in channels-last memory, mean-pooled."""
        images = pixel_sums(frames, self.pool).to(self.linear.layer.weight.dtype)
        images = images.div_(255 * self.pool * self.pool).permute(0, 3, 1, 2)
        return images if self.conv_dtype is None else images.to(self.conv_dtype)


def frames_at_a_time(config: ImageConfig) -> int:
    """Returns how many frames should go through the convolutions at once on a CPU."""
    return max(1, _CHUNK_ACTIVATIONS // (config.channels[0] * (FRAME_SIZE // config.stem_pool) ** 2))


def pixel_sums(frames: Tensor, pool: int) -> Tensor:
    """Returns the sums over ``pool``×``pool`` pixels of frames, (N, 128, 128, 3) uint8 to (N, H, W, 3) integers."""
    if pool == 1:
        return frames
    # Integer sums are exact, and many times faster than pooling three interleaved channels.
    size = FRAME_SIZE // pool
    rows = frames.reshape(-1, size, pool, FRAME_SIZE * 3).to(torch.int16)
    columns = _sum_of(rows.unbind(2)).view(-1, size, size, pool, 3)
    return _sum_of(columns.unbind(3))


def _sum_of(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total
