"""``Body``: a scripted player's view of its own state in one tick, as plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, HEIGHT, IS_LEAVES, MASK, PLANT
from vpt_gym.world.catalog.items import NO_ITEM
from vpt_gym.world.core.geometry import EYE_HEIGHT, look_at, wrapped
from vpt_gym.world.core.state import WorldState

Array = np.ndarray[Any, Any]

ARRIVED = 0.35
"""Distance from the middle of a place at which the player has arrived, blocks."""
CLOSE_DIG_DISTANCE = 1.3
"""A target block in the crosshair closer to the eye than this is dug in any case, blocks."""


def block_at(state: WorldState, cell: Any) -> int:
    """Returns the block id of a cell (x, y, z); it is air above and below the world."""
    x, y, z = (int(c) for c in cell)
    return int(state.blocks[x & MASK, z & MASK, y]) if 0 <= y < HEIGHT else AIR


def wrap_degrees(degrees: float) -> float:
    """Wraps an angle to [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


class Body:
    """The player's record, read once a tick."""

    def __init__(self, state: WorldState) -> None:
        p = state.player[0]
        self.x, self.y, self.z = float(p.x), float(p.y), float(p.z)
        self.yaw, self.pitch = float(p.yaw), float(p.pitch)
        self.ticks, self.keys, self.slot = int(p.ticks), int(p["keys"]), int(p.slot)
        self.on_ground, self.bumped, self.in_water = bool(p.on_ground), bool(p.bumped), bool(p.in_water)
        self.health, self.food = float(p.health), int(p.food)
        self.hurt_ticks, self.since_attack, self.eat_ticks = int(p.hurt_ticks), int(p.since_attack), int(p.eat_ticks)
        self.aims, self.aim_creature, self.aim_face = bool(p.aims), int(p.aim_creature), int(p.aim_face)
        self.aim = int(p.aim_x), int(p.aim_y), int(p.aim_z)
        self.aimed = block_at(state, self.aim) if self.aims else AIR
        self.aims_at_leaves = bool(IS_LEAVES[self.aimed] or PLANT[self.aimed])
        held = state.inventory[self.slot]
        self.held = int(held[0]) if held[1] > 0 else NO_ITEM
        middle = [c + 0.5 for c in self.aim]
        away = math.hypot(wrapped(middle[0] - self.x), middle[1] - self.y - EYE_HEIGHT, wrapped(middle[2] - self.z))
        self.should_dig = self.aims and self.on_ground and (float(p.dug) > 0.0 or away < CLOSE_DIG_DISTANCE)
        """It has started to dig the block in the crosshair, or is close enough that it should."""

    def aims_at(self, block: Any) -> bool:
        """Returns whether a block is in the crosshair."""
        x, y, z = (int(c) for c in block)
        return self.aims and self.aim == (x & MASK, y, z & MASK)

    def angles_to(self, point: Any) -> tuple[float, float]:
        """Returns the turn, (pitch, yaw) degrees, from the view to a point."""
        return self.angles_to_direction(*self.offset_to(point))

    def offset_to(self, point: Any) -> tuple[float, float, float]:
        """Returns the offset of a point from the eye, blocks."""
        return wrapped(float(point[0]) - self.x), float(point[1]) - self.y - EYE_HEIGHT, wrapped(point[2] - self.z)

    def angles_to_direction(self, dx: float, dy: float, dz: float) -> tuple[float, float]:
        """Returns the turn, (pitch, yaw) degrees, from the view to a direction."""
        yaw, pitch = look_at(dx, dy, dz)
        return pitch - self.pitch, wrap_degrees(yaw - self.yaw)

    def unwrapped(self, block: Any) -> Array:
        """Returns a block's coordinates, (3,) int64, moved by the torus' period to be nearest to the player."""
        x = math.floor(self.x + wrapped(block[0] + 0.5 - self.x))
        z = math.floor(self.z + wrapped(block[2] + 0.5 - self.z))
        return np.array((x, block[1], z), np.int64)

    def is_at(self, place: Any, near: float = ARRIVED) -> bool:
        """Returns whether the player is near the middle of a place."""
        aside = max(abs(wrapped(place[0] + 0.5 - self.x)), abs(wrapped(place[2] + 0.5 - self.z)))
        return bool(aside < near and abs(place[1] - self.y) < 0.5)

    def offset_to_item(self, state: WorldState, item: int) -> tuple[float, float, float]:
        """Returns the offset of an item from the feet, blocks."""
        record = state.items[item]
        return wrapped(float(record.x) - self.x), float(record.y) - self.y, wrapped(float(record.z) - self.z)
