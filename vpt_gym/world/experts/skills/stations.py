"""``Station``: opens a crafting table or furnace, by going to one nearby or placing one. Also places blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, MASK, SOLID
from vpt_gym.world.core.geometry import EYE_HEIGHT, REACH
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import HOTBAR_SLOTS
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.screen_work import bring_to_hotbar, close_screen
from vpt_gym.world.experts.skills.seeking import Seeker, ids
from vpt_gym.world.player.screen_layout import CLOSED, TABLE_SCREEN
from vpt_gym.world.rules.placing import is_occupied, replaceable

Cell = tuple[int, int, int]

NEARBY = 12
"""Distance within which an existing table or furnace is used, blocks."""
AIM_ANGLE = 3.0
FARTHEST = 3
"""Greatest distance at which a block is placed, columns."""


class Station:
    """Opens the screen of a crafting table or a furnace.

    Args:
        block: Id of the block.
        screen: Its screen (``screen_layout``).
    """

    def __init__(self, block: int = CRAFTING_TABLE, screen: int = TABLE_SCREEN) -> None:
        self._block, self._screen = block, screen
        self._seeker = Seeker(ids(block), ids(), key="use", explores=False)
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._seeker.reset()
        self._cell: Cell | None = None

    def is_near(self, pilot: Pilot) -> bool:
        """Returns whether there is such a block nearby."""
        x, z = math.floor(pilot.body.x), math.floor(pilot.body.z)
        xs, zs = (np.arange(c - NEARBY, c + NEARBY + 1) & MASK for c in (x, z))
        return bool((pilot.state.blocks[np.ix_(xs, zs)] == self._block).any())

    def open(self, pilot: Pilot) -> HumanAction | None:
        """Returns the next action to open the screen, or None if it is open or there is no such block."""
        if pilot.screen == self._screen:
            return None
        if self.is_near(pilot):
            if pilot.screen != CLOSED:
                return close_screen(pilot)
            action = self._seeker.act(pilot)
            if action is not None:
                return action
        return self._place(pilot)

    def _place(self, pilot: Pilot) -> HumanAction | None:
        """Puts the block from the inventory on the ground nearby."""
        slot = pilot.slot_of((self._block,))
        if slot < 0:
            return None
        if slot >= HOTBAR_SLOTS:
            return bring_to_hotbar(pilot, slot, HOTBAR_SLOTS - 1)
        if pilot.screen != CLOSED:
            return close_screen(pilot)
        if not pilot.body.on_ground:
            return human_action()
        return place_block(pilot, slot, self._choose(pilot))

    def _choose(self, pilot: Pilot) -> Cell | None:
        if self._cell is None or not can_place(pilot, self._cell):
            self._cell = choose_cell(pilot)
        return self._cell


def can_place(pilot: Pilot, cell: Cell) -> bool:
    """Returns whether the player can place a block in a cell, on top of the block below, from its position."""
    x, y, z = cell
    world, body = pilot.state.world, pilot.body
    if not replaceable(block_at(pilot.state, cell)) or not SOLID[block_at(pilot.state, (x, y - 1, z))]:
        return False
    if is_occupied(world.player[0], world.creatures, x & MASK, y, z & MASK):
        return False
    dx, dy, dz = body.offset_to((x + 0.5, y - 0.01, z + 0.5))
    length = math.hypot(dx, dy, dz)
    hit = np.zeros(4, np.int64)
    far = pick(world.blocks, body.x, body.y + EYE_HEIGHT, body.z, dx / length, dy / length, dz / length, REACH, hit)
    if far < 0.0 or (hit[0], hit[2]) != (x & MASK, z & MASK):
        return False
    return bool(hit[1] == y or (hit[1] == y - 1 and hit[3] == 3))


def choose_cell(pilot: Pilot) -> Cell | None:
    """Returns the best cell near the player in which a block can be placed, preferably ahead, or None."""
    body = pilot.body
    x, y, z = math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)
    best: Any = None
    for dx in range(-FARTHEST, FARTHEST + 1):
        for dz in range(-FARTHEST, FARTHEST + 1):
            if dx == dz == 0:
                continue
            away = math.hypot(dx, dz)
            yaw_off = abs(body.angles_to_direction(dx, 0.0, dz)[1])
            for dy in (0, -1, 1):
                cost = yaw_off / 20.0 + abs(away - 2.0) + abs(dy)
                cell = (x + dx, y + dy, z + dz)
                if (best is None or cost < best[0]) and can_place(pilot, cell):
                    best = cost, cell
    return None if best is None else best[1]


def place_block(pilot: Pilot, slot: int, cell: Cell | None) -> HumanAction | None:
    """Looks at the ground of a cell and places the block of a hotbar slot there."""
    if cell is None:
        return None
    pilot.intent = ("place", *cell)
    x, y, z = cell
    body = pilot.body
    pitch_off, yaw_off = body.angles_to((x + 0.5, y - 0.01, z + 0.5))
    on_it = body.aims_at(cell) or (body.aims_at((x, y - 1, z)) and body.aim_face == 3)
    if on_it and max(abs(pitch_off), abs(yaw_off)) < 2 * AIM_ANGLE and body.slot == slot:
        return human_action("use") if pilot.has_released_keys() else human_action()
    return pilot.wielding(slot, pilot.look(pitch_off, yaw_off))
