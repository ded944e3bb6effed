"""The embedded world in place of Minecraft: a server that speaks the MalmoEnv 0.37.0 protocol.

The real ``minedojo`` package runs on it without Java, and so does every other client of that protocol. Start it with
``python -m vpt_gym.world.malmo --port 9000``, or call ``serve``.

From the bottom up: ``mission`` reads the description of an episode, ``commands`` and ``chat`` read the actions of a
tick, ``episode`` plays the mission, and ``report`` writes the info that is sent back. ``connection`` speaks the
protocol with one client, and ``server`` listens for clients.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
