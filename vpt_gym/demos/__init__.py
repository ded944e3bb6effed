"""Demos: recorded episodes, on disk and as sequences for training.

``demo`` reads one demo. The subpackages are ``files`` (the format), ``library`` (directories of demos: checks, repair
and statistics), ``dataset`` (sequences for PyTorch) and ``exchange`` (import and export).
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
