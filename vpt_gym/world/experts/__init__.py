"""Scripted players: they record demos, and label the states that a learner visits (DAgger).

``expert`` has the players of tasks, ``play`` the player without one, which turns from one of the ``aims`` to another.
``plans`` and ``survival`` decide what a player does for a task; they combine ``skills``.
Below them are ``control`` (the player's state, camera and walking) and ``navigation`` (path finding). ``clumsiness``
adds the errors of a less skilled player.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
