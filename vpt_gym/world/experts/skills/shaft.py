"""Digging without a target: ``Shaft`` straight down, ``Gallery`` straight ahead through the ground."""

from __future__ import annotations

import itertools
import math

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import HARDNESS, LIQUID, SOLID
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.experts.skills.tunnelling import Array, Tunneller

CENTRED = 0.15
"""Greatest distance from the middle of a place at which the player digs down, blocks."""
LOWEST = 3
"""Height below which no shaft is dug, blocks."""
SHORTEST, LONGEST = 3, 9
"""Length of a gallery, blocks."""
DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))
AROUND = ((0, 0), *DIRECTIONS)


def dig_down(pilot: Pilot, x: int, y: int, z: int) -> HumanAction:
    """Goes to the middle of the place (x, y, z), where the player is, and digs the block below it."""
    body = pilot.body
    if not body.is_at((x, y, z), CENTRED):
        pilot.intent = ("centre",)
        return pilot.go(x + 0.5 - body.x, z + 0.5 - body.z, 0.0, False, None)
    pilot.intent = ("dig", x, y - 1, z)
    pitch_off = 90.0 - body.pitch
    slot = pilot.tool_for(block_at(pilot.state, (x, y - 1, z)))
    if body.aims_at((x, y - 1, z)):
        return pilot.wielding(slot, human_action("attack"))
    return pilot.wielding(slot, pilot.look(pitch_off, 0.0, *(("attack",) if body.aims_at_leaves else ())))


def can_be_dug(pilot: Pilot, cell: tuple[int, int, int]) -> bool:
    """Returns whether a cell holds a solid block that can be dug."""
    block = block_at(pilot.state, cell)
    return bool(SOLID[block] and math.isfinite(HARDNESS[block]))


class Shaft:
    """Digs straight down.

    Args:
        depth: Blocks to dig.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.reset()

    def reset(self) -> None:
        """Forgets the shaft."""
        self._floor: int | None = None

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end, or where the ground is too hard or hollow."""
        body = pilot.body
        x, y, z = math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)
        if self._floor is None:
            self._floor = max(LOWEST, y - self._depth)
        if y <= self._floor or body.in_water:
            return None
        if not body.on_ground:
            return human_action()
        hollow = not SOLID[block_at(pilot.state, (x, y - 2, z))]
        if hollow or not can_be_dug(pilot, (x, y - 1, z)):
            return None
        return dig_down(pilot, x, y, z)


class Gallery(Tunneller):
    """Digs a straight way through the ground, level or like stairs.

    Args:
        rng: Source of direction, slope and length.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        super().__init__(None)

    def reset(self) -> None:
        """Forgets the way."""
        super().reset()
        self._is_planned = False

    def _plan(self, pilot: Pilot, here: Array) -> None:
        self._path = self._path[:0]
        if self._is_planned:
            return
        self._is_planned = True
        best: list[tuple[int, int, int]] = []
        for way in self._rng.permutation(12).tolist():
            (dx, dz), rise = DIRECTIONS[way % 4], way // 4 - 1
            path = self._way(pilot, here, dx, dz, rise, int(self._rng.integers(SHORTEST, LONGEST + 1)))
            if self._work(pilot, path) > self._work(pilot, best):
                best = path
        self._path = np.array(best, np.int64).reshape(-1, 3)

    @staticmethod
    def _way(pilot: Pilot, here: Array, dx: int, dz: int, rise: int, length: int) -> list[tuple[int, int, int]]:
        """Returns the places of a way, up to the first step that cannot be dug or walked."""
        x, y, z = (int(c) for c in here)
        path = [(x, y, z)]
        for _ in range(length):
            x, y, z = x + dx, y + rise, z + dz
            body = [(x, y + up, z) for up in (0, 1)] + ([(x - dx, y + 1, z - dz)] if rise > 0 else [])
            body += [(x, y + 2, z)] if rise < 0 else []
            free = all(can_be_dug(pilot, c) or not SOLID[block_at(pilot.state, c)] for c in body)
            wet = any(LIQUID[block_at(pilot.state, (cx + ox, cy, cz + oz))] for cx, cy, cz in body for ox, oz in AROUND)
            if not free or wet or y <= LOWEST or not SOLID[block_at(pilot.state, (x, y - 1, z))]:
                break
            path.append((x, y, z))
        return path

    def _work(self, pilot: Pilot, path: list[tuple[int, int, int]]) -> int:
        """Returns the number of blocks to dig on a way."""
        return sum(len(self._solid(pilot, np.array(a), np.array(b))) for a, b in itertools.pairwise(path))
