"""``CameraMotor``: turns the view, or moves the cursor, by VPT's eleven camera bins with a smooth start and stop."""

from __future__ import annotations

import numpy as np

from vpt_gym.actions.camera import BIN_DEGREES, NULL_BIN
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.experts.control.body import Body, wrap_degrees
from vpt_gym.world.player.screen_layout import CLOSED
from vpt_gym.world.player.screens import DEGREES_PER_PIXEL

EASE = 0.6
"""Share of the remaining turn that is made in one tick."""
MAX_ACCELERATION = 2
"""Camera bins by which a movement can grow from one tick to the next."""
DEAD_BAND = 1.0
"""Error below which the view does not move, degrees."""


class CameraMotor:
    """Turns the view, or moves the cursor of an open screen, smoothly.

    Attributes:
        aim_error: (pitch, yaw) degrees that are added to every turn; see ``clumsiness``.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the last view."""
        self.aim_error = (0.0, 0.0)
        self._last: tuple[int, bool, float, float] | None = None
        self._turned = (0.0, 0.0)

    def observe(self, state: WorldState, body: Body) -> None:
        """Measures how far the view, or the cursor, moved in the last tick."""
        screen = state.screen[0]
        on_screen = bool(screen.open != CLOSED)
        if on_screen:
            view = float(screen.cursor_y) * DEGREES_PER_PIXEL, float(screen.cursor_x) * DEGREES_PER_PIXEL
        else:
            view = body.pitch, body.yaw
        self._turned = (0.0, 0.0)
        if self._last is not None and self._last[:2] == (body.ticks - 1, on_screen):
            yaw = view[1] - self._last[3]
            self._turned = (view[0] - self._last[2], yaw if on_screen else wrap_degrees(yaw))
        self._last = (body.ticks, on_screen, *view)

    def turn(self, pitch_off: float, yaw_off: float) -> tuple[float, float]:
        """Returns the camera movement of this tick, (pitch, yaw) degrees.

        Args:
            pitch_off: Remaining turn down, degrees.
            yaw_off: Remaining turn right, degrees.
        """
        wrong_pitch, wrong_yaw = self.aim_error
        return ease(pitch_off + wrong_pitch, self._turned[0]), ease(yaw_off + wrong_yaw, self._turned[1])


def ease(off: float, turned: float) -> float:
    """Returns the degrees of the camera bin to use in this tick along one axis.

    Args:
        off: Remaining turn, degrees.
        turned: Turn made in the last tick, degrees. The movement grows by at most ``MAX_ACCELERATION`` bins.
    """
    if abs(off) < DEAD_BAND:
        return 0.0
    index = int(np.abs(BIN_DEGREES - EASE * off).argmin())
    if index == NULL_BIN:
        index = NULL_BIN + (1 if off > 0 else -1)
    before = int(np.abs(BIN_DEGREES - turned).argmin()) - NULL_BIN
    size, sign = abs(index - NULL_BIN), (1 if index > NULL_BIN else -1)
    limit = max(0, sign * before) + MAX_ACCELERATION
    return float(BIN_DEGREES[NULL_BIN + sign * min(size, limit)])
