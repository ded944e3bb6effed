"""The network of an inverse dynamics model: maps a window of frames to the actions of its ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.actions.camera import N_BINS
from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.agents.idm.config import KERNEL, IDMConfig
from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.agents.policy.image_network import DENSE_WIDTH, ImpalaCNN, frames_at_a_time, pixel_sums
from vpt_gym.agents.policy.layers import (
    BareLinear,
    NormLinearReLU,
    at_least_float32,
    block_scale,
    scale_rows_,
    scaled_linear,
)
from vpt_gym.agents.policy.transformer import N_BIAS_FUNCTIONS

REACH = KERNEL // 2
"""Number of frames before and after a frame that the convolution over time sees."""


@dataclass(frozen=True)
class FactoredDistribution:
    """A distribution over factored actions; all factors are independent given the video.

    Attributes:
        buttons: (..., 20, 2) log-probabilities of released and held, in the order of ``VPT_BUTTONS``.
        camera: (..., 2, 11) log-probabilities of the camera bins, (pitch, yaw).
    """

    buttons: Tensor
    camera: Tensor

    def log_prob(self, buttons: Tensor, camera: Tensor) -> Tensor:
        """Returns the log-probability (...) of buttons (..., 20) 0/1 and camera bins (..., 2), both int64."""
        held = self.buttons.gather(-1, buttons[..., None])[..., 0]
        moved = self.camera.gather(-1, camera[..., None])[..., 0]
        return held.sum(-1) + moved.sum(-1)

    def mode(self) -> tuple[Tensor, Tensor]:
        """Returns the most probable buttons, int64 (..., 20), and camera bins, int64 (..., 2)."""
        return self.buttons.argmax(-1), self.camera.argmax(-1)


class TemporalConv(nn.Module):
    """A convolution over the time of each pixel, with a bias and a ReLU; the published layer is a 3-D one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv3d(3, channels, (KERNEL, 1, 1))
        scale_rows_(self.layer.weight, 1.0)
        assert self.layer.bias is not None
        nn.init.zeros_(self.layer.bias)

    def forward(self, neighbourhoods: Tensor) -> Tensor:
        """Maps (N, H, W, 15), the colours of each pixel in five frames, to images (N, C, H, W) in channels-last memory.

        It is a matrix product over the last axis, which gives the same result without a change of memory layout.
        """
        out = F.linear(neighbourhoods, self.layer.weight.flatten(1), self.layer.bias)
        return F.relu_(out).permute(0, 3, 1, 2)


