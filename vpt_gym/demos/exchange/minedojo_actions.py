"""Converting demos' actions to MineDojo's ``MultiDiscrete``, and measuring what that loses."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.human import HumanAction
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.demos.exchange.action_spaces import action_at

CAM_INTERVAL = 15.0
"""Default degrees per camera bin of ``minedojo.make``."""

FINEST_INTERVAL = 0.001
"""The smallest degrees per camera bin: 360,001 bins per axis."""

_CRAFT_ITEMS, _SLOTS = 244, 36
_SAME_DEGREES = 1e-3


@dataclass(frozen=True)
class MineDojoLoss:
    """What demos lost in the conversion to MineDojo's ``MultiDiscrete``. Losses can be added.

    Attributes:
        cam_interval: Degrees per camera bin.
        ticks: Number of converted ticks.
        moving_ticks: Ticks in which the camera moves.
        rounded_ticks: Moving ticks whose movement was rounded. The remainder is added to later ticks.
        zeroed_ticks: Moving ticks that no longer move.
        view_off: Sum over all ticks of the difference in degrees between the original view and the converted one,
            about the axis where it is larger.
        view_off_most: Maximum of that difference.
        dropped_ticks: Ticks in which a held button was lost.
        dropped: For each button, the ticks in which it was held and lost.
    """

    cam_interval: float
    ticks: int = 0
    moving_ticks: int = 0
    rounded_ticks: int = 0
    zeroed_ticks: int = 0
    view_off: float = 0.0
    view_off_most: float = 0.0
    dropped_ticks: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: MineDojoLoss) -> MineDojoLoss:
        return MineDojoLoss(
            cam_interval=self.cam_interval,
            ticks=self.ticks + other.ticks,
            moving_ticks=self.moving_ticks + other.moving_ticks,
            rounded_ticks=self.rounded_ticks + other.rounded_ticks,
            zeroed_ticks=self.zeroed_ticks + other.zeroed_ticks,
            view_off=self.view_off + other.view_off,
            view_off_most=max(self.view_off_most, other.view_off_most),
            dropped_ticks=self.dropped_ticks + other.dropped_ticks,
            dropped=dict(Counter(self.dropped) + Counter(other.dropped)),
        )

    def __str__(self) -> str:
        moving, ticks = max(self.moving_ticks, 1), max(self.ticks, 1)
        camera = (
            f"camera, in bins of {self.cam_interval:g} degrees: of {self.moving_ticks:,} moving ticks "
            f"{100 * self.rounded_ticks / moving:.1f} % are rounded, {100 * self.zeroed_ticks / moving:.1f} % to no "
            f"movement; the view is {self.view_off / ticks:.2f} degrees off on average, "
            f"{self.view_off_most:.2f} at most"
        )
        names = ", ".join(f"{name} {count:,}" for name, count in sorted(self.dropped.items(), key=lambda d: -d[1]))
        share = 100 * self.dropped_ticks / ticks
        return f"{camera}\nbuttons: {share:.1f} % of ticks hold one that is lost{f' ({names})' if names else ''}"


def minedojo_space(cam_interval: float = CAM_INTERVAL) -> spaces.MultiDiscrete:
    """Returns the action space of ``minedojo.make(cam_interval=cam_interval)``: 25 bins per axis for 15 degrees.

    Raises:
        ValueError: ``cam_interval`` is not in [0.001, 180].
    """
    if not FINEST_INTERVAL <= cam_interval <= 180:
        raise ValueError(f"cam_interval={cam_interval!r}; it must be in [{FINEST_INTERVAL}, 180] degrees")
    bins = math.ceil(360 / cam_interval - 1e-6) + 1  # robust to rounding errors in 360 / 0.15
    return spaces.MultiDiscrete([3, 3, 4, bins, bins, 8, _CRAFT_ITEMS, _SLOTS])


def to_minedojo(actions: HumanAction, cam_interval: float = CAM_INTERVAL) -> tuple[npt.NDArray[np.int64], MineDojoLoss]:
    """Converts the human actions of one episode to MineDojo's.

    Args:
        actions: Each of the 23 buttons (T,), and ``camera`` (T, 2) degrees, as in ``Demo.actions``.
        cam_interval: Degrees per camera bin.

    Returns:
        The actions, int64 (T, 8), and what was lost.

    Raises:
        ValueError: ``cam_interval`` is not in [0.001, 180], or its no-op would turn the camera.
    """
    translator = MineDojoTranslator(minedojo_space(cam_interval), cam_interval)
    camera = np.asarray(actions["camera"], np.float64)
    ticks = len(camera)
    converted, sent, off = np.zeros((ticks, 8), np.int64), np.zeros((ticks, 2)), np.zeros(ticks)
    dropped: Counter[str] = Counter()
    dropped_ticks = 0
    for tick in range(ticks):
        converted[tick] = translator.to_env(action_at(actions, tick))
        sent[tick] = translator.to_human(converted[tick])["camera"]
        off[tick] = np.abs(translator.unexpressed.get("camera_residual", (0.0, 0.0))).max()
        dropped.update(translator.unexpressed.get("dropped", ()))
        dropped_ticks += "dropped" in translator.unexpressed
    moving = (camera != 0).any(axis=1)
    rounded = moving & (np.abs(sent - camera) > _SAME_DEGREES).any(axis=1)
    loss = MineDojoLoss(
        cam_interval=cam_interval,
        ticks=ticks,
        moving_ticks=int(moving.sum()),
        rounded_ticks=int(rounded.sum()),
        zeroed_ticks=int((moving & (sent == 0).all(axis=1)).sum()),
        view_off=float(off.sum()),
        view_off_most=float(off.max(initial=0.0)),
        dropped_ticks=dropped_ticks,
        dropped=dict(dropped),
    )
    return converted, loss
