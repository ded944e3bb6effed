"""Building: ``Pillar`` under the own feet, ``Wall`` in front, and ``Trail`` of blocks or torches on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import (
    BIRCH_PLANKS,
    COBBLESTONE,
    DIRT,
    GRAVEL,
    OAK_PLANKS,
    SAND,
    SANDSTONE,
    SOLID,
    SPRUCE_PLANKS,
    STONE,
    WOOL,
)
from vpt_gym.world.core.state import HOTBAR_SLOTS
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.screen_work import bring_to_hotbar, close_screen
from vpt_gym.world.experts.skills.stations import Cell, can_place, choose_cell, place_block
from vpt_gym.world.experts.skills.wandering import Wander

BUILDING_BLOCKS = (
    *(DIRT, COBBLESTONE, OAK_PLANKS, BIRCH_PLANKS, SPRUCE_PLANKS),
    *(SAND, GRAVEL, SANDSTONE, STONE, WOOL),
)
BUILDING_SLOT = HOTBAR_SLOTS - 3
"""Hotbar slot for blocks that come from the rest of the inventory."""
STEEP = 3.0
"""Greatest error of a view straight down at which the player jumps, degrees."""
TRIES_TICKS = 40
"""Ticks after which a block that could not be placed is left out."""


def blocks_in_hand(pilot: Pilot, blocks: Sequence[int]) -> HumanAction | int | None:
    """Returns the hotbar slot that holds one of some blocks, or the action that brings them there; None without any."""
    slot = pilot.slot_of(blocks)
    if slot < 0:
        return None
    if slot >= HOTBAR_SLOTS:
        return bring_to_hotbar(pilot, slot, BUILDING_SLOT)
    closing = close_screen(pilot)
    return slot if closing is None else closing


class Pillar:
    """Jumps and places blocks below itself.

    Args:
        height: Height of the pillar, blocks. More than three are too high to step down from.
    """

    def __init__(self, height: int) -> None:
        self._height = height
        self.reset()

    def reset(self) -> None:
        """Forgets the pillar."""
        self._top: int | None = None

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end or without blocks."""
        slot = blocks_in_hand(pilot, BUILDING_BLOCKS)
        if slot is None or not isinstance(slot, int):
            return slot
        body = pilot.body
        x, y, z = math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)
        if self._top is None:
            self._top = y + self._height
        if body.in_water or (y >= self._top and body.on_ground):
            return None
        if any(SOLID[block_at(pilot.state, (x, y + up, z))] for up in (2, 3)):
            return None
        if body.on_ground and not body.is_at((x, y, z), 0.25):
            pilot.intent = ("centre",)
            return pilot.go(x + 0.5 - body.x, z + 0.5 - body.z, 0.0, False, None)
        pilot.intent = ("pillar",)
        pitch_off = 90.0 - body.pitch
        action = pilot.wielding(slot, pilot.look(pitch_off, 0.0))
        if abs(pitch_off) > STEEP or body.slot != slot:
            return action
        if body.on_ground:
            action["jump"] = 1
        elif body.aims and body.aim[1] == y - 2:  # at the height of a jump the cell below is free
            action["use"] = int(pilot.has_released_keys())
        return action


class Wall:
    """Builds a wall of one or two layers across the view.

    Args:
        length: Blocks.
        height: Layers, 1 or 2.
    """

    def __init__(self, length: int, height: int) -> None:
        self._length, self._height = length, height
        self.reset()

    def reset(self) -> None:
        """Forgets the wall."""
        self._cells: list[Cell] | None = None
        self._ticks = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end or without blocks."""
        slot = blocks_in_hand(pilot, BUILDING_BLOCKS)
        if slot is None or not isinstance(slot, int):
            return slot
        if not pilot.body.on_ground:
            return human_action()
        if self._cells is None:
            self._cells = self._plan(pilot)
        while self._cells and (not can_place(pilot, self._cells[0]) or self._ticks > TRIES_TICKS):
            self._cells.pop(0)
            self._ticks = 0
        self._ticks += 1
        return place_block(pilot, slot, self._cells[0] if self._cells else None)

    def _plan(self, pilot: Pilot) -> list[Cell]:
        body = pilot.body
        x, y, z = math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)
        quarter = round(body.yaw / 90.0) % 4
        ahead = ((0, 1), (-1, 0), (0, -1), (1, 0))[quarter]
        middle = x + 2 * ahead[0], z + 2 * ahead[1]
        aside = [n - self._length // 2 for n in range(self._length)]
        row = [(middle[0] - n * ahead[1], middle[1] + n * ahead[0]) for n in aside]
        ground = [next((up for up in (0, -1, 1) if can_place(pilot, (cx, y + up, cz))), 0) for cx, cz in row]
        return [
            (cx, y + up + layer, cz) for layer in range(self._height) for (cx, cz), up in zip(row, ground, strict=True)
        ]


class Trail:
    """Walks about and places a block or a torch on the ground every few steps.

    Args:
        rng: Source of the way and of the ticks between two blocks.
        blocks: Ids of what to place.
        ticks: Least and greatest number of ticks between two blocks.
    """

    def __init__(self, rng: np.random.Generator, blocks: Sequence[int], ticks: tuple[int, int]) -> None:
        self._rng, self._blocks, self._between = rng, blocks, ticks
        self._wander = Wander(rng)
        self.reset()

    def reset(self) -> None:
        """Forgets the way."""
        self._wander.reset()
        self._wait = 0
        self._cell: Cell | None = None
        self._ticks = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None without blocks."""
        slot = blocks_in_hand(pilot, self._blocks)
        if slot is None or not isinstance(slot, int):
            return slot
        if self._cell is not None:
            self._ticks += 1
            if pilot.body.on_ground and can_place(pilot, self._cell) and self._ticks < TRIES_TICKS:
                return place_block(pilot, slot, self._cell)
            self._cell = None
        self._wait -= 1
        if self._wait <= 0 and pilot.body.on_ground:
            self._wait = int(self._rng.integers(*self._between))
            self._cell, self._ticks = choose_cell(pilot), 0
        return self._wander.act(pilot)
