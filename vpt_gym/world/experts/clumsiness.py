"""``Clumsiness``: the errors of a player whose skill is below 1: slow reactions, wrong aim, and slips.

With ``lack = 1 - skill``:

- When its intent changes (``Pilot.intent``), the player does nothing for ``12 * lack * u`` ticks, rounded, with ``u``
  uniform in [0.5, 1.5).
- Its aim is then wrong in pitch and yaw by normal errors with a standard deviation of ``8 * lack`` degrees. They shrink
  by 15 % a tick as the player corrects itself.
- In each tick it slips with a chance of ``0.01 * lack``: for 3 to 10 ticks it releases all keys, steps back or to a
  side, or lets the view drift.

The random numbers depend on the player's seed, the world's seed and the episode so far. With a skill of 1 there are no
errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.actions.camera import BIN_DEGREES, NULL_BIN
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.experts.control.pilot import Pilot
from vpt_gym.world.player.screen_layout import CLOSED

DELAY_TICKS = 12.0
AIM_ERROR = 8.0
CORRECTION = 0.85
"""Share of the aim error that is left after a tick."""
SLIP_CHANCE = 0.01
SHORTEST_SLIP, LONGEST_SLIP = 3, 10
SLIPS = ((), ("back",), ("left",), ("right",), ("drift",))


class Clumsiness:
    """Turns the actions of a perfect player into those of a less skilled one.

    Args:
        skill: In (0, 1].
        seed: Seed of the errors.

    Raises:
        ValueError: ``skill`` is not in (0, 1].
    """

    def __init__(self, skill: float, seed: int | None) -> None:
        if not 0.0 < skill <= 1.0:
            raise ValueError(f"skill is {skill!r}; it must be in (0, 1], where 1 makes no errors")
        self._lack = 1.0 - skill
        self._seed = 0 if seed is None else seed
        self.begin(0)

    def begin(self, world_seed: int) -> None:
        """Starts an episode."""
        self._rng = np.random.default_rng([self._seed, world_seed])
        self._intent: tuple[Any, ...] = ()
        self._error = (0.0, 0.0)
        self._pause = 0
        self._slip: tuple[str, ...] = ()
        self._slip_ticks = 0

    def aim_error(self) -> tuple[float, float]:
        """Returns the error of the aim in this tick, (pitch, yaw) degrees."""
        return self._error

    def perturb(self, pilot: Pilot, action: HumanAction) -> HumanAction:
        """Returns the action that the player takes instead of a perfect player's ``action``."""
        if self._lack == 0.0:
            return action
        rng = self._rng
        self._error = self._error[0] * CORRECTION, self._error[1] * CORRECTION
        if pilot.intent != self._intent:
            self._intent = pilot.intent
            self._pause = round(DELAY_TICKS * self._lack * rng.uniform(0.5, 1.5))
            pitch, yaw = rng.normal(0.0, AIM_ERROR * self._lack, 2)
            self._error = float(pitch), float(yaw)
        if self._slip_ticks == 0 and rng.random() < SLIP_CHANCE * self._lack:
            self._slip_ticks = int(rng.integers(SHORTEST_SLIP, LONGEST_SLIP + 1))
            self._slip = SLIPS[int(rng.integers(len(SLIPS)))]
            self._drift = tuple(float(BIN_DEGREES[NULL_BIN + step]) for step in rng.integers(-1, 2, 2))
        if self._slip_ticks > 0:
            self._slip_ticks -= 1
            if self._slip == ("drift",):
                return human_action(camera=(self._drift[0], self._drift[1]))
            return human_action(*(self._slip if pilot.screen == CLOSED else ()))
        if self._pause > 0:
            self._pause -= 1
            return human_action()
        return action
