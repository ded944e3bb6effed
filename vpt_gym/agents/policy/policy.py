"""The VPT policy: maps frames and a memory to a distribution over VPT codes and a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import gymnasium as gym
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.actions.choices import action_sizes
from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.heads import ActionHead, ChoicesHead, Distribution, ValueHead
from vpt_gym.agents.policy.image_network import ImageNetwork
from vpt_gym.agents.policy.layers import NormLinearReLU
from vpt_gym.agents.policy.transformer import Memory, Transformer
from vpt_gym.system.flags import checks_flags

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class PolicyOutput:
    """The output of a policy for a chunk of frames.

    Attributes:
        pi: The distribution over actions; its shapes begin with (B, T). A VPT head gives an
            ``ActionDistribution`` over VPT codes.
        value: (B, T), normalised; ``policy.value_head.denormalise(value)`` is the expected return.
        memory: The memory after the last frame.
        latent: (B, T, D), the state that both heads read: the frame and what memory holds of those before it.
    """

    pi: Distribution
    value: Tensor
    memory: Memory
    latent: Tensor


class _Net(nn.Module):
    """The trunk; its names are those of the published state dict."""

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        self.img_process = ImageNetwork(config)
        self.recurrent_layer = Transformer(config)
        self.lastlayer = NormLinearReLU(config.hidsize, config.hidsize, norm=1.0)
        self.final_ln = nn.LayerNorm(config.hidsize)
        if config.goal_size is not None:
            self.mineclip_embed_linear = nn.Linear(config.goal_size, config.hidsize)  # STEVE-1's name

    def forward(
        self, frames: Tensor, first: Tensor, memory: Memory, goal: Tensor | None = None
    ) -> tuple[Tensor, Memory]:
        is_image = frames.dim() == 5
        x_btd = torch.unflatten(self.img_process(frames.flatten(0, 1)), 0, first.shape) if is_image else frames
        if goal is not None:
            x_btd = x_btd + self.mineclip_embed_linear(goal)
        x_btd, memory = self.recurrent_layer(x_btd, first, memory)
        return self.final_ln(self.lastlayer(F.relu(x_btd))), memory


def _action_head(config: VPTConfig) -> ActionHead | ChoicesHead:
    if config.action_sizes is None:
        return ActionHead(config.hidsize, config.pi_head_temperature)
    return ChoicesHead(config.hidsize, config.action_sizes, config.pi_head_temperature)


class VPTPolicy(nn.Module):
    """A VPT policy network, with the published architecture and the published names of its parameters.

    A fresh one is initialised as the published code does; :mod:`vpt_gym.agents.checkpoints.policy` loads weights.

    With ``config.goal_size`` it is conditioned on goals as STEVE-1 is (Lifshitz et al. 2023, arXiv:2306.00937): one
    affine layer maps a goal to the width D, and the result is added to the features of the frame.

    Args:
        config: The architecture.

    Attributes:
        net: The trunk (``net.*`` of a weight file).
        value_head: Value and normalisation of returns (``value_head.*``).
        pi_head: The action head (``pi_head.*``): VPT's, or that of another action space (:meth:`with_action_space`).
    """

    def __init__(self, config: VPTConfig) -> None:
        super().__init__()
        self.config = config
        self.net = _Net(config)
        self.value_head = ValueHead(config.hidsize)
        self.pi_head = _action_head(config)

    def with_action_space(self, space: gym.Space[Any]) -> VPTPolicy:
        """Returns a policy with a fresh head for another action space, on the same trunk and value head.

        The trunk is shared, not copied: training one policy trains the other, unless the trunk is frozen
        (``trainable.freeze``).

        Args:
            space: ``Discrete``, ``MultiDiscrete`` or ``MultiBinary``; its entries become independent choices.

        Raises:
            ValueError: The space is of another type.
        """
        config = replace(self.config, action_sizes=action_sizes(space))
        with torch.device("meta"):
            other = VPTPolicy(config)
        other.net, other.value_head = self.net, self.value_head
        like = self.net.final_ln.weight
        other.pi_head = _action_head(config).to(device=like.device, dtype=like.dtype)
        return other.train(self.training)

    def with_goals(self, size: int) -> VPTPolicy:
        """Returns a policy that also takes goals, and without one acts as this policy does, until it is trained.

        The weights are shared, not copied. Those of the new layer are zero.

        Args:
            size: G, floats of a goal.

        Raises:
            ValueError: The policy takes goals already, or the size is no positive integer.
        """
        if self.config.goal_size is not None:
            raise ValueError(f"this policy takes goals already (its config has goal_size {self.config.goal_size})")
        with torch.device("meta"):
            other = VPTPolicy(replace(self.config, goal_size=size))
        like = self.net.final_ln.weight
        layer = nn.Linear(size, self.config.hidsize, device=like.device, dtype=like.dtype)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        for name, module in self.net.named_children():
            setattr(other.net, name, module)
        other.net.mineclip_embed_linear = layer
        other.value_head, other.pi_head = self.value_head, self.pi_head
        return other.train(self.training)

    def initial_memory(self, batch_size: int) -> Memory:
        """Returns the empty memory of ``batch_size`` streams before their first frame."""
        config, like = self.config, self.net.final_ln.weight
        shape = (batch_size, config.n_recurrence_layers, config.memory_length, config.hidsize)
        return Memory(
            keys=like.new_zeros(shape),
            values=like.new_zeros(shape),
            valid=torch.zeros(batch_size, config.memory_length, dtype=torch.bool, device=like.device),
        )

    @property
    def device(self) -> torch.device:
        """The device of the parameters, which inputs must be on."""
        return self.net.final_ln.weight.device

    @property
    def precision(self) -> Precision:
        """The number type of the convolutions, as :meth:`set_precision` chose it; ``"fp32"`` is that of the weights."""
        return "fp32" if self.net.img_process.conv_dtype is None else "bf16"

    def set_precision(self, precision: Precision) -> None:
        """Chooses the number type of the convolutions: ``"fp32"`` (exact) or ``"bf16"``.

        On a CPU with bf16 instructions (measured with avx512_bf16), ``nano`` trains 1.5 times as fast in bf16 and
        acts in batches 1.3 times as fast; on a processor without them bf16 may be slower than fp32.

        Parameters, dense layers, attention and heads keep the type of the parameters. The setting is not saved.

        Raises:
            ValueError: The precision is neither of the two.
        """
        if precision not in ("fp32", "bf16"):
            raise ValueError(f'precision must be "fp32" or "bf16", got {precision!r}')
        self.net.img_process.conv_dtype = torch.bfloat16 if precision == "bf16" else None

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether training computes the convolutions twice instead of storing their activations.

        It can be set. These activations are nearly all of the memory that a sequence needs; without them a training
        step takes about a third longer.
        """
        return self.net.img_process.checkpointing

    @gradient_checkpointing.setter
    @checks_flags
    def gradient_checkpointing(self, wanted: bool) -> None:
        self.net.img_process.checkpointing = wanted

    def encode(self, frames: Tensor) -> Tensor:
        """Returns the image network's features of frames (N, 128, 128, 3), (N, D); :meth:`forward` accepts them."""
        features: Tensor = self.net.img_process(frames)
        return features

    def forward(
        self, frames: Tensor, first: Tensor, memory: Memory | None = None, goal: Tensor | None = None
    ) -> PolicyOutput:
        """Processes a chunk of T frames for each of B streams.

        The results do not depend on how a stream is divided into chunks, up to rounding.

        Args:
            frames: (B, T, 128, 128, 3) uint8, RGB; or (B, T, D), the features that :meth:`encode` returns.
            first: (B, T) bool, True where a frame is the first of its episode; nothing before it is seen.
            memory: The memory after the frame before the chunk; None is :meth:`initial_memory`.
            goal: For a policy with goals: (B, T, G) floats, one for each frame, or (B, G), one for each stream. None is
                no goal, which is a goal of zeros: the layer's bias is still added, as in STEVE-1's training.

        Raises:
            ValueError: A shape or type is wrong, the memory is of another architecture, or there is a goal and the
                policy has no layer for one.
        """
        width, dtype = self.config.hidsize, self.net.final_ln.weight.dtype
        images = frames.dtype == torch.uint8 and frames.shape[2:] == (FRAME_SIZE, FRAME_SIZE, 3)
        if not images and (frames.dtype != dtype or frames.dim() != 3 or frames.shape[2] != width):
            raise ValueError(
                f"frames must be uint8 (B, T, {FRAME_SIZE}, {FRAME_SIZE}, 3), or features {str(dtype)[6:]} (B, T, "
                f"{width}); got {frames.dtype} {tuple(frames.shape)}"
            )
        if first.dtype != torch.bool or first.shape != frames.shape[:2]:
            raise ValueError(
                f"first must be bool {tuple(frames.shape[:2])} like the frames, got {first.dtype} {tuple(first.shape)}"
            )
        if 0 in first.shape:
            raise ValueError(f"there must be at least one stream and one frame, got (B, T) = {tuple(first.shape)}")
        if memory is None:
            memory = self.initial_memory(frames.shape[0])
        else:
            self._check_memory(memory, frames.shape[0])
        latent, memory = self.net(frames, first, memory, self._goal_btg(goal, first))
        return PolicyOutput(self.pi_head(latent), self.value_head(latent), memory, latent)

    def _goal_btg(self, goal: Tensor | None, first: Tensor) -> Tensor | None:
        """Returns goals that broadcast to (B, T, G); None for a policy without goals."""
        size, like = self.config.goal_size, self.net.final_ln.weight
        if size is None:
            if goal is not None:
                raise ValueError("this policy has no layer for goals (its config has goal_size None); leave goal out")
            return None
        if goal is None:
            return like.new_zeros(1, 1, size)
        shapes = (*first.shape, size), (first.shape[0], size)
        if not goal.is_floating_point() or goal.shape not in shapes:
            raise ValueError(
                f"goal must be floats {shapes[0]}, or {shapes[1]} for one goal a stream; got "
                f"{goal.dtype} {tuple(goal.shape)}"
            )
        goal = goal.to(like.dtype)
        return goal if goal.dim() == 3 else goal[:, None]

    def _check_memory(self, memory: Memory, batch_size: int) -> None:
        config = self.config
        expected = (batch_size, config.n_recurrence_layers, config.memory_length, config.hidsize)
        if misfit := memory.misfit(expected, self.net.final_ln.weight.dtype):
            raise ValueError(
                f"this memory does not fit the policy and the frames: {misfit}. Use the memory that "
                "this policy returned for the same streams, or initial_memory()"
            )
