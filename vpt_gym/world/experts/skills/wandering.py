"""``Wander`` and ``LookAround``: walks without a purpose, and looks at this and that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HOTBAR, HumanAction, human_action
from vpt_gym.world.catalog.blocks import HEIGHT
from vpt_gym.world.core.geometry import look_at
from vpt_gym.world.experts.control.body import wrap_degrees
from vpt_gym.world.experts.control.pilot import Pilot, Route
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN, next_waypoint, steps_from

Array = np.ndarray[Any, Any]

SECTORS: tuple[tuple[str, ...], ...] = (
    ("forward",),
    ("forward", "right"),
    ("right",),
    ("back", "right"),
    ("back",),
    ("back", "left"),
    ("left",),
    ("forward", "left"),
)
"""Keys that move the player in eight directions, clockwise from its view, 45 degrees apart."""
FACING = 40.0
"""Greatest heading error at which the player walks if it looks where it goes, degrees."""
MANNERS: dict[str, tuple[float, tuple[str, ...], tuple[float, float]]] = {
    "walk": (0.42, (), (0.0, 0.0)),
    "sprint": (0.24, ("sprint",), (0.0, 0.0)),
    "hop": (0.1, ("sprint", "jump"), (0.0, 0.0)),
    "strafe": (0.15, (), (40.0, 110.0)),
    "back": (0.05, (), (160.0, 180.0)),
    "sneak": (0.04, ("sneak",), (0.0, 30.0)),
}
"""Manners of walking: their shares, the keys held, and the range of the angle between the way and the view, degrees."""
SHORTEST, FARTHEST = 3, 30
"""Range of the number of steps to the next place."""
GLANCE_CHANCE = 0.015
"""Chance in each tick that a glance aside begins."""
PATIENCE = 30
"""Ticks without movement after which another place is chosen."""


class Gaze:
    """A direction to look at for a while.

    Args:
        rng: Source of the direction.
        turn: Greatest turn from the present view, degrees.
    """

    def __init__(self, rng: np.random.Generator, pilot: Pilot, turn: float = 180.0) -> None:
        self.pitch = float(np.clip(rng.normal(8.0, 28.0), -75.0, 85.0))
        self.yaw = wrap_degrees(pilot.body.yaw + float(rng.uniform(-turn, turn)))
        self.ticks = int(rng.integers(8, 35))

    def off(self, pilot: Pilot) -> tuple[float, float]:
        """Returns the turn to it, (pitch, yaw) degrees."""
        return self.pitch - pilot.body.pitch, wrap_degrees(self.yaw - pilot.body.yaw)


class LookAround:
    """Stands and looks in one direction after another, selects hotbar slots, and strikes the air.

    Args:
        rng: Source of the directions.
        ticks: Ticks after which it ends; None = never.
    """

    def __init__(self, rng: np.random.Generator, ticks: int | None = None) -> None:
        self._rng, self._ticks = rng, ticks
        self.reset()

    def reset(self) -> None:
        """Forgets the direction."""
        self._gaze: Gaze | None = None
        self._left = self._ticks

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None at the end."""
        if self._left is not None:
            if self._left <= 0:
                return None
            self._left -= 1
        rng = self._rng
        if self._gaze is None or self._gaze.ticks <= 0:
            self._gaze = Gaze(rng, pilot, 180.0 if rng.random() < 0.3 else 60.0)
            self._held = ("sneak",) if rng.random() < 0.1 else ("attack",) if rng.random() < 0.03 else ()
            pilot.intent = ("look", round(self._gaze.yaw))
            if rng.random() < 0.15:
                return human_action(HOTBAR[int(rng.integers(len(HOTBAR)))])
        self._gaze.ticks -= 1
        return pilot.look(*self._gaze.off(pilot), *self._held)


