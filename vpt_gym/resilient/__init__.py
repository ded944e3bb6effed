"""``ResilientEnv``: runs an environment in its own process; its crashes and hangs become truncated episodes."""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
