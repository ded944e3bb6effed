"""The transformer: blocks of attention over the last M frames, and their memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.layers import BareLinear, NormLinearReLU, block_scale, scaled_linear

N_BIAS_FUNCTIONS = 10
"""Number of functions of the distance that form the relative attention bias."""


@dataclass(frozen=True)
class Memory:
    """The memory of a policy: keys and values of the last M - 1 frames, in every block.

    A policy never changes a memory; it returns a new one, through which gradients flow unless it is detached.

    Attributes:
        keys: (B, L, M - 1, D), chronological, the newest last; before the split into heads.
        values: (B, L, M - 1, D), in the same order.
        valid: (B, M - 1) bool, True where a row belongs to the current episode. Other rows are never attended to.
    """

    keys: Tensor
    values: Tensor
    valid: Tensor

    @property
    def batch_size(self) -> int:
        """B: the number of streams."""
        return self.valid.shape[0]

    def detach(self) -> Memory:
        """Returns the same memory, detached from the graph of gradients."""
        return Memory(self.keys.detach(), self.values.detach(), self.valid)

    def clone(self) -> Memory:
        """Returns a copy that shares no storage."""
        return Memory(self.keys.clone(), self.values.clone(), self.valid.clone())

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Memory:
        """Returns the memory on a device, or with keys and values of another type."""
        return Memory(
            self.keys.to(device=device, dtype=dtype),
            self.values.to(device=device, dtype=dtype),
            self.valid.to(device=device),
        )

    def misfit(self, shape: tuple[int, int, int, int], dtype: torch.dtype | None = None) -> str:
        """Returns which part is not as it must be, and how; empty if all are.

        Args:
            shape: (B, L, M - 1, D).
            dtype: The type of keys and values; None takes all floats.
        """
        for name, part, wanted in (
            ("keys", self.keys, shape),
            ("values", self.values, shape),
            ("valid", self.valid, (shape[0], shape[2])),
        ):
            if tuple(part.shape) != wanted:
                return f"{name} of the shape {wanted} are needed, got {tuple(part.shape)}"
            if name == "valid":
                if part.dtype != torch.bool:
                    return f"valid of the type torch.bool is needed, got {part.dtype}"
            elif part.dtype != dtype if dtype is not None else not part.is_floating_point():
                return f"{name} of the type {dtype or 'float'} are needed, got {part.dtype}"
        return ""

    def index(self, rows: Tensor | slice | list[int]) -> Memory:
        """Returns the memory of some streams: ``rows`` indexes the batch axis."""
        return Memory(self.keys[rows], self.values[rows], self.valid[rows])

    def reset(self, mask: Tensor) -> Memory:
        """Returns a memory that is empty for the streams where ``mask`` (bool (B,)) is True.

        Raises:
            ValueError: The mask has another type or shape.
        """
        if mask.dtype != torch.bool or mask.shape != (self.batch_size,):
            raise ValueError(
                f"mask must be bool ({self.batch_size},), one entry per stream; got {mask.dtype} {tuple(mask.shape)}"
            )
        forget = mask[:, None, None, None]
        return replace(
            self,
            keys=self.keys.masked_fill(forget, 0.0),
            values=self.values.masked_fill(forget, 0.0),
            valid=self.valid & ~mask[:, None],
        )


def visibility(first: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Returns which frames each frame of a chunk sees, and which the next chunk may see.

    Keys are the memory's M - 1 rows followed by the chunk's T frames. A frame sees itself and the M - 1
    keys before it, if they belong to its episode. With M = 3, T = 4 and an episode that begins
    at the third frame::

                    memory   chunk
        first                . . F .
        frame 0     x x      x
        frame 1       x      x x
        frame 2                  x
        frame 3                  x x

    Args:
        first: (B, T) bool, True where a frame is the first of its episode.
        valid: (B, M - 1) bool, the memory's.

    Returns:
        ``visible``, (B, T, M - 1 + T) bool, and the next memory's ``valid``, (B, M - 1) bool.
    """
    steps, past = first.shape[1], valid.shape[1]
    # Episodes are numbered from 0, the episode of the memory; -1 is none.
    episode_bt = first.cumsum(1)
    episode_bs = torch.cat([valid.long() - 1, episode_bt], 1)
    distance_ts = (
        past + torch.arange(steps, device=first.device)[:, None] - torch.arange(past + steps, device=first.device)
    )
    in_reach_ts = (distance_ts >= 0) & (distance_ts <= past)
    visible_bts = (episode_bt[:, :, None] == episode_bs[:, None, :]) & in_reach_ts
    return visible_bts, episode_bs[:, steps:] == episode_bt[:, -1:]


