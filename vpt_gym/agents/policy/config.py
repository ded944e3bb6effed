"""The config of a VPT network: every number that determines its shapes and its mathematics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from vpt_gym.agents.policy.architecture import MOST, REQUIRED, Architecture, is_integer, number
from vpt_gym.system.printable import shown

FRAME_SIZE = 128
"""Height and width of a policy's frame, pixels."""

MOST_ALTERNATIVES = 1 << 20
"""The largest number of alternatives that all entries of an action may have together."""

_SUPPORTED: dict[str, Any] = {
    "attention_mask_style": "clipped_causal",
    "diff_mlp_embedding": False,
    "img_shape": [FRAME_SIZE, FRAME_SIZE, 3],
    "impala_kwargs": {"post_pool_groups": 1},
    "init_norm_kwargs": {"batch_norm": False, "group_norm_groups": 1},
    "only_img_input": True,
    "pointwise_use_activation": False,
    "recurrence_is_residual": True,
    "recurrence_type": "transformer",
    "single_output": False,
    "use_pointwise_layer": True,
    "use_pre_lstm_ln": False,
}
"""Settings of the published description for which this package implements only one value."""


@dataclass(frozen=True, kw_only=True)
class VPTConfig(Architecture):
    """The architecture of a VPT policy.

    The names are those of the published model descriptions (``.model`` files); :meth:`named` has the published
    widths. A network must be trained and run with the same length of memory, so the memory is part of the
    architecture.

    Kept as published, because the published weights depend on it:

    - attention divides its logits by the head size e, not by sqrt(e);
    - the residual of the attention starts at the layer-normed input, not at the input;
    - every frame sees itself and the M - 1 frames before it, with ``M = attention_memory_size - timesteps``
      (:attr:`context`). The published memory has M rows, of which the oldest can never be attended to; this one
      has M - 1;
    - a residual branch of the image network ends in a ReLU, and nothing follows the addition;
    - the width between the two dense layers of the image network is 256 at every scale;
    - the temperature of the action head divides its logits in training as well as in play.

    Not kept: the published code reads ``first`` only at the start of a chunk; this package reads it at every
    frame.

    Attributes:
        hidsize: Width D of the transformer.
        attention_heads: Number of heads; divides ``hidsize``.
        impala_width: Multiplies ``impala_chans`` (rounded down).
        impala_chans: Channels of the three convolutional stacks at width 1.
        n_recurrence_layers: Number of transformer blocks L.
        attention_memory_size: ``timesteps`` + M.
        timesteps: Length of the sequences the network is meant to be trained on. Other lengths give the same
            result; only its difference from ``attention_memory_size`` matters.
        pointwise_ratio: Width of a block's hidden layer, in multiples of ``hidsize``.
        pi_head_temperature: Divides the logits of the action head. It belongs to the weights; users change
            ``Sampling.temperature`` instead.
        stem_pool: Mean-pools the 128×128 frame by this factor before the image network; 1 in every published
            model. A power of two up to 8.
        action_sizes: Number of alternatives of each entry of an action, for a policy with a head for another action
            space (:meth:`VPTPolicy.with_action_space`); None is VPT's head.
        goal_size: Number of values G of a goal, for a policy that acts on goals: 512 in STEVE-1, whose goals are
            embeddings of MineCLIP (``mineclip_embed_dim`` in its description). None is a policy without goals.

    Raises:
        ValueError: A value is out of its range, or the values do not fit together.
    """

    attention_memory_size: int = 256
    action_sizes: tuple[int, ...] | None = None
    goal_size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.context < 1:
            raise ValueError(
                f"attention_memory_size {self.attention_memory_size} must exceed timesteps {self.timesteps}: "
                "their difference is the number of frames that a frame sees"
            )
        if self.action_sizes is not None:
            sizes = self.action_sizes
            if not isinstance(sizes, list | tuple) or not sizes or not all(is_integer(n) and n > 0 for n in sizes):
                raise ValueError(f"action_sizes must be positive integers, got {shown(sizes)}")
            if sum(sizes) > MOST_ALTERNATIVES:
                raise ValueError(
                    f"action_sizes must be at most {MOST_ALTERNATIVES:,} together, got {shown(sizes)}; VPT's head has "
                    "8,762"
                )
            object.__setattr__(self, "action_sizes", tuple(sizes))
        size = self.goal_size
        if size is not None and not (is_integer(size) and 0 < size <= MOST["goal_size"]):
            raise ValueError(
                f"goal_size must be a positive integer, at most {MOST['goal_size']:,}, or None; got {shown(size)}"
            )

    @property
    def context(self) -> int:
        """M: how many frames a frame sees, itself included (128 in the published policies)."""
        return self.attention_memory_size - self.timesteps

    @property
    def memory_length(self) -> int:
        """M - 1: how many past frames the memory keeps (127 in the published policies)."""
        return self.context - 1

    @property
    def head_size(self) -> int:
        """Width e of one attention head (128 in the published policies)."""
        return self.hidsize // self.attention_heads

    @classmethod
    def named(cls, name: str) -> VPTConfig:
        """Returns the config of a named architecture: ``"nano"``, ``"1x"``, ``"2x"`` or ``"3x"``.

        ``1x``, ``2x`` and ``3x`` are OpenAI's published models (71, 248 and 533 million parameters). ``nano``
        is defined by this package (4.6 million): small enough to train on one processor core, with a memory of
        0.8 seconds.

        Raises:
            ValueError: There is no such name.
        """
        if not isinstance(name, str) or name not in NAMED:
            raise ValueError(f"there is no architecture {shown(name)}; there are {', '.join(NAMED)}")
        return NAMED[name]

    @classmethod
    def from_published(cls, policy: Mapping[str, Any], pi_head: Mapping[str, Any]) -> VPTConfig:
        """Makes a config from the published keyword arguments.

        Args:
            policy: Arguments of the policy's network. Settings for which this package implements only one value
                must have that value; unknown ones are ignored, as the published code ignores them.
            pi_head: Arguments of the action head; of these, only ``temperature`` is used (1.0 if absent).

        Raises:
            ValueError: The arguments do not describe a VPT policy.
        """
        if policy.get("conv3d_params") is not None:
            raise ValueError("this describes an inverse dynamics model (it has conv3d_params), not a policy")
        for name, expected in _SUPPORTED.items():
            value = policy.get(name, expected)
            if (list(value) if isinstance(value, tuple) else value) != expected:
                raise ValueError(f"{name}={shown(value)} is not supported: VPT's policies have {expected!r}")
        ours = {"stem_pool", "pi_head_temperature", "action_sizes", "goal_size"}
        own = {field.name for field in fields(cls)} - ours
        missing = sorted(set(REQUIRED) - set(policy))
        if missing:
            raise ValueError(f"the model description lacks {', '.join(missing)}")
        values = {name: policy[name] for name in own & set(policy)}
        return cls(
            **values,
            pi_head_temperature=number("temperature", pi_head.get("temperature", 1.0)),
            goal_size=policy.get("mineclip_embed_dim"),
        )


NAMED: dict[str, VPTConfig] = {
    "nano": VPTConfig(
        hidsize=256,
        attention_heads=4,
        impala_width=1,
        n_recurrence_layers=2,
        attention_memory_size=32,
        timesteps=16,
        stem_pool=2,
    ),
    "1x": VPTConfig(hidsize=1024, attention_heads=8, impala_width=4),
    "2x": VPTConfig(hidsize=2048, attention_heads=16, impala_width=8),
    "3x": VPTConfig(hidsize=3072, attention_heads=24, impala_width=12),
}
"""The named architectures; 1x, 2x and 3x are those of the published weights."""
