"""What a scripted player knows about its own body: the state's record as plain numbers, and what it aims at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.blocks import AIR, HEIGHT, IS_LEAVES, IS_LOG, MASK, PLANT
from vpt_gym.world.physics import EYE_HEIGHT, look_at, wrapped
from vpt_gym.world.state import WorldState

Array = np.ndarray[Any, Any]

ARRIVED = 0.35
"""Near enough to the middle of a place, blocks."""
ARM = 1.3
"""A log in the cross-hairs whose middle is this near to the eye is dug whatever the plan, blocks."""


def block_at(state: WorldState, cell: Any) -> int:
    """Returns the block id of a cell (x, y, z), air above and below the world."""
    x, y, z = (int(c) for c in cell)
    return int(state.blocks[x & MASK, z & MASK, y]) if 0 <= y < HEIGHT else AIR


def is_log_item(item: int) -> bool:
    """Tells whether an item id is that of a log."""
    return bool(item < len(IS_LOG) and IS_LOG[item])


def angle(degrees: float) -> float:
    """Returns an angle in [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


class Body:
    """The player's record as plain numbers, read once a tick."""

    def __init__(self, state: WorldState) -> None:
        p = state.player
        self.x, self.y, self.z = float(p["x"][0]), float(p["y"][0]), float(p["z"][0])
        self.yaw, self.pitch = float(p["yaw"][0]), float(p["pitch"][0])
        self.ticks = int(p["ticks"][0])
        self.on_ground, self.bumped = bool(p["on_ground"][0]), bool(p["bumped"][0])
        self.aims = bool(p["aims"][0])
        self.aim = tuple(int(p[name][0]) for name in ("aim_x", "aim_y", "aim_z"))
        kind = block_at(state, self.aim) if self.aims else AIR
        self.aims_at_leaves = bool(IS_LEAVES[kind] or PLANT[kind])
        self.in_water = bool(p["in_water"][0])
        middle = [c + 0.5 for c in self.aim]
        away = math.hypot(wrapped(middle[0] - self.x), middle[1] - self.y - EYE_HEIGHT, wrapped(middle[2] - self.z))
        begun = float(p["dug"][0]) > 0.0
        self.digs_log = bool(IS_LOG[kind]) and self.on_ground and (begun or away < ARM)

    def aims_at(self, block: Any) -> bool:
        """Tells whether this block is in the cross-hairs."""
        x, y, z = (int(c) for c in block)
        return self.aims and self.aim == (x & MASK, y, z & MASK)

    def off(self, point: Any) -> tuple[float, float]:
        """Returns how far the view is off a point, (pitch, yaw) degrees."""
        dx, dz = wrapped(float(point[0]) - self.x), wrapped(float(point[2]) - self.z)
        yaw, pitch = look_at(dx, float(point[1]) - self.y - EYE_HEIGHT, dz)
        return pitch - self.pitch, angle(yaw - self.yaw)

    def nearby(self, block: Array) -> Array:
        """Returns a block's coordinates on the player's side of the torus' seam."""
        x = math.floor(self.x + wrapped(block[0] + 0.5 - self.x))
        z = math.floor(self.z + wrapped(block[2] + 0.5 - self.z))
        return np.array((x, block[1], z), np.int64)

    def is_at(self, place: Array) -> bool:
        """Tells whether the player stands near the middle of a place."""
        aside = max(abs(wrapped(place[0] + 0.5 - self.x)), abs(wrapped(place[2] + 0.5 - self.z)))
        return bool(aside < ARRIVED and abs(place[1] - self.y) < 0.5)

    def to_item(self, state: WorldState, item: int) -> tuple[float, float, float]:
        """Returns the offset of an item from the feet."""
        record = state.items[item]
        return wrapped(float(record.x) - self.x), float(record.y) - self.y, wrapped(float(record.z) - self.z)