class WindowAttention(nn.Module):
    """Attention of every frame of a window to every other, whose residual starts at its own input.

    The names of the parameters are the published ones. ``r_layer`` and ``b_nd`` belong to a policy's bias by distance,
    which has a range of 0 frames in this network, so they have no effect.
    """

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.heads = config.attention_heads
        width = config.hidsize
        scale = block_scale(config.n_recurrence_layers) ** 0.5
        self.b_nd = nn.Parameter(torch.empty(N_BIAS_FUNCTIONS, 0))
        self.q_layer = scaled_linear(width, width, norm=0.1, bias=True)
        self.k_layer = scaled_linear(width, width, norm=0.2, bias=False)
        self.v_layer = scaled_linear(width, width, norm=scale, bias=False)
        self.proj_layer = scaled_linear(width, width, norm=scale, bias=True)
        self.r_layer = scaled_linear(width, N_BIAS_FUNCTIONS * self.heads, norm=0.1, bias=True)

    def forward(self, u_btd: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        q, k, v = (
            torch.unflatten(layer(u_btd), -1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.q_layer, self.k_layer, self.v_layer)
        )
        # 1 / e, not 1 / sqrt(e): the published weights were trained this way.
        a_bhte = F.scaled_dot_product_attention(q, k, v, scale=1.0 / q.shape[-1])
        out: Tensor = u_btd + self.proj_layer(a_bhte.transpose(1, 2).flatten(-2))
        return out


class _Attention(nn.Module):
    """Holds the attention under its published name, ``orc_block``."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.orc_block = WindowAttention(config)


class WindowBlock(nn.Module):
    """One transformer block: layer norm on the residual stream, attention, MLP."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        width, inner = config.hidsize, config.hidsize * config.pointwise_ratio
        self.mlp0 = NormLinearReLU(width, inner, norm=1.0)
        self.mlp1 = BareLinear(inner, width, norm=block_scale(config.n_recurrence_layers))
        self.pre_r_ln = nn.LayerNorm(width)
        self.r = _Attention(config)

    def forward(self, x_btd: Tensor) -> Tensor:
        """Maps (B, T, D) to (B, T, D)."""
        y_btd: Tensor = self.r.orc_block(self.pre_r_ln(x_btd))
        out: Tensor = y_btd + self.mlp1(self.mlp0(y_btd))
        return out


class _Blocks(nn.Module):
    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(WindowBlock(config) for _ in range(config.n_recurrence_layers))


class _ImageProcess(nn.Module):
    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.cnn = ImpalaCNN(config, inputs=config.conv3d_channels, input_norm=True)
        self.linear = NormLinearReLU(DENSE_WIDTH, config.hidsize, norm=1.0)


class _Net(nn.Module):
    """The trunk; its names are those of the published state dict."""

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.img_process = _ImageProcess(config)
        self.recurrent_layer = _Blocks(config)
        self.lastlayer = NormLinearReLU(config.hidsize, config.hidsize, norm=1.0)
        self.final_ln = nn.LayerNorm(config.hidsize)
        self.conv3d_layer = TemporalConv(config.conv3d_channels)


class _FactorHead(nn.Module):
    """A linear layer under its published name, whose output is several distributions."""

    def __init__(self, width: int, factors: int, choices: int, temperature: float) -> None:
        super().__init__()
        self.shape = (factors, choices)
        self.temperature = temperature
        self.linear_layer = nn.Linear(width, factors * choices)

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (..., D) to log-probabilities (..., factors, choices); float32 also for a layer in half precision."""
        logits: Tensor = self.linear_layer(latent)
        return torch.unflatten(at_least_float32(logits) / self.temperature, -1, self.shape).log_softmax(-1)


class _FactoredHead(nn.Module):
    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.buttons = _FactorHead(config.hidsize, len(VPT_BUTTONS), 2, config.pi_head_temperature)
        self.camera = _FactorHead(config.hidsize, 2, N_BINS, config.pi_head_temperature)


class InverseDynamicsModel(nn.Module):
    """An inverse dynamics model, with the published architecture and the published names of its parameters.

    A fresh one is initialised as the published code does.

    Args:
        config: The architecture.

    Attributes:
        net: The trunk (``net.*`` of a weight file).
        pi_head: The factored action head (``pi_head.*``).
        chunk: On a CPU, the largest number of frames that go through the convolutions at once. It does not change
            the results.
    """

    def __init__(self, config: IDMConfig) -> None:
        super().__init__()
        self.config = config
        self.net = _Net(config)
        self.pi_head = _FactoredHead(config)
        self.chunk = frames_at_a_time(config)
        self._conv_dtype: torch.dtype | None = None

    @property
    def precision(self) -> Literal["fp32", "bf16"]:
        """The number type of the convolutions, as :meth:`set_precision` chose it."""
        return "fp32" if self._conv_dtype is None else "bf16"

    def set_precision(self, precision: Literal["fp32", "bf16"]) -> None:
        """Chooses the number type of the convolutions: ``"fp32"`` (exact) or ``"bf16"``; it is not saved.

        Raises:
            ValueError: It is neither of the two.
        """
        if precision not in ("fp32", "bf16"):
            raise ValueError(f'precision must be "fp32" or "bf16", got {precision!r}')
        self._conv_dtype = torch.bfloat16 if precision == "bf16" else None

    def forward(self, frames: Tensor) -> FactoredDistribution:
        """Processes complete windows; the convolution over time sees black around each, as in the published code.

        Args:
            frames: (B, T, 128, 128, 3) uint8, RGB.

        Returns:
            The distribution over the B × T actions; frame t is the one before action t.

        Raises:
            ValueError: The frames have another shape or type.
        """
        return self.interpret(self.features(frames))

    def features(self, frames: Tensor, *, before: int = 0, after: int = 0) -> Tensor:
        """Returns features of each frame and its nearest neighbours, (B, T - before - after, D).

        Args:
            frames: (B, T, 128, 128, 3) uint8, RGB.
            before: Number of frames at the start that only provide context for their neighbours.
            after: The same at the end.

        Raises:
            ValueError: The frames have another shape or type, or no frame is left to label.
        """
        if frames.dtype != torch.uint8 or frames.dim() != 5 or frames.shape[2:] != (FRAME_SIZE, FRAME_SIZE, 3):
            raise ValueError(
                f"frames must be uint8 (B, T, {FRAME_SIZE}, {FRAME_SIZE}, 3), got {frames.dtype} {tuple(frames.shape)}"
            )
        batch, steps = frames.shape[:2]
        if batch == 0 or steps - before - after < 1 or min(before, after) < 0:
            raise ValueError(
                f"of {steps} frames in {batch} windows, {before} + {after} at the ends leave none to label"
            )
        pool = self.config.stem_pool
        sums = torch.unflatten(pixel_sums(frames.flatten(0, 1), pool), 0, (batch, steps))
        seen = F.pad(sums, (0, 0) * 3 + (REACH, REACH)).unfold(1, KERNEL, 1)[:, before : steps - after]
        chunk = self.chunk if frames.device.type == "cpu" else batch * steps
        dtype = self.net.final_ln.weight.dtype
        parts = []
        for part in torch.split(seen.flatten(0, 1).flatten(-2), chunk):
            pixels = part.to(dtype).div_(255 * pool * pool)
            images = self.net.conv3d_layer(pixels)  # it computes differences of frames, so not in a narrow type
            parts.append(self.net.img_process.cnn(images if self._conv_dtype is None else images.to(self._conv_dtype)))
        return torch.unflatten(self.net.img_process.linear(torch.cat(parts)), 0, (batch, -1))

    def interpret(self, features: Tensor) -> FactoredDistribution:
        """Maps the :meth:`features` of windows (B, T, D) to the distribution; the frames of a window see each other."""
        x_btd = features
        for block in self.net.recurrent_layer.blocks:
            x_btd = block(x_btd)
        x_btd = F.relu(x_btd)
        if self.config.use_last_layer:
            x_btd = self.net.lastlayer(x_btd)
        latent = self.net.final_ln(x_btd)
        return FactoredDistribution(buttons=self.pi_head.buttons(latent), camera=self.pi_head.camera(latent))
