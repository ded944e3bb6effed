"""``Shelter``: spends the night in a closed hole in the ground."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import (
    BLOCKS,
    CACTUS,
    COBBLESTONE,
    CRAFTING_TABLE,
    DIRT,
    FURNACE,
    GRASS,
    GRAVEL,
    HARDNESS,
    HEIGHT,
    SAND,
    SOLID,
)
from vpt_gym.world.core.state import HOTBAR_SLOTS
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot, Route
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN, next_waypoint, steps_from
from vpt_gym.world.experts.skills.screen_work import bring_to_hotbar, close_screen
from vpt_gym.world.experts.skills.seeking import GIVE_UP_TICKS
from vpt_gym.world.experts.skills.shaft import dig_down

Array = np.ndarray[Any, Any]

SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))
DEPTH = 3
"""Depth of the hole, blocks: two for the body, one for the lid."""
SOFT = 0.6
"""Greatest hardness (Minecraft's) of ground that is dug by hand."""
AIM_ANGLE = 8.0
SITES = 300
"""Number of nearby places that are checked."""
LID_SLOT = HOTBAR_SLOTS - 2
"""Hotbar slot for the block that closes the hole. The last slot is used for crafted tools."""
LID_BLOCKS = (DIRT, GRASS, SAND, GRAVEL, COBBLESTONE)
SPARE_LID_BLOCKS = tuple(
    block
    for block in range(1, len(BLOCKS))
    if SOLID[block] and block not in (CACTUS, CRAFTING_TABLE, FURNACE, *LID_BLOCKS) and np.isfinite(HARDNESS[block])
)
"""Blocks that close the hole: the usual ones, and others that are used if there is none of those."""


class Shelter:
    """Digs a hole of ``DEPTH`` blocks, closes it, and waits inside."""

    def __init__(self) -> None:
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._route: Route | None = None
        self._refused: list[list[int]] = []

    def is_inside(self, pilot: Pilot) -> bool:
        """Returns whether the player is enclosed."""
        x, y, z = self._cell(pilot)
        return _walls(pilot, x, y, z) == _walls(pilot, x, y + 1, z) == 4 and _solid(pilot, x, y + 2, z)

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if there is no suitable ground nearby."""
        x, y, z = self._cell(pilot)
        below = _walls(pilot, x, y, z) == 4
        deep = below and _walls(pilot, x, y + 1, z) == 4
        if deep and not _solid(pilot, x, y + 2, z) and _sides_of_lid(pilot, x, y + 2, z):
            return self._close(pilot, x, y + 2, z)
        if pilot.screen:
            return close_screen(pilot)
        if self.is_inside(pilot):
            pilot.intent = ("wait",)
            return pilot.look(-pilot.body.pitch, 0.0)
        if not pilot.body.on_ground:
            return human_action() if below else self._go(pilot)
        begun = self._route is None or pilot.body.is_at(self._route.place, 0.5) or below
        if begun and _can_dig(pilot, x, y, z, DEPTH if not below else 1):
            return dig_down(pilot, x, y, z)
        return self._go(pilot)

    @staticmethod
    def _cell(pilot: Pilot) -> tuple[int, int, int]:
        body = pilot.body
        return math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)

    @staticmethod
    def _close(pilot: Pilot, x: int, y: int, z: int) -> HumanAction | None:
        """Places a block above the head, against a side of the hole; None if the player has no block."""
        if not pilot.body.on_ground:
            return human_action()
        slot = pilot.slot_of(LID_BLOCKS)
        slot = pilot.slot_of(SPARE_LID_BLOCKS) if slot < 0 else slot
        if slot < 0:
            return None
        if slot >= HOTBAR_SLOTS:
            return bring_to_hotbar(pilot, slot, LID_SLOT)
        closing = close_screen(pilot)
        if closing is not None:
            return closing
        body = pilot.body
        pilot.intent = ("close", x, y, z)
        offs = [
            (abs(off[1]), off, (x + dx, y, z + dz), 0 if dx > 0 else 1 if dx < 0 else 4 if dz > 0 else 5)
            for dx, dz in _sides_of_lid(pilot, x, y, z)
            for off in [body.angles_to((x + 0.5 + 0.5 * dx, y + 0.5, z + 0.5 + 0.5 * dz))]
        ]
        _, (pitch_off, yaw_off), wall, face = min(offs)
        if body.aims_at(wall) and body.aim_face == face and body.slot == slot:
            return human_action("use") if pilot.has_released_keys() else human_action()
        return pilot.wielding(slot, pilot.look(pitch_off, yaw_off))

    def _go(self, pilot: Pilot) -> HumanAction | None:
        """Walks to a place where a hole can be dug; None if there is none."""
        here, body, blocks = pilot.place(), pilot.body, pilot.state.blocks
        if here is None:
            return pilot.fall()
        if pilot.stuck > GIVE_UP_TICKS and self._route is not None:
            pilot.stuck = 0
            self._refused.append(self._route.place.tolist())
            self._route = None
        if self._route is not None:
            left = next_waypoint(blocks, self._route.place, self._route.field, here, body.x, body.z, False, np.empty(3))
            px, py, pz = self._route.place.tolist()
            if left <= 0 or not _can_dig(pilot, px, py, pz, DEPTH):
                self._route = None
        if self._route is None:
            steps_from(blocks, here, self._steps)
            near = np.argwhere(self._steps >= 0)
            near = near[np.argsort(self._steps[tuple(near.T)], kind="stable")][:SITES]
            for i, j, y in near.tolist():
                x, z = int(here[0]) + i - RADIUS, int(here[2]) + j - RADIUS
                if _can_dig(pilot, x, y, z, DEPTH) and [x, y, z] not in self._refused:
                    self._route = Route(blocks, np.array((x, y, z), np.int64))
                    break
        pilot.intent = ("shelter",)
        return None if self._route is None else pilot.walk(self._route)


def _solid(pilot: Pilot, x: int, y: int, z: int) -> bool:
    return bool(SOLID[block_at(pilot.state, (x, y, z))])


def _sides_of_lid(pilot: Pilot, x: int, y: int, z: int) -> list[tuple[int, int]]:
    """Returns the directions in which a cell has a neighbour that a block can be placed against."""
    beside = {(dx, dz): block_at(pilot.state, (x + dx, y, z + dz)) for dx, dz in SIDES}
    return [side for side, block in beside.items() if SOLID[block] and block not in (CRAFTING_TABLE, FURNACE)]


def _walls(pilot: Pilot, x: int, y: int, z: int) -> int:
    """Returns how many of the four horizontal neighbours of a cell are solid."""
    return sum(_solid(pilot, x + dx, y, z + dz) for dx, dz in SIDES)


def _can_dig(pilot: Pilot, x: int, y: int, z: int, depth: int) -> bool:
    """Returns whether a hole can be dug below a place: soft ground, solid sides and a solid floor."""
    for down in range(1, depth + 1):
        block = block_at(pilot.state, (x, y - down, z))
        if not SOLID[block] or HARDNESS[block] > SOFT or _walls(pilot, x, y - down, z) < 4:
            return False
    return _solid(pilot, x, y - depth - 1, z)
