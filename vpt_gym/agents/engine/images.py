"""The image network, packed for small batches of frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.image_network import ConvStack, ImageNetwork, ImageNorm, NormConv, ResidualBlock, pixel_sums


class PackedConvStacks:
    """The three convolutional stacks, from uint8 frames to flat features.

    In bf16, the first convolution (about 1 % of the arithmetic) and the sums over residual branches stay in float32.
    This halves the divergence from the exact policy and costs a few per cent of the time.

    Args:
        net: Source of the weights.
        config: The architecture.
        dtype: Number type of the convolutions.
        batch_size: The usual number of frames; other numbers work, but may be slower.
    """

    def __init__(self, net: ImageNetwork, config: VPTConfig, dtype: torch.dtype, batch_size: int) -> None:
        self._pool = config.stem_pool
        self._chunk = net.chunk
        frames = min(batch_size, net.chunk)
        self._stacks = []
        size = FRAME_SIZE // config.stem_pool
        scale = 1.0 / (255 * config.stem_pool**2)  # of the pixels, multiplied into the first weights
        for stack in net.cnn.stacks:
            assert isinstance(stack, ConvStack)
            self._stacks.append(_PackedConvStack(stack, frames, size, dtype, scale))
            size, scale = (size + 1) // 2, 1.0
        self.shape = (config.channels[-1], size, size)

    def __call__(self, frames: Tensor) -> Tensor:
        """Maps frames (B, 128, 128, 3) to float32 features (B, H * W * C), the channels last."""
        parts = [frames] if frames.is_cuda else torch.split(frames, self._chunk)
        features = [self._features(part) for part in parts]
        return features[0] if len(features) == 1 else torch.cat(features)

    def _features(self, frames: Tensor) -> Tensor:
        x = pixel_sums(frames, self._pool).float().permute(0, 3, 1, 2)
        for stack in self._stacks:
            x = stack(x)
        return x.permute(0, 2, 3, 1).flatten(1)

    def channels_last(self, over_features: Tensor) -> Tensor:
        """Reorders the last axis of a parameter from the policy's feature order (C, H, W) to (H, W, C)."""
        return torch.unflatten(over_features, -1, self.shape).movedim(-3, -1).flatten(-3).contiguous()


class _PackedConvStack:
    """Maps float32 images to float32 images."""

    def __init__(self, stack: ConvStack, frames: int, size: int, dtype: torch.dtype, scale: float) -> None:
        exact = dtype == torch.float32
        first = stack.firstconv
        self._dtype = torch.float32 if first.norm is None else dtype
        self._norm_in = None if first.norm is None else _Norm(first.norm, size, exact)
        self._conv = _Conv(first, frames, size, self._dtype, relu=False, scale=scale)
        size = (size + 1) // 2
        self._norm = _Norm(stack.n, size, exact)
        self._blocks = []
        for block in stack.blocks:
            assert isinstance(block, ResidualBlock)
            self._blocks.append(_PackedResidual(block, frames, size, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        x = x if self._norm_in is None else self._norm_in(x).to(self._dtype)
        x = F.relu_(F.max_pool2d(self._conv(x), 3, stride=2, padding=1))  # relu and max commute
        x = self._norm(x.float())
        for block in self._blocks:
            x = block(x)
        return x


class _PackedResidual:
    """Adds a residual branch to float32 images, in place."""

    def __init__(self, block: ResidualBlock, frames: int, size: int, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._layers = []
        for layer in (block.conv0, block.conv1):
            assert layer.norm is not None
            norm = _Norm(layer.norm, size, dtype == torch.float32)
            self._layers.append((norm, _Conv(layer, frames, size, dtype, relu=True)))

    def __call__(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in self._layers:
            y = conv(norm(y).to(self._dtype))
        return x.add_(y)


class _Conv:
    """A 3x3 convolution without its norm: oneDNN's with packed weights on a CPU, PyTorch's elsewhere.

    oneDNN chooses the order of the weights by the size of the images; in another order 3x took three times as long.
    """

    def __init__(
        self, layer: NormConv, frames: int, size: int, dtype: torch.dtype, *, relu: bool, scale: float = 1.0
    ) -> None:
        weight = (layer.layer.weight.detach() * scale).to(dtype)
        bias = layer.layer.bias
        self._bias = None if bias is None else bias.detach().clone().to(dtype)
        self._relu = relu
        self._packed = weight.device.type == "cpu"
        if self._packed:
            one = [1, 1]
            images = [frames, weight.shape[1], size, size]
            self._weight = torch.ops.aten.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), one, one, one, 1, images)
        else:
            self._weight = weight.to(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> Tensor:
        if self._packed:
            one, after = [1, 1], "relu" if self._relu else "none"
            y: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, one, one, one, 1, after, [], ""
            )
            return y
        y = F.conv2d(x, self._weight, self._bias, padding=1)
        return F.relu_(y) if self._relu else y


class _Norm:
    """An image norm with the type of its input: PyTorch's group norm, except where that is slow or inexact."""

    def __init__(self, norm: ImageNorm, size: int, exact: bool) -> None:
        weight, bias = norm.weight.detach().clone(), norm.bias.detach().clone()
        self._cuda = weight.is_cuda
        self._shape: list[int] | None = None
        if self._cuda:
            weight, bias = weight[:, None, None], bias[:, None, None]
        elif exact:
            # A layer norm over (H, W, C), for the reason given in ImageNorm; its affine part is expanded once.
            self._shape = [size, size, len(weight)]
            weight, bias = weight.expand(self._shape).contiguous(), bias.expand(self._shape).contiguous()
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        if self._shape is not None:
            y = F.layer_norm(x.permute(0, 2, 3, 1), self._shape, self._weight, self._bias)
            return y.permute(0, 3, 1, 2)
        if not self._cuda:
            return F.group_norm(x, 1, self._weight, self._bias)
        # CUDA's group norm uses one block of threads per image, and needs the channels first.
        y = x.float()
        variance, mean = torch.var_mean(y, (1, 2, 3), correction=0, keepdim=True)
        return torch.addcmul(self._bias, (y - mean) * torch.rsqrt(variance + 1e-5), self._weight).to(x.dtype)
