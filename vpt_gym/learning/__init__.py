"""What the training examples share: training loops, losses, rollouts, evaluation, DAgger rounds and metrics."""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
