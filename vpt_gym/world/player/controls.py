"""What the player does in one tick, after an action interface has been resolved."""

from __future__ import annotations

from typing import NamedTuple

ATTACK_KEY, USE_KEY, DROP_KEY, INVENTORY_KEY = 1, 2, 4, 8
"""Bits of ``PLAYER.keys``."""


class Controls(NamedTuple):
    """What the player does in one tick, after an action interface has been resolved.

    ``forward`` is 1 forward, -1 back; ``strafe`` 1 left, -1 right; the keys are 0 or 1; ``slot`` selects a hotbar slot
    (-1 = keep); ``equip``, ``place`` and ``destroy`` act on an inventory slot (-1 = none): swap it into the hand, place
    a block from it, empty it; ``pitch`` and ``yaw`` turn the view, degrees, + is down and right. ``inventory`` opens
    and closes the inventory screen, ``escape`` closes any screen; ``craft`` makes something at once, an index into
    ``crafting.CRAFTS`` (-1 = nothing); ``opens``: use opens the screens of tables and furnaces.
    """

    forward: int = 0
    strafe: int = 0
    jump: int = 0
    sneak: int = 0
    sprint: int = 0
    attack: int = 0
    use: int = 0
    drop: int = 0
    slot: int = -1
    equip: int = -1
    place: int = -1
    destroy: int = -1
    pitch: float = 0.0
    yaw: float = 0.0
    inventory: int = 0
    escape: int = 0
    craft: int = -1
    opens: int = 1