def by_key(by_distance: Tensor) -> Tensor:
    """Rearranges values by distance into values by key, for all frames of a chunk.

    Args:
        by_distance: (..., T, M): entry ``[t, d]`` is for the key d frames before frame t.

    Returns:
        (..., T, M - 1 + T): entry ``[t, M - 1 + t - d]`` is ``by_distance[t, d]``, others are 0.
    """
    steps, context = by_distance.shape[-2:]
    # Each row must be shifted by one place relative to the row above. Padding every row to one more than its final
    # length, flattening, and cutting into rows of the final length does this without indexing.
    padded = F.pad(by_distance.flip(-1), (0, steps)).flatten(-2)
    width = context - 1 + steps
    return torch.unflatten(padded[..., : steps * width], -1, (steps, width))


class RelativeAttention(nn.Module):
    """Attention with a learned bias by distance, whose residual starts at its own input.

    The names of the parameters are the published ones.
    """

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        self.heads = config.attention_heads
        width = config.hidsize
        scale = block_scale(config.n_recurrence_layers) ** 0.5
        self.b_nd = nn.Parameter(torch.empty(N_BIAS_FUNCTIONS, config.context))
        if not self.b_nd.is_meta:  # as in scale_rows_
            nn.init.normal_(self.b_nd, std=0.2)
        self.q_layer = scaled_linear(width, width, norm=0.1, bias=True)
        self.k_layer = scaled_linear(width, width, norm=0.2, bias=False)
        self.v_layer = scaled_linear(width, width, norm=scale, bias=False)
        self.proj_layer = scaled_linear(width, width, norm=scale, bias=True)
        self.r_layer = scaled_linear(width, N_BIAS_FUNCTIONS * self.heads, norm=0.1, bias=True)

    def forward(
        self, u_btd: Tensor, past_keys: Tensor, past_values: Tensor, visible_bts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the output (B, T, D), and the memory's next keys and values (B, M - 1, D)."""
        steps = u_btd.shape[1]
        k_bsd = torch.cat([past_keys, self.k_layer(u_btd)], 1)
        v_bsd = torch.cat([past_values, self.v_layer(u_btd)], 1)
        q_bhte, k_bhse, v_bhse = (self._split(x) for x in (self.q_layer(u_btd), k_bsd, v_bsd))

        r_bthn = torch.unflatten(self.r_layer(u_btd), -1, (self.heads, N_BIAS_FUNCTIONS))
        bias_bhts = by_key((r_bthn @ self.b_nd).transpose(1, 2))
        # 1 / e, not 1 / sqrt(e): the published weights were trained this way.
        logit_bhts = (q_bhte / q_bhte.shape[-1]) @ k_bhse.transpose(-1, -2) + bias_bhts
        weight_bhts = logit_bhts.masked_fill(~visible_bts[:, None], -torch.inf).softmax(-1)
        a_btd = (weight_bhts @ v_bhse).transpose(1, 2).flatten(-2)
        return u_btd + self.proj_layer(a_btd), k_bsd[:, steps:], v_bsd[:, steps:]

    def _split(self, x_btd: Tensor) -> Tensor:
        return torch.unflatten(x_btd, -1, (self.heads, -1)).transpose(1, 2)


class RecurrentAttention(nn.Module):
    """Holds the attention under its published name, ``orc_block``."""

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        self.orc_block = RelativeAttention(config)


class Block(nn.Module):
    """One transformer block: layer norm on the residual stream, attention, MLP."""

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        width, inner = config.hidsize, config.hidsize * config.pointwise_ratio
        self.mlp0 = NormLinearReLU(width, inner, norm=1.0)
        self.mlp1 = BareLinear(inner, width, norm=block_scale(config.n_recurrence_layers))
        self.pre_r_ln = nn.LayerNorm(width)
        self.r = RecurrentAttention(config)

    def forward(
        self, x_btd: Tensor, past_keys: Tensor, past_values: Tensor, visible_bts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the output (B, T, D), and the memory's next keys and values (B, M - 1, D)."""
        y_btd, keys, values = self.r.orc_block(self.pre_r_ln(x_btd), past_keys, past_values, visible_bts)
        return y_btd + self.mlp1(self.mlp0(y_btd)), keys, values


class Transformer(nn.Module):
    """The blocks; reads the memory and returns the next one."""

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_recurrence_layers))

    def forward(self, x_btd: Tensor, first: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Maps (B, T, D) to (B, T, D), and the memory to the next one."""
        visible_bts, valid = visibility(first, memory.valid)
        keys, values = [], []
        for index, block in enumerate(self.blocks):
            x_btd, k, v = block(x_btd, memory.keys[:, index], memory.values[:, index], visible_bts)
            keys.append(k)
            values.append(v)
        return x_btd, Memory(torch.stack(keys, 1), torch.stack(values, 1), valid)
