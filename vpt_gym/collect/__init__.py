"""Plays episodes: one agent in many environments, scripted experts, and parallel recording of demos."""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
