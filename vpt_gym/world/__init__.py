"""The embedded voxel world: a first-person game with Minecraft's physics and MineDojo's observations.

``env`` is the Gymnasium environment (registered as ``vpt_gym/Harvest1Log-v0`` and others). ``malmo`` is a server that
puts the same world under the real MineDojo. ``experts`` are scripted players. Below them are ``game`` (one game),
``tasks`` (starts and rewards), ``interface`` (actions and observations), ``render`` (frames), ``player`` (a tick of the
player), ``creatures``, ``terrain`` (new worlds), ``rules`` (items, digging, crafting), ``core`` (the state, light,
motion), ``catalog`` (blocks, items, recipes) and ``kernels`` (compilation).
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
