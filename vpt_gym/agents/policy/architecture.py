"""The config that policies and inverse dynamics models share: the image network and the widths after it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import printable_name, shown

if TYPE_CHECKING:
    from typing_extensions import Self

REQUIRED = ("hidsize", "attention_heads", "impala_width")
"""Fields without a default; every model description must have them."""

MOST = {
    "hidsize": 1 << 16,
    "attention_heads": 1 << 12,
    "impala_width": 1 << 12,
    "n_recurrence_layers": 1 << 8,
    "timesteps": 1 << 20,
    "attention_memory_size": 1 << 20,
    "pointwise_ratio": 1 << 6,
    "pi_head_temperature": 1e6,
    "conv3d_channels": 1 << 12,
    "goal_size": 1 << 16,
}
"""The largest value of each number: at least 16 times that of any published model. Larger ones are mistakes or
damage, and would take all memory or time before anything else could be checked."""
MOST_CHANNELS = 1 << 13
"""The largest number of channels of a convolutional stack; the published models have up to 512."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The base of :class:`~vpt_gym.agents.policy.config.VPTConfig` and :class:`~vpt_gym.agents.idm.config.IDMConfig`.

    The names are those of the published model descriptions (``.model`` files).

    Attributes:
        hidsize: Width D of the transformer.
        attention_heads: Number of heads; divides ``hidsize``.
        impala_width: Multiplies ``impala_chans`` (rounded down).
        impala_chans: Channels of the three convolutional stacks at width 1.
        n_recurrence_layers: Number of transformer blocks L.
        timesteps: Length of the sequences the network is meant to be trained on.
        pointwise_ratio: Width of a block's hidden layer, in multiples of ``hidsize``.
        pi_head_temperature: Divides the logits of the head, in training as well.
        stem_pool: Mean-pools the 128×128 frame by this factor first; 1 in every published model. A power of two up
            to 8.

    Raises:
        ValueError: A value is out of its range, or the values do not fit together.
    """

    hidsize: int
    attention_heads: int
    impala_width: float
    impala_chans: tuple[int, int, int] = (16, 32, 32)
    n_recurrence_layers: int = 4
    timesteps: int = 128
    pointwise_ratio: int = 4
    pi_head_temperature: float = 2.0
    stem_pool: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):  # their types are the annotations as written
            value = getattr(self, field.name)
            if field.type == "int" and (not is_integer(value) or value < 1):
                raise ValueError(f"{field.name} must be a positive integer, got {shown(value)}")
            number = is_integer(value) or isinstance(value, float)
            if field.type == "float" and not (number and 0 < value < float("inf")):
                raise ValueError(f"{field.name} must be a positive number, got {shown(value)}")
            if field.type in ("int", "float") and field.name in MOST and value > MOST[field.name]:
                raise ValueError(f"{field.name} must be at most {MOST[field.name]:,}, got {shown(value)}")
        if not isinstance(self.impala_chans, list | tuple) or len(self.impala_chans) != 3:
            raise ValueError(f"impala_chans must be three integers, got {shown(self.impala_chans)}")
        object.__setattr__(self, "impala_chans", tuple(self.impala_chans))
        if not all(is_integer(c) for c in self.impala_chans):
            raise ValueError(f"impala_chans must be three integers, got {shown(self.impala_chans)}")
        if max(self.impala_chans) > MOST_CHANNELS or max(self.channels) > MOST_CHANNELS:
            raise ValueError(
                f"impala_chans {shown(self.impala_chans)} at width {self.impala_width} gives a stack more than "
                f"{MOST_CHANNELS:,} channels"
            )
        if min(self.channels) < 1:
            raise ValueError(
                f"impala_chans {shown(self.impala_chans)} at width {self.impala_width} leaves a stack without channels"
            )
        if self.hidsize % self.attention_heads:
            raise ValueError(f"hidsize {self.hidsize} is not a multiple of attention_heads {self.attention_heads}")
        if self.stem_pool not in (1, 2, 4, 8):
            raise ValueError(f"stem_pool must be 1, 2, 4 or 8, got {shown(self.stem_pool)}")

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels of the three convolutional stacks."""
        first, second, third = (int(self.impala_width * c) for c in self.impala_chans)
        return first, second, third

    def to_json(self) -> str:
        """Returns the config as a JSON object; :meth:`from_json` is its inverse."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Makes a config from the text that :meth:`to_json` returned.

        Raises:
            ValueError: The text is not a JSON object, a field is unknown or missing, or a value is out of range.
        """
        values: Any = parse_json(text)
        if not isinstance(values, dict):
            raise ValueError(f"a config is a JSON object, got {type(values).__name__}")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            names = ", ".join(map(printable_name, unknown[:5]))
            raise ValueError(f"unknown config fields: {names}; known are {', '.join(sorted(known))}")
        if missing := sorted(set(REQUIRED) - set(values)):
            raise ValueError(f"the config lacks {', '.join(missing)}")
        return cls(**values)


def is_integer(value: object) -> bool:
    """Returns whether a value of a description is an integer, not True or False."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(name: str, value: object) -> float:
    """Returns a number of a published description.

    Raises:
        ValueError: It is no number.
    """
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be a number, got {shown(value)}") from error
