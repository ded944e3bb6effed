"""The config of an inverse dynamics model (IDM): every number that determines its shapes and its mathematics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpt_gym.agents.policy.architecture import REQUIRED, Architecture, number
from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.printable import shown

KERNEL = 5
"""Number of frames that the temporal convolution sees: two before a frame, the frame, two after it."""

_SUPPORTED: dict[str, Any] = {
    "attention_mask_style": "none",
    "impala_kwargs": {"post_pool_groups": 1},
    "init_norm_kwargs": {"batch_norm": False, "group_norm_groups": 1},
    "only_img_input": True,
    "pointwise_use_activation": False,
    "recurrence_is_residual": True,
    "recurrence_type": "transformer",
    "single_output": True,
    "use_pointwise_layer": True,
    "use_pre_lstm_ln": False,
}
"""Settings of the published description for which this package implements only one value."""


@checks_flags
@dataclass(frozen=True, kw_only=True)
class IDMConfig(Architecture):
    """The architecture of an inverse dynamics model, which infers from a video the player's action in each tick.

    The names are those of the published model description (``4x_idm.model``). Differences from a policy: a convolution
    over time comes first, every frame of a window sees every other (there is no mask, no memory and no position), and
    the head is factored into 20 buttons and two camera axes.

    Attributes:
        hidsize: Width D of the transformer.
        attention_heads: Number of heads; divides ``hidsize``.
        impala_width: Multiplies ``impala_chans`` (rounded down).
        impala_chans: Channels of the three convolutional stacks at width 1.
        conv3d_channels: Output channels of the convolution over time.
        n_recurrence_layers: Number of transformer blocks L.
        timesteps: Frames in a window, the length it was trained on. The parameters do not depend on it.
        pointwise_ratio: Width of a block's hidden layer, in multiples of ``hidsize``.
        pi_head_temperature: Divides the logits of the head, in training as well.
        use_last_layer: Pass the transformer's output through ``lastlayer``, as a policy does. The published code
            computes that layer and discards its result, which corresponds to False, the default. The weights of the
            layer exist in either case.
        stem_pool: Mean-pools the 128×128 frame by this factor first; 1 in the published model. A power of two up to 8.

    Raises:
        ValueError: A value is out of its range, or the values do not fit together.
    """

    conv3d_channels: int = 128
    n_recurrence_layers: int = 2
    pi_head_temperature: float = 4.0
    use_last_layer: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.timesteps < 2 * KERNEL:
            raise ValueError(
                f"timesteps is {self.timesteps}; a window needs at least {2 * KERNEL} frames, since the convolution "
                "over time sees beyond the outer ones"
            )

    @classmethod
    def named(cls, name: str) -> IDMConfig:
        """Returns the config of a named architecture: ``"nano"``, ``"tiny"`` or ``"4x"``.

        ``4x`` is OpenAI's published model (482 million parameters). ``nano`` is this package's own: small enough to
        be trained on one processor core. ``tiny`` is for tests.

        Raises:
            ValueError: There is no such name.
        """
        if not isinstance(name, str) or name not in NAMED:
            raise ValueError(f"no inverse dynamics model is called {shown(name)}; there are {', '.join(NAMED)}")
        return NAMED[name]

    @classmethod
    def from_published(cls, net: Mapping[str, Any], pi_head: Mapping[str, Any]) -> IDMConfig:
        """Makes a config from the published keyword arguments.

        Args:
            net: Arguments of the network. Settings for which this package implements only one value must have that
                value; unknown ones are ignored, as the published code ignores them.
            pi_head: Arguments of the action head; of these, only ``temperature`` is used (1.0 if absent).

        Raises:
            ValueError: The arguments do not describe an inverse dynamics model.
        """
        conv3d = net.get("conv3d_params")
        if conv3d is None:
            raise ValueError(
                "this describes a policy (it has no conv3d_params), not an inverse dynamics model: use VPTAgent"
            )
        missing = sorted({*REQUIRED, "timesteps"} - set(net))
        if missing:
            raise ValueError(f"the model description lacks {', '.join(missing)}")
        channels: Any = conv3d.get("outchan") if isinstance(conv3d, Mapping) else None
        expected = {
            **_SUPPORTED,
            "attention_memory_size": net["timesteps"],  # the difference would be a memory
            "conv3d_params": {
                "inchan": 3,
                "outchan": channels,
                "kernel_size": [KERNEL, 1, 1],
                "padding": [KERNEL // 2, 0, 0],
            },
            "img_shape": [FRAME_SIZE, FRAME_SIZE, channels],
        }
        for name, value in expected.items():
            if _plain(net.get(name, value)) != value:
                raise ValueError(
                    f"{name}={shown(net[name])} is not supported: VPT's inverse dynamics model has {shown(value)}"
                )
        own = {"hidsize", "attention_heads", "impala_width", "impala_chans", "n_recurrence_layers", "timesteps"}
        values = {name: net[name] for name in (own | {"pointwise_ratio"}) & set(net)}
        return cls(
            **values,
            conv3d_channels=channels,
            pi_head_temperature=number("temperature", pi_head.get("temperature", 1.0)),
        )


def _plain(value: Any) -> Any:
    """Returns a value with its tuples as lists, as the published descriptions hold either."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


NAMED: dict[str, IDMConfig] = {
    "nano": IDMConfig(
        hidsize=256,
        attention_heads=4,
        impala_width=1,
        impala_chans=(24, 32, 32),
        conv3d_channels=16,
        timesteps=32,
        pi_head_temperature=1.0,
        use_last_layer=True,
        stem_pool=4,
    ),
    "tiny": IDMConfig(hidsize=32, attention_heads=4, impala_width=1, conv3d_channels=8, timesteps=24),
    "4x": IDMConfig(hidsize=4096, attention_heads=32, impala_width=16),
}
"""The named architectures; 4x is that of the published weights."""
