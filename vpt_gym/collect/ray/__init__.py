"""Playing episodes on the machines of a Ray cluster. Only ``connect`` and what it calls import Ray."""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
