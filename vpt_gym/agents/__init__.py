"""VPT's policies: the network, its checkpoints, and the agent that acts with it.

``agent`` has ``VPTAgent``. Below it are ``policy`` (the network), ``checkpoints`` (its files), ``engine`` (the network
packed for fast acting) and ``idm`` (the inverse dynamics model, which labels videos).
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
