"""Computes one frame of every stream through the complete network, with packed weights and a ring memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.agents.engine.dense import Dense, PlainDense, WeightType, packed_dense
from vpt_gym.agents.engine.hardware import EnginePrecision
from vpt_gym.agents.engine.images import PackedConvStacks
from vpt_gym.agents.engine.ring_memory import RingMemory
from vpt_gym.agents.policy.heads import ActionHead, CategoricalHead
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import N_BIAS_FUNCTIONS, Block

_Norm: TypeAlias = tuple[tuple[int, ...], Tensor, Tensor, float]

_CPU_WEIGHTS: dict[EnginePrecision, tuple[WeightType, WeightType]] = {
    "fp32": ("fp32", "fp32"),
    "bf16": ("fp16", "fp16"),
    # int8 for the layer over the flattened features would cause a third of the rounding error and save little time
    "int8": ("int8", "fp16"),
}
"""Weight types of the dense layers, and of the one over the flattened image features."""


class _Packer:
    """Packs layers for a device and a precision."""

    def __init__(self, precision: EnginePrecision, device: torch.device, rows: int) -> None:
        self._kinds = _CPU_WEIGHTS[precision]
        self._rows = rows
        self._on_cpu = device.type == "cpu"
        self.dtype = torch.float32 if precision == "fp32" else torch.bfloat16

    def dense(self, weight: Tensor, bias: Tensor | None, *, flat: bool = False) -> Dense:
        weight, bias = weight.detach(), None if bias is None else bias.detach().clone()
        if self._on_cpu:
            return packed_dense(self._kinds[flat], weight, bias, self._rows)
        return PlainDense(weight, bias, self.dtype)


@dataclass(frozen=True)
class _PackedBlock:
    """The parameters of a transformer block; the four layers that read its input are merged into one."""

    norm: _Norm
    qkvr: Dense
    bias_functions: Tensor
    proj: Dense
    mlp_norm: _Norm
    mlp0: Dense
    mlp1: Dense

    @classmethod
    def of(cls, block: Block, pack: _Packer) -> _PackedBlock:
        a = block.r.orc_block
        layers = [a.q_layer, a.k_layer, a.v_layer, a.r_layer]
        weights: list[Tensor] = [x.weight for x in layers]
        biases: list[Tensor] = [x.weight.new_zeros(len(x.weight)) if x.bias is None else x.bias for x in layers]
        return cls(
            norm=_norm(block.pre_r_ln),
            qkvr=pack.dense(torch.cat(weights), torch.cat(biases)),
            bias_functions=a.b_nd.detach().clone(),
            proj=pack.dense(a.proj_layer.weight, a.proj_layer.bias),
            mlp_norm=_norm(block.mlp0.norm),
            mlp0=pack.dense(block.mlp0.layer.weight, None),
            mlp1=pack.dense(block.mlp1.layer.weight, block.mlp1.layer.bias),
        )


class FrameStep:
    """The network for one frame of each stream. It changes only the ring.

    Args:
        policy: Source of the weights; they are packed immediately, and later changes have no effect.
        ring: The memory.
        batch_size: B.
        precision: Number types, as :class:`~vpt_gym.agents.engine.ActingEngine` describes them.
        copies: Rows of the ring for each stream, as there.
    """

    def __init__(
        self, policy: VPTPolicy, ring: RingMemory, batch_size: int, precision: EnginePrecision, copies: int = 1
    ) -> None:
        config, net, head = policy.config, policy.net, policy.pi_head
        pack = _Packer(precision, net.final_ln.weight.device, batch_size)
        self._copies = copies
        self._heads, self._head_size, self._width = config.attention_heads, config.head_size, config.hidsize
        self._ring = ring
        self._stacks = PackedConvStacks(net.img_process, config, pack.dtype, batch_size)
        flat, order = net.img_process.cnn.dense, self._stacks.channels_last
        shape, weight, bias, eps = _norm(flat.norm)
        self._flat_norm = (shape, order(weight), order(bias), eps)
        self._flat = pack.dense(order(flat.layer.weight.detach()), None, flat=True)
        self._image_norm = _norm(net.img_process.linear.norm)
        self._image = pack.dense(net.img_process.linear.layer.weight, None)
        self._goal: tuple[Tensor, Tensor] | None = None
        if config.goal_size is not None:  # not rounded: it is small, and guidance multiplies errors
            layer = net.mineclip_embed_linear
            self._goal = layer.weight.detach().clone(), layer.bias.detach().clone()
        pack = _Packer(precision, net.final_ln.weight.device, copies * batch_size)
        self._blocks = []
        for block in net.recurrent_layer.blocks:
            assert isinstance(block, Block)
            self._blocks.append(_PackedBlock.of(block, pack))
        self._last_norm = _norm(net.lastlayer.norm)
        self._last = pack.dense(net.lastlayer.layer.weight, None)
        self._final_norm = _norm(net.final_ln)
        parts = (head.buttons, head.camera) if isinstance(head, ActionHead) else tuple(head.choices)
        linears = [part.linear_layer for part in parts if isinstance(part, CategoricalHead)]
        self._pi = pack.dense(
            torch.cat([x.weight for x in linears]) / config.pi_head_temperature,
            torch.cat([x.bias for x in linears]) / config.pi_head_temperature,
        )
        self._choices = [x.out_features for x in linears]

    def __call__(self, frames: Tensor, first: Tensor, goal: Tensor | None = None) -> tuple[Tensor, ...]:
        """Runs a tick: frames uint8 (B, 128, 128, 3), ``first`` bool (B,), and goals (copies * B, G) if there are any.

        Returns:
            The latent (copies * B, D), for other heads; the features of the image network, (B, D); then the
            log-probabilities of each choice of the action head, (copies * B, n).
        """
        x = self._flat(F.layer_norm(self._stacks(frames), *self._flat_norm)).relu_()
        features = x = self._image(F.layer_norm(x, *self._image_norm)).relu_()
        if self._copies > 1:
            x, first = x.repeat(self._copies, 1), first.repeat(self._copies)
        if self._goal is not None and goal is not None:
            x = x + F.linear(goal, *self._goal)
        self._ring.advance(first)
        distances = self._ring.distances()
        for index, block in enumerate(self._blocks):
            x = self._attend(index, block, x, distances)
            x = block.mlp1(block.mlp0(F.layer_norm(x, *block.mlp_norm)).relu_()).add_(x)
        x = self._last(F.layer_norm(x.relu_(), *self._last_norm)).relu_()
        latent = F.layer_norm(x, *self._final_norm)
        logits = torch.split(self._pi(latent), self._choices, 1)
        return latent, features, *(part.log_softmax(-1) for part in logits)

    def _attend(self, index: int, block: _PackedBlock, x: Tensor, distances: Tensor) -> Tensor:
        u = F.layer_norm(x, *block.norm)
        out, heads, width = block.qkvr(u), self._heads, self._width
        q, k, v = out[:, : 3 * width].view(-1, 3, heads, self._head_size).unbind(1)
        r = out[:, 3 * width :].view(-1, heads, N_BIAS_FUNCTIONS)
        keys, values = self._ring.write(index, k, v)
        by_slot = block.bias_functions.index_select(1, distances)
        bias = torch.baddbmm(self._ring.mask, r, by_slot.expand(len(x), -1, -1))
        a = F.scaled_dot_product_attention(q[:, :, None], keys, values, bias[:, :, None], scale=1.0 / self._head_size)
        return block.proj(a.reshape(len(x), width)).add_(u)


def _norm(norm: nn.LayerNorm) -> _Norm:
    """Returns the arguments of F.layer_norm after the input."""
    return tuple(norm.normalized_shape), norm.weight.detach().clone(), norm.bias.detach().clone(), norm.eps
