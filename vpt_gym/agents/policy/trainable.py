"""Selects which parameters of a network are trained, and counts them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

_NEVER_TRAINED = "*.normalizer.*"
"""Statistics that the published files keep among the parameters."""


@dataclass(frozen=True)
class ParameterCount:
    """The number of parameters of a network.

    Attributes:
        total: All parameters.
        trainable: The parameters that training changes.
        parts: (total, trainable) for each part of the network.
    """

    total: int
    trainable: int
    parts: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {trainable:,} of {total:,}" for name, (total, trainable) in self.parts.items())
        return f"{self.trainable:,} of {self.total:,} parameters are trained ({parts})"


def count_parameters(network: nn.Module) -> ParameterCount:
    """Counts the parameters of a network and of each of its direct parts."""
    parts = {name: _count(part) for name, part in network.named_children()}
    total, trainable = _count(network)
    return ParameterCount(total, trainable, parts)


def _count(network: nn.Module) -> tuple[int, int]:
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def freeze(network: nn.Module, patterns: str | Sequence[str]) -> ParameterCount:
    """Excludes parameters from training.

    Args:
        network: A policy, for example.
        patterns: Names of parameters, with ``*`` and ``?`` as in a shell: ``"net.*"`` is the trunk of a policy,
            ``"net.img_process.*"`` its image network.

    Returns:
        The number of parameters that are trained now.

    Raises:
        ValueError: A pattern matches no parameter; nothing is changed then.
    """
    return _set(network, patterns, False)


def train_last_layers(policy: nn.Module, blocks: int) -> ParameterCount:
    """Trains only the last part of a policy: its last transformer blocks, and what comes after them.

    Args:
        policy: A ``VPTPolicy``.
        blocks: Number of blocks; 0 trains the heads alone and freezes the complete trunk (``net.*``).

    Returns:
        The number of parameters that are trained now.

    Raises:
        ValueError: The policy has fewer blocks; nothing is changed then.
    """
    prefix = "net.recurrent_layer.blocks."
    numbers = {
        int(name[len(prefix) :].split(".")[0]) for name, _ in policy.named_parameters() if name.startswith(prefix)
    }
    if not 0 <= blocks <= len(numbers):
        raise ValueError(f"the policy has {len(numbers)} transformer blocks; the last {blocks} cannot be trained")
    freeze(policy, "net.*")
    if not blocks:
        return count_parameters(policy)
    last = sorted(numbers)[-blocks:]
    return unfreeze(policy, [*(f"{prefix}{number}.*" for number in last), "net.lastlayer.*", "net.final_ln.*"])


def unfreeze(network: nn.Module, patterns: str | Sequence[str] = "*") -> ParameterCount:
    """Includes parameters in training again; see :func:`freeze`. The value head's statistics are never trained."""
    return _set(network, patterns, True)


def _set(network: nn.Module, patterns: str | Sequence[str], trained: bool) -> ParameterCount:
    names = dict(network.named_parameters())
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        matched = {name for name in names if fnmatchcase(name, pattern)}
        if not matched:
            near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.3)
            raise ValueError(f"no parameter matches {pattern!r}; similar names: {', '.join(near) or 'none'}")
        chosen |= matched
    for name in chosen:
        names[name].requires_grad_(trained and not fnmatchcase(name, _NEVER_TRAINED))
    return count_parameters(network)
