"""The Hugging Face Hub: cards that describe agents and demos, and uploads (extra ``[hub]``)."""

from __future__ import annotations

from vpt_gym.hub.card import About, Card, SuccessRate
from vpt_gym.hub.upload import UploadError

__all__ = ["About", "Card", "SuccessRate", "UploadError"]
