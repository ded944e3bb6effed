"""``Swim``: goes to water nearby, swims about in it, and dives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction
from vpt_gym.world.catalog.blocks import AIR, HEIGHT, MASK, SEA_LEVEL, WATER
from vpt_gym.world.core.geometry import look_at, wrapped
from vpt_gym.world.experts.control.body import wrap_degrees
from vpt_gym.world.experts.control.pilot import Pilot, Route
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN, next_waypoint, steps_from

Array = np.ndarray[Any, Any]

SHORE = 3.0
"""Greatest distance from a place on land to the water into which the player jumps, blocks."""
LEAP_TICKS = 40
"""Ticks in which the player must get from the land into the water."""
TURN_CHANCE = 0.02
"""Chance in each tick that the swimmer chooses another goal."""
DIVE_TICKS = 40
DIVE_CHANCE = 0.006
LEAST_AIR = 120
"""Ticks of breath below which the swimmer comes up."""


class Swim:
    """Goes to the nearest water, jumps in, swims from place to place, and dives at times.

    Args:
        rng: Source of the goals.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        self.reset()

    def reset(self) -> None:
        """Forgets the water."""
        self._water: Array | None = None
        self._shore: Route | None = None
        self._goal: tuple[float, float] | None = None
        self._dive = self._leap = 0

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if no water can be reached."""
        if pilot.body.in_water:
            self._shore, self._leap = None, 0
            return self._swim(pilot)
        here = pilot.place()
        if here is None:
            return pilot.fall()
        if self._shore is None and not self._find(pilot, here):
            return None
        shore, water, body = self._shore, self._water, pilot.body
        if shore is None or water is None:
            return None
        dx, dz = wrapped(water[0] + 0.5 - body.x), wrapped(water[2] + 0.5 - body.z)
        pilot.intent = ("swim", *water.tolist())
        if self._leap == 0:
            left = next_waypoint(pilot.state.blocks, shore.place, shore.field, here, body.x, body.z, False, np.empty(3))
            if left > 0:
                return pilot.walk(shore, (dx, float(water[1]) - body.y - 1.0, dz))
            self._leap = LEAP_TICKS
        self._leap -= 1
        if self._leap == 0:
            self._shore = None  # something was in the way
        return pilot.go(dx, dz, 0.0, False, None)

    def _find(self, pilot: Pilot, here: Array) -> bool:
        """Finds the water that is the fewest steps away."""
        blocks = pilot.state.blocks
        steps_from(blocks, here, self._steps)
        x, z = (np.arange(here[a] - RADIUS, here[a] + RADIUS + 1) & MASK for a in (0, 2))
        surface = blocks[np.ix_(x, z)]
        wet = np.argwhere((surface[:, :, SEA_LEVEL] == WATER) & (surface[:, :, SEA_LEVEL + 1] == AIR))
        land = np.argwhere(self._steps >= 0)
        land = land[(land[:, 2] > SEA_LEVEL) & (land[:, 2] <= SEA_LEVEL + 3)]
        if not len(wet) or not len(land):
            return False
        steps = self._steps[tuple(land.T)]
        for k in np.argsort(steps, kind="stable").tolist():
            away = np.hypot(*(wet - land[k, :2]).T)
            n = int(away.argmin())
            if away[n] <= SHORE - 1.0:
                i, j, y = land[k].tolist()
                offset = np.array((here[0] - RADIUS, 0, here[2] - RADIUS))
                self._shore = Route(blocks, offset + np.array((i, y, j)))
                self._water = offset + np.array((wet[n][0], SEA_LEVEL, wet[n][1]))
                return True
        return False

    def _swim(self, pilot: Pilot) -> HumanAction:
        """Swims to a goal on the water, at the surface or below it."""
        body, rng = pilot.body, self._rng
        pilot.intent = ("swim",)
        if self._goal is None or rng.random() < TURN_CHANCE or body.bumped:
            self._goal = self._choose(pilot)
        dx, dz = wrapped(self._goal[0] - body.x), wrapped(self._goal[1] - body.z)
        if math.hypot(dx, dz) < 1.0:
            self._goal = None
        if self._dive == 0 and rng.random() < DIVE_CHANCE:
            self._dive = DIVE_TICKS
        if int(pilot.state.player["air"][0]) < LEAST_AIR:
            self._dive = 0
        self._dive = max(0, self._dive - 1)
        yaw_off = wrap_degrees(look_at(dx, 0.0, dz)[0] - body.yaw)
        pitch_off = (35.0 if self._dive else 5.0) - body.pitch
        pressed = ["forward"] if abs(yaw_off) < 45.0 else []
        if not self._dive:
            pressed.append("jump")
            if abs(yaw_off) < 15.0:
                pressed.append("sprint")
        return pilot.look(pitch_off, yaw_off, *pressed)

    def _choose(self, pilot: Pilot) -> tuple[float, float]:
        """Draws a column of water within eight blocks; the place of the player itself if there is none."""
        body = pilot.body
        for _ in range(30):
            x, z = (math.floor(c) + int(self._rng.integers(-8, 9)) for c in (body.x, body.z))
            if pilot.state.blocks[x & MASK, z & MASK, SEA_LEVEL] == WATER:
                return x + 0.5, z + 0.5
        return body.x, body.z
