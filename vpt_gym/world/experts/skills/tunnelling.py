"""``Tunneller``: digs a way to a block inside the ground, or out of a hole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import BLOCKS, SIDE, SOLID
from vpt_gym.world.catalog.items import NO_ITEM
from vpt_gym.world.core.geometry import wrapped
from vpt_gym.world.core.state import HOTBAR_SLOTS
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot, Route
from vpt_gym.world.experts.navigation.tunnels import AHEAD, NOT_TO_DIG, PATH, UP, find_tunnel
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN
from vpt_gym.world.experts.skills.seeking import GIVE_UP_TICKS, ON_TARGET, ids
from vpt_gym.world.rules.digging import DIG_DELAY, dig_rate

Array = np.ndarray[Any, Any]

AIM_TICKS = 6
"""Ticks to aim at the next block."""
IN_THE_WAY = 1.5
"""Aim error below which another block in the crosshair must be in the way, degrees."""
WAIT_TICKS = 40
"""Ticks to wait after a failed search before the next one."""


def dig_ticks(pilot: Pilot) -> Array:
    """Returns (256,) int64: about how many ticks each kind of block takes with the best tool in the hotbar."""
    hotbar = pilot.state.inventory[:HOTBAR_SLOTS].tolist()
    items = {NO_ITEM, *(item for item, count, _ in hotbar if count > 0)}
    ticks = np.full(256, NOT_TO_DIG, np.int64)
    for block in range(1, len(BLOCKS)):
        rate = max(dig_rate(block, item) for item in items)
        if rate > 0.0:
            ticks[block] = math.ceil(1.0 / rate) + DIG_DELAY + AIM_TICKS
    return ticks


def _apart(places: Array, other: Array) -> Array:
    """Returns the offsets of places (..., 3) from another one, the shortest around the torus."""
    offsets: Array = places - other
    offsets[..., ::2] = (offsets[..., ::2] + SIDE // 2) % SIDE - SIDE // 2
    return offsets


class Tunneller:
    """Walks and tunnels to the nearest block of some kinds and digs it, or tunnels into the open.

    Args:
        blocks: (256,) bool, by block id: the target blocks. None: get out under the open sky.
    """

    def __init__(self, blocks: Array | None) -> None:
        self._blocks = ids() if blocks is None else blocks
        self._outside = blocks is None
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._path: Array = np.zeros((0, 3), np.int64)
        self._route: Route | None = None
        self._search_again = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if there is no way (or the player is already in the open)."""
        here = pilot.place()
        if here is None:
            return pilot.fall()
        if pilot.stuck > GIVE_UP_TICKS:
            pilot.stuck = 0
            self._path = self._path[:0]
        step = self._step(pilot, here)
        if step < 0:
            self._plan(pilot, here)
            step = self._step(pilot, here)
            if step < 0:
                return None
        if self._route is not None:
            pilot.intent = ("walk",)
            return pilot.walk(self._route)
        return self._advance(pilot, self._path[step], self._path[step + 1])

    def _step(self, pilot: Pilot, here: Array) -> int:
        """Returns the index of the path's place at which the player is, or -1 if a new search is needed."""
        path = self._path
        if len(path) < 2:
            return -1
        last = self._solid(pilot, path[-2], path[-1])
        if not self._outside and not any(self._blocks[block_at(pilot.state, cell)] for cell in last):
            return -1
        if self._route is not None:
            if _apart(here, self._route.place).any():
                i, _, j = _apart(here, self._route.place) + RADIUS
                inside = min(i, j) >= 0 and max(i, j) < SPAN
                return 0 if inside and self._route.field[i, j, here[1]] >= 0 else -1
            self._route = None
        at = np.flatnonzero(~_apart(path[:-1], here).any(axis=1))
        return int(at[-1]) if len(at) else -1

    def _plan(self, pilot: Pilot, here: Array) -> None:
        self._path, self._route = self._path[:0], None
        if pilot.body.ticks < self._search_again:
            return
        path = np.zeros((PATH, 3), np.int64)
        state = pilot.state
        length = find_tunnel(state.blocks, state.tops, self._blocks, dig_ticks(pilot), self._outside, here, path)
        self._path = path[:length]
        if length == 0:
            self._search_again = pilot.body.ticks + WAIT_TICKS
            return
        walked = 0
        while walked < length - 1 and not self._solid(pilot, path[walked], path[walked + 1]):
            walked += 1
        if walked > 1:
            self._route = Route(state.blocks, path[walked])

    @staticmethod
    def _solid(pilot: Pilot, place: Array, to: Array) -> list[tuple[int, int, int]]:
        """Returns the solid cells that block a step, in the order in which they are dug."""
        x, y, z = place.tolist()
        nx, ny, nz = to.tolist()
        if (nx != x and nz != z) or not -1 <= ny - y <= 1:
            return []
        rise = 1 - (ny - y)
        cells = [
            (nx if a else x, y + up, nz if a else z) for a, up in zip(AHEAD[rise], UP[rise], strict=True) if up != 9
        ]
        return [cell for cell in cells if SOLID[block_at(pilot.state, cell)]]

    def _advance(self, pilot: Pilot, place: Array, to: Array) -> HumanAction:
        """Digs the cells that block a step, then takes the step."""
        body = pilot.body
        solid = self._solid(pilot, place, to)
        if not solid:
            pilot.intent = ("walk",)
            dx, dz = wrapped(to[0] + 0.5 - body.x), wrapped(to[2] + 0.5 - body.z)
            return pilot.go(dx, dz, float(to[1] - place[1]), False, None)
        if not body.is_at(place):
            dx, dz = wrapped(place[0] + 0.5 - body.x), wrapped(place[2] + 0.5 - body.z)
            return pilot.go(dx, dz, 0.0, False, None)
        cell = solid[0]
        pilot.intent = ("dig", *cell)
        x, y, z = cell
        pitch_off, yaw_off = body.angles_to((x + 0.5, y + 0.5, z + 0.5))
        if (x, z) == (place[0], place[2]):  # overhead, any heading is right, so keep that of the step
            yaw_off = body.angles_to((to[0] + 0.5, y + 0.5, to[2] + 0.5))[1]
        off = max(abs(pitch_off), abs(yaw_off))
        aimed = body.aims_at(cell)
        hindered = body.aims and not aimed and off < IN_THE_WAY
        slot = pilot.tool_for(body.aimed if hindered else block_at(pilot.state, cell))
        if aimed and off < 3 * ON_TARGET:
            return pilot.wielding(slot, human_action("attack"))
        keys = ("attack",) if aimed or hindered else ()
        return pilot.wielding(slot, pilot.look(pitch_off, yaw_off, *keys))
