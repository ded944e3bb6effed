"""Scripted players: they record demos, and label the states that a learner visits (DAgger).

``expert`` has the players. ``plans`` and ``survival`` say what a player does for each task; they are made of the
``skills``. Below them are ``control`` (the player's body, camera and walking) and ``navigation`` (path finding).
``clumsiness`` adds the errors of a less skilled player.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
