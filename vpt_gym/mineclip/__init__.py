"""MineCLIP: scores how well a video of 16 frames fits a text (Fan et al. 2022, arXiv:2206.08853).

``MineCLIP.from_pretrained`` reads a published checkpoint. ``vpt_gym.wrappers.MineCLIPReward`` turns its scores into
rewards.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