class Wander:
    """Walks from place to place in changing manners, with glances aside and pauses.

    Args:
        rng: Source of the places and manners.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        self.reset()

    def reset(self) -> None:
        """Forgets the place."""
        self._route: Route | None = None
        self._glance: Gaze | None = None
        self._pause: LookAround | None = None
        self._still = 0
        self._last = (0.0, 0.0)

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if there is nowhere to go."""
        if self._pause is not None:
            action = self._pause.act(pilot)
            if action is not None:
                return action
            self._pause = None
        here = pilot.place()
        if here is None:
            return pilot.fall()
        spot = (pilot.body.x, pilot.body.z)
        self._still = self._still + 1 if math.dist(spot, self._last) < 0.02 else 0
        self._last = spot
        if self._still > PATIENCE:
            self._route, self._still = None, 0
        if self._route is None and not self._choose(pilot, here):
            return None
        route = self._route
        if route is None:
            return None
        left = next_waypoint(
            pilot.state.blocks, route.place, route.field, here, pilot.body.x, pilot.body.z, False, np.empty(3)
        )
        if left <= 0:
            self._route = None
            if self._rng.random() < 0.5:
                self._pause = LookAround(self._rng, int(self._rng.integers(5, 70)))
            return human_action()
        pilot.intent = ("wander", *route.place.tolist())
        return self._walk(pilot, route, here)

    def _choose(self, pilot: Pilot, here: Array) -> bool:
        """Chooses a place and a manner; returns whether there is a place."""
        rng = self._rng
        steps_from(pilot.state.blocks, here, self._steps)
        near = np.argwhere((self._steps >= SHORTEST) & (self._steps <= FARTHEST))
        if not len(near):
            return False
        i, j, y = near[int(rng.integers(len(near)))].tolist()
        self._route = Route(pilot.state.blocks, here + np.array((i - RADIUS, y - here[1], j - RADIUS)))
        shares = np.array([share for share, *_ in MANNERS.values()])
        _, self._keys, turned = tuple(MANNERS.values())[int(rng.choice(len(shares), p=shares / shares.sum()))]
        self._turned = float(rng.uniform(*turned)) * (1.0 if rng.random() < 0.5 else -1.0)
        self._pitch = float(np.clip(rng.normal(5.0, 15.0), -40.0, 60.0))
        self._glance = None
        return True

    def _walk(self, pilot: Pilot, route: Route, here: Array) -> HumanAction:
        body, waypoint = pilot.body, np.zeros(3)
        free = self._still < PATIENCE // 2
        next_waypoint(pilot.state.blocks, route.place, route.field, here, body.x, body.z, free, waypoint)
        dx, dz, rise = waypoint.tolist()
        away = math.hypot(dx, dz)
        way = look_at(dx, 0.0, dz)[0] if away > 0.2 else body.yaw
        if self._glance is None and self._rng.random() < GLANCE_CHANCE:
            self._glance = Gaze(self._rng, pilot, 80.0)
        if self._glance is not None:
            self._glance.ticks -= 1
            pitch_off, yaw_off = self._glance.off(pilot)
            if self._glance.ticks <= 0:
                self._glance = None
        else:
            pitch_off, yaw_off = self._pitch - body.pitch, wrap_degrees(way + self._turned - body.yaw)
        side = wrap_degrees(way - body.yaw)
        facing = self._glance is None and self._turned == 0.0
        pressed: list[str] = []
        if away > 0.1 and not (facing and abs(side) > FACING):
            pressed += ("forward",) if facing else SECTORS[round(side / 45.0) % 8]
            pressed += [key for key in self._keys if key == "sneak" or (key == "sprint" and "forward" in pressed)]
            hops = "jump" in self._keys and "forward" in pressed
            if hops or (rise > 0.0 and away < 1.3) or body.bumped or not free:
                pressed.append("jump")
        if body.in_water and "jump" not in pressed:
            pressed.append("jump")
        return pilot.look(pitch_off, yaw_off, *pressed)
