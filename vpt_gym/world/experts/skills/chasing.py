"""``Chaser``: follows a moving creature, to hit it or to use an item on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction
from vpt_gym.world.catalog.creatures import CREATURE_HEIGHT, CREATURE_WIDTH
from vpt_gym.world.core.geometry import EYE_HEIGHT, wrapped
from vpt_gym.world.creatures.paths import in_view
from vpt_gym.world.experts.control.pilot import Pilot, Route
from vpt_gym.world.experts.navigation.targets import TURN_PER_STEP
from vpt_gym.world.experts.navigation.walking import footing, next_waypoint
from vpt_gym.world.experts.skills.seeking import GIVE_UP_TICKS
from vpt_gym.world.player.combat import CHARGE_TICKS

Array = np.ndarray[Any, Any]
CreatureFilter = Callable[[Array], Array]
"""Maps records of ``CREATURE`` to bool of the same shape: which creatures to chase."""

CLOSE = 1.3
"""Distance from the side of a creature at which the player stops, blocks."""
LOOK_FROM = 6.0
"""Distance within which the player looks at the creature, blocks."""
RUN_FROM = 4.0
"""Distance beyond which the player sprints, blocks."""
RUN_ANGLE = 15.0
FACING = 40.0
"""Greatest heading error at which the player walks, degrees."""
SWITCH = 6.0
"""Steps by which another creature must be closer to be chased instead."""
STEPS_AHEAD = 2.0
"""Ticks for which the creature's position is extrapolated."""
REFUSED_TICKS = 200
"""Ticks for which a creature that could not be reached is ignored."""
NEAR, NEAR_ABOVE = 2.5, 2.5
"""If a creature's side is closer than the first, its height differs from the eye's by less than the second, and it can
be seen, the player walks straight up to it; else it searches for a route. Blocks."""
PATIENCE = 40
"""Ticks for which the player tries to reach a creature that is near but out of reach."""
ROUTE_TICKS = 10
"""Ticks after which the route to a creature that has moved is searched again."""


