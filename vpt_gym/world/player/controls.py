"""What the player does in one tick, whichever action interface it came from."""

from __future__ import annotations

from typing import NamedTuple

ATTACK_KEY, USE_KEY, DROP_KEY, INVENTORY_KEY = 1, 2, 4, 8
"""Bits of ``PLAYER.keys``."""


class Controls(NamedTuple):
    """What the player does in one tick; ``Controls()`` is no input.

    Attributes:
        forward: 1 forward, -1 back, 0 neither.
        strafe: 1 left, -1 right, 0 neither.
        jump: 1 while the key is held, else 0; so are the next five.
        sneak: See ``jump``.
        sprint: See ``jump``.
        attack: See ``jump``.
        use: See ``jump``.
        drop: See ``jump``.
        slot: The hotbar slot to select, 0 to 8; -1 keeps the present one.
        equip: Inventory slot to swap into the hand; -1 = none.
        place: Inventory slot to place a block from; -1 = none.
        destroy: Inventory slot to empty; -1 = none.
        pitch: Turn of the view, degrees; + is down.
        yaw: Turn of the view, degrees; + is right.
        inventory: 1 while the key that opens and closes the inventory screen is held.
        escape: 1 while the key that closes any screen is held.
        craft: What to make at once, an index into ``crafting.CRAFTS``; -1 = nothing.
        opens: 1 if use opens the screens of tables and furnaces.
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

    def with_exact_types(self) -> Controls:
        """Returns these controls as Python's own ints and floats.

        Kernels that take controls are compiled for these types. numba would compile them again for a bool, for a number
        of NumPy, or for degrees that are an int.
        """
        if tuple(map(type, self)) == _TYPES:
            return self
        return Controls._make(kind(value) for kind, value in zip(_TYPES, self, strict=True))


NO_INPUT = Controls()
_TYPES = tuple(map(type, NO_INPUT))
