"""Actions: the human action, the VPT code, and the translators to what an environment takes.

``encode``, ``decode`` and ``canonical`` convert between human actions and VPT codes; ``translator_for`` finds the
``Translator`` for an environment's action space.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
