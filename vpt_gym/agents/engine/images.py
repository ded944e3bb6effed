"""The image network, packed for frames that come one or a few at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vpt_gym.agents.cnn import ImageNet, ImageNorm, NormConv, ResidualBlock, Stack, pixel_sums
from vpt_gym.agents.engine.dense import Dense


class _Conv:
    """A 3x3 convolution without its norm: packed for oneDNN on a CPU, channels-last elsewhere."""

    def __init__(self, conv: NormConv, dtype: torch.dtype, *, relu: bool, scale: float = 1.0) -> None:
        weight = (conv.layer.weight.detach() * scale).to(dtype)
        bias = conv.layer.bias
        self._bias = None if bias is None else bias.detach().to(dtype)
        self._relu = relu
        self._packed = weight.device.type == "cpu"
        if self._packed:
            one = [1, 1]
            self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), one, one, one, 1)
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
    """An image norm; in float32 it is a layer norm over (H, W, C), as ``ImageNorm`` explains."""

    def __init__(self, norm: ImageNorm, size: int, dtype: torch.dtype) -> None:
        weight, bias = norm.weight.detach(), norm.bias.detach()
        if dtype == torch.float32:
            shape = (size, size, len(weight))
            weight, bias = weight.expand(shape).contiguous(), bias.expand(shape).contiguous()
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype == torch.float32:
            shape = list(self._weight.shape)
            return F.layer_norm(x.permute(0, 2, 3, 1), shape, self._weight, self._bias).permute(0, 3, 1, 2)
        return F.group_norm(x, 1, self._weight, self._bias)


class _Residual:
    def __init__(self, block: ResidualBlock, size: int, dtype: torch.dtype) -> None:
        assert block.conv0.norm is not None
        assert block.conv1.norm is not None
        self._norms = _Norm(block.conv0.norm, size, dtype), _Norm(block.conv1.norm, size, dtype)
        self._convs = _Conv(block.conv0, dtype, relu=True), _Conv(block.conv1, dtype, relu=True)

    def __call__(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self._norms, self._convs, strict=True):
            y = conv(norm(y))
        return y.add_(x)


class _Stack:
    def __init__(self, stack: Stack, size: int, dtype: torch.dtype, scale: float) -> None:
        norm = stack.firstconv.norm
        self._input_norm = None if norm is None else _Norm(norm, size, dtype)
        self._conv = _Conv(stack.firstconv, dtype, relu=False, scale=scale)
        size = (size + 1) // 2
        self._norm = _Norm(stack.n, size, dtype)
        self._blocks = [_Residual(block, size, dtype) for block in stack.blocks]

    def __call__(self, x: Tensor) -> Tensor:
        x = x if self._input_norm is None else self._input_norm(x)
        # relu and max commute
        x = self._norm(F.relu_(F.max_pool2d(self._conv(x), 3, stride=2, padding=1)))
        for block in self._blocks:
            x = block(x)
        return x
