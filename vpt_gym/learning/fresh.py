"""Policies that start untrained: when their weights are fresh, and what does not go with that."""

from __future__ import annotations

from pathlib import Path

from vpt_gym.agents.policy.config import NAMED


def is_fresh(model: str, weights: str | Path | None = None) -> bool:
    """Returns whether ``load_agent`` makes fresh weights, of a size and without a file of weights.

    The heads of such a policy get the frequencies of the labels before its first update
    (:func:`vpt_gym.learning.initialise.init_action_heads`).

    Args:
        model: As in ``load_agent``.
        weights: As in ``load_agent``.
    """
    return model in NAMED and weights is None


def check_kl_to_start(weight: float, *, fresh: bool, name: str = "train.kl_to_start") -> None:
    """Checks that a policy with fresh heads is not to be kept near its start, which predicts frequencies alone.

    Args:
        weight: Weight of the KL term.
        fresh: Whether the heads that are trained are fresh.
        name: The weight's name among the trainer's options.

    Raises:
        ValueError: They are, and the weight is not 0.
    """
    if weight and fresh:
        raise ValueError(
            f"{name} is {weight:g}; it keeps a policy near the one that it starts from, and this one starts with fresh "
            f"heads, which have learned nothing: give --{name.replace('_', '-')} 0, or start from a trained policy "
            "with heads for these actions (--model)"
        )
