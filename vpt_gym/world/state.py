"""The state of one world: blocks, player, dropped items, inventory. Everything that an episode's future depends on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, SIDE
from vpt_gym.world.physics import DRAG, GRAVITY

Array = np.ndarray[Any, Any]

PLAYER = np.dtype(
    (
        np.record,
        [
            ("x", "f8"),
            ("y", "f8"),
            ("z", "f8"),
            ("vx", "f8"),
            ("vy", "f8"),
            ("vz", "f8"),
            ("yaw", "f8"),
            ("pitch", "f8"),
            ("dug", "f8"),
            ("on_ground", "i8"),
            ("bumped", "i8"),
            ("sprinting", "i8"),
            ("sneaking", "i8"),
            ("slot", "i8"),
            ("swing", "i8"),
            ("jump_delay", "i8"),
            ("dig_delay", "i8"),
            ("use_delay", "i8"),
            ("aims", "i8"),
            ("aim_x", "i8"),
            ("aim_y", "i8"),
            ("aim_z", "i8"),
            ("aim_face", "i8"),
            ("ticks", "i8"),
        ],
    )
)
"""The player, one record.

``x, y, z``: the middle of the feet, blocks; x and z in [0, SIDE). ``vx, vy, vz``: blocks per tick. ``yaw``: degrees in
[-180, 180), 0 = +z, 90 = -x, growing to the right. ``pitch``: degrees in [-90, 90], + is down. ``dug``: how much of the
aimed block is dug, [0, 1). ``on_ground``, ``bumped`` (hit something sideways in the last tick), ``sprinting``,
``sneaking``, ``aims`` (a block is within reach in the cross-hairs): 0 or 1. ``slot``: selected hotbar slot, 0 to 8.
``swing``: phase of the arm, 0 to 5. ``jump_delay, dig_delay, use_delay``: ticks until the key works again.
``aim_x, aim_y, aim_z, aim_face``: the aimed block and the side that is seen (0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z).
``ticks``: ticks since the start.
"""

ITEM = np.dtype(
    (
        np.record,
        [
            ("x", "f8"),
            ("y", "f8"),
            ("z", "f8"),
            ("vx", "f8"),
            ("vy", "f8"),
            ("vz", "f8"),
            ("block", "i8"),
            ("age", "i8"),
            ("delay", "i8"),
        ],
    )
)
"""An item that lies about: the middle of its bottom, its velocity, its block id (0 = no item), its age and the ticks
until it can be picked up."""

MAX_ITEMS = 32
"""Items that can lie about at once; further drops are lost."""
SLOTS = 36
"""Inventory slots; the first 9 are the hotbar."""
RESTING = -GRAVITY * DRAG
"""Downward speed of a player who stands: one tick of gravity, which the ground stops."""
STACK = 64
"""Items that fit in a slot."""


@dataclass
class WorldState:
    """The whole state of a world. Readers may look at everything; only ``tick`` and ``edit`` write.

    Attributes:
        blocks: (SIDE, SIDE, HEIGHT) uint8, block ids, indexed [x, z, y].
        ground: (SIDE, SIDE) int64, topmost ground block of each column as generated.
        tops: (SIDE, SIDE) uint8, height above which each column is empty.
        squares: (4, SIDE, SIDE, HEIGHT) uint8, see ``fields``.
        player: (1,) of ``PLAYER``.
        items: (MAX_ITEMS,) of ``ITEM``.
        inventory: (SLOTS, 2) int64, (block id, quantity); the block id means nothing where the quantity is 0.
    """

    blocks: Array = field(default_factory=lambda: np.zeros((SIDE, SIDE, HEIGHT), np.uint8))
    ground: Array = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.int64))
    tops: Array = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.uint8))
    squares: Array = field(default_factory=lambda: np.zeros((4, SIDE, SIDE, HEIGHT), np.uint8))
    player: Array = field(default_factory=lambda: np.zeros(1, PLAYER))
    items: Array = field(default_factory=lambda: np.zeros(MAX_ITEMS, ITEM))
    inventory: Array = field(default_factory=lambda: np.zeros((SLOTS, 2), np.int64))

    def place_player(self, x: float, y: float, z: float, yaw: float) -> None:
        """Puts a fresh player with empty hands there, and removes all items that lie about."""
        self.items[:] = np.zeros(1, ITEM)
        self.inventory[:] = 0
        self.player[:] = np.zeros(1, PLAYER)
        player = self.player[0]
        player.x, player.y, player.z, player.yaw = x, y, z, yaw
        player.on_ground, player.vy = 1, RESTING

    def digest(self) -> str:
        """Returns a hash of the state: equal digests, equal futures."""
        sha = hashlib.sha256()
        for part in (self.blocks, self.player, self.items, self.inventory):
            sha.update(part.tobytes())
        return sha.hexdigest()
