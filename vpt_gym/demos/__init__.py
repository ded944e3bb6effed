"""Demos: recorded episodes on disk, and as sequences to learn from.

``demo`` reads one. Beside it: ``files`` (the format), ``library`` (checks and figures of a directory), ``dataset``
(sequences for PyTorch) and ``exchange`` (import and export).
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
