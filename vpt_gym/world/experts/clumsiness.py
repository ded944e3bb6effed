"""What makes a player less than perfect: slow reactions, misjudged aims, and slips.

With ``lack = 1 - skill``:

- Whenever it turns to something else (``Pilot.intent`` changes), it does nothing for ``12 * lack * u`` ticks, rounded,
  ``u`` uniform in [0.5, 1.5).
- It then misjudges where to look: in pitch and yaw by normal errors of ``8 * lack`` degrees, which shrink by 15 % a
  tick as it corrects itself.
- In each tick it slips with a chance of ``0.01 * lack``: for 3 to 10 ticks it lets go of all keys, steps back or to a
  side, or lets the view drift.

All draws depend on the player's seed, the world's seed and what has happened in the episode. Skill 1 has none of it.
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
"""What is left of a misjudgement after a tick."""
SLIP_CHANCE = 0.01
SHORTEST_SLIP, LONGEST_SLIP = 3, 10
SLIPS = ((), ("back",), ("left",), ("right",), ("drift",))


class Clumsiness:
    """Turns what a perfect player would do into what one of less skill does.

    Args:
        skill: In (0, 1].
        seed: Of its errors.

    Raises:
        ValueError: ``skill`` is out of its range.
    """

    def __init__(self, skill: float, seed: int | None) -> None:
        if not 0.0 < skill <= 1.0:
            raise ValueError(f"skill is {skill!r}; it must be in (0, 1]: 1 plays as well as it can")
        self._lack = 1.0 - skill
        self._seed = 0 if seed is None else seed
        self.begin(0)

    def begin(self, world_seed: int) -> None:
        """Begins an episode."""
        self._rng = np.random.default_rng([self._seed, world_seed])
        self._intent: tuple[Any, ...] = ()
        self._error = (0.0, 0.0)
        self._pause = 0
        self._slip: tuple[str, ...] = ()
        self._slip_ticks = 0

    def aim_error(self) -> tuple[float, float]:
        """Returns by how many degrees it is wrong about where to look now, (pitch, yaw)."""
        return self._error

    def perturb(self, pilot: Pilot, action: HumanAction) -> HumanAction:
        """Returns what the player does instead of the action of a perfect one."""
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