class Chaser:
    """Goes to the nearest creature that passes a filter, and hits it or uses the held item on it.

    Args:
        wanted: The filter.
        key: ``"attack"`` or ``"use"``.
        farthest: Creatures farther away are ignored, blocks.
        hidden: Also chase creatures that are far above or below, or behind a block.
    """

    def __init__(
        self, wanted: CreatureFilter, key: str = "attack", farthest: float = 40.0, hidden: bool = True
    ) -> None:
        self._wanted, self._key, self._farthest, self._hidden = wanted, key, farthest, hidden
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._number = -1
        self._route: Route | None = None
        self._route_until = 0
        self._waited = 0
        self._refused: dict[int, int] = {}

    def choose(self, pilot: Pilot) -> int:
        """Returns the index of the creature to go after, or -1."""
        body, best, cheapest = pilot.body, -1, math.inf
        if body.hurt_ticks > 0:
            self._refused.clear()  # the attacker may be one of those
        creatures = pilot.state.creatures
        alive = (creatures["kind"] > 0) & (creatures["death_ticks"] == 0)
        for k in np.flatnonzero(alive & self._wanted(creatures)).tolist():
            x, y, z = (float(creatures[name][k]) for name in ("x", "y", "z"))
            number = int(creatures["number"][k])
            dx, dz = wrapped(x - body.x), wrapped(z - body.z)
            away = math.hypot(dx, y - body.y, dz)
            if away > self._farthest or self._refused.get(number, 0) > body.ticks:
                continue
            if not (self._hidden or self._is_within_reach(pilot, k)):
                continue
            cost = away + abs(body.angles_to_direction(dx, 0.0, dz)[1]) / TURN_PER_STEP
            cost -= SWITCH if number == self._number else 0.0
            if cost < cheapest:
                best, cheapest = k, cost
        if best >= 0 and int(creatures[best].number) != self._number:
            self._number, self._route, self._waited = int(creatures[best].number), None, 0
        return best

    def distance(self, pilot: Pilot, index: int) -> float:
        """Returns the horizontal distance to the side of a creature, blocks."""
        dx, _, dz = self._offset(pilot, index)
        return math.hypot(dx, dz) - 0.5 * float(CREATURE_WIDTH[pilot.state.creatures[index].kind])

    def act(self, pilot: Pilot, slot: int) -> HumanAction | None:
        """Returns the action of this tick, or None if there is no such creature.

        Args:
            pilot: The player.
            slot: Hotbar slot of the item to hold.
        """
        index = self.choose(pilot)
        if index < 0:
            return None
        body, c = pilot.body, pilot.state.creatures[index]
        if pilot.stuck > GIVE_UP_TICKS:
            pilot.stuck = 0
            self._refused[int(c.number)] = body.ticks + REFUSED_TICKS
            return None
        pilot.intent = ("chase", int(c.number))
        action = self._approach(pilot, index)
        if action is None:
            self._refused[int(c.number)] = body.ticks + REFUSED_TICKS
            return None
        ready = body.aim_creature == index and pilot.has_released_keys() and slot == body.slot
        if ready and self._key == "attack":
            ready = c.hurt_ticks == 0 and body.since_attack + 1.5 >= CHARGE_TICKS[body.held]
        if ready:
            action[self._key] = 1
        elif body.aims_at_leaves and self.distance(pilot, index) < 3.0 and pilot.has_released_keys():
            action["attack"] = 1  # a plant is in the way
        return pilot.wielding(slot, action)

    def _offset(self, pilot: Pilot, index: int) -> tuple[float, float, float]:
        """Returns the offset from the eye to where a creature's middle will be in ``STEPS_AHEAD`` ticks."""
        body, c = pilot.body, pilot.state.creatures[index]
        dx = wrapped(float(c.x) + STEPS_AHEAD * float(c.vx) - body.x)
        dz = wrapped(float(c.z) + STEPS_AHEAD * float(c.vz) - body.z)
        return dx, float(c.y) + 0.6 * float(CREATURE_HEIGHT[c.kind]) - body.y - EYE_HEIGHT, dz

    def _approach(self, pilot: Pilot, index: int) -> HumanAction | None:
        """Goes to a creature; None if it has been near but unreachable for ``PATIENCE`` ticks."""
        body, c = pilot.body, pilot.state.creatures[index]
        offset = self._offset(pilot, index)
        dx, _, dz = offset
        away = self.distance(pilot, index)
        if away > NEAR:
            straight = abs(c.y - body.y) < 1.3 and pilot.can_walk_to(dx, dz)
        else:
            straight = self._is_within_reach(pilot, index)
        if not straight:
            route = self._route_to(pilot, index)
            if route is not None:
                return pilot.walk(route, offset)
        self._waited = 0 if straight or away > NEAR else self._waited + 1
        if self._waited > PATIENCE:
            self._waited = 0
            return None
        pitch_off, yaw_off = body.angles_to_direction(*offset)
        if away > LOOK_FROM:
            pitch_off = -body.pitch
        keys = []
        if away > CLOSE and abs(yaw_off) < FACING:
            keys.append("forward")
            if away > RUN_FROM and abs(yaw_off) < RUN_ANGLE:
                keys.append("sprint")
        if body.in_water or (body.bumped and "forward" in keys):
            keys.append("jump")
        return pilot.look(pitch_off, yaw_off, *keys)

    def _is_within_reach(self, pilot: Pilot, index: int) -> bool:
        """Returns whether a creature could be hit from beside it: not too high or low, and not behind a block."""
        body, c = pilot.body, pilot.state.creatures[index]
        eye = body.y + EYE_HEIGHT
        above = max(float(c.y) - eye, eye - float(c.y) - float(CREATURE_HEIGHT[c.kind]))
        seen = in_view(pilot.state.blocks, body.x, eye, body.z, *self._offset(pilot, index))
        return above < NEAR_ABOVE and bool(seen)

    def _route_to(self, pilot: Pilot, index: int) -> Route | None:
        """Returns a route to a creature, or None if there is none."""
        body, c = pilot.body, pilot.state.creatures[index]
        if self._route is None or body.ticks >= self._route_until:
            place = np.zeros(3, np.int64)
            if not footing(pilot.state.blocks, float(c.x), float(c.y), float(c.z), place):
                return None
            if self._route is None or not np.array_equal(self._route.place, place):
                self._route = Route(pilot.state.blocks, place)
            self._route_until = body.ticks + ROUTE_TICKS
        here = pilot.place()
        if here is None:
            return None
        left = next_waypoint(
            pilot.state.blocks, self._route.place, self._route.field, here, body.x, body.z, False, np.empty(3)
        )
        return self._route if left > 0 else None
