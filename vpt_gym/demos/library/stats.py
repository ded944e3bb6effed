"""Statistics of a directory of demos: length, success, buttons, camera, and what VPT codes lose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions import camera, codec
from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos.demo import read_demo
from vpt_gym.demos.files.contractor import Compat
from vpt_gym.demos.files.names import DemoError, list_demos


@dataclass(frozen=True)
class DemoStats:
    """Statistics over all ticks of N demos. Damaged demos are only listed.

    Attributes:
        lengths: Ticks of each demo, in the order of the ids.
        seconds: Seconds of play of each demo, in the order of the ids.
        null_ticks: Ticks in which nothing is done.
        held: For each button, the ticks in which it is held.
        unexpressed_ticks: Ticks whose buttons no VPT code expresses (ESC, swapHands, pickItem; opposite keys).
        camera: (11, 11) int64, ticks per camera bin, [pitch, yaw]; the middle one is a resting camera.
        moved: (2,) float64, the total movement in degrees, (pitch, yaw).
        lost: (2,) float64, the sum over all ticks of the difference in degrees between the movement and its code.
        moving_ticks: Ticks in which the camera moves.
        zeroed_ticks: Moving ticks whose code has a resting camera.
        clipped_ticks: Moving ticks of more than 10 degrees, VPT's maximum, about an axis.
        outcomes: Whether each demo succeeded, in the order of the ids; None if unknown.
        damaged: (id, problem) of each damaged demo.
    """

    lengths: tuple[int, ...]
    seconds: tuple[float, ...]
    null_ticks: int
    held: dict[str, int]
    unexpressed_ticks: int
    camera: npt.NDArray[np.int64]
    moved: npt.NDArray[np.float64]
    lost: npt.NDArray[np.float64]
    moving_ticks: int
    zeroed_ticks: int
    clipped_ticks: int
    outcomes: tuple[bool | None, ...]
    damaged: tuple[tuple[str, str], ...]

    @property
    def episodes(self) -> int:
        """Number of demos read."""
        return len(self.lengths)

    @property
    def ticks(self) -> int:
        """Number of ticks in them."""
        return sum(self.lengths)

    @property
    def minutes(self) -> float:
        """Minutes of play in them."""
        return sum(self.seconds) / 60

    @property
    def successes(self) -> int:
        """Number of demos that succeeded."""
        return self.outcomes.count(True)

    @property
    def failures(self) -> int:
        """Number of demos that failed. For the others it is unknown."""
        return self.outcomes.count(False)

    @property
    def success_rate(self) -> float | None:
        """Share of successes among the demos whose outcome is known; None if there are none."""
        known = self.successes + self.failures
        return self.successes / known if known else None

    @property
    def camera_lost(self) -> tuple[float, float]:
        """Share of the camera's movement that the codes lose, (pitch, yaw), in [0, 1]; 0 without any movement."""
        pitch, yaw = np.divide(self.lost, self.moved, out=np.zeros(2), where=self.moved > 0).tolist()
        return pitch, yaw

    def as_json(self) -> dict[str, Any]:
        """Returns all statistics as JSON values. Shares are of all ticks, or of the moving ticks if named so."""
        moving = max(self.moving_ticks, 1)
        pitch, yaw = self.camera_lost
        return {
            "episodes": self.episodes,
            "ticks": self.ticks,
            "ticks_per_episode": {
                "min": min(self.lengths, default=0),
                "median": float(np.median(self.lengths)) if self.lengths else 0.0,
                "max": max(self.lengths, default=0),
            },
            "hours": self.minutes / 60,
            "successes": self.successes,
            "failures": self.failures,
            "success_unknown": self.episodes - self.successes - self.failures,
            "success_rate": self.success_rate,
            "null_share": self._share(self.null_ticks),
            "held_share": {name: self._share(count) for name, count in self.held.items()},
            "buttons_unexpressed_share": self._share(self.unexpressed_ticks),
            "camera": {
                "moving_share": self._share(self.moving_ticks),
                "lost_share": {"pitch": pitch, "yaw": yaw},
                "zeroed_share_of_moving": self.zeroed_ticks / moving,
                "clipped_share_of_moving": self.clipped_ticks / moving,
                "bin_degrees": camera.BIN_DEGREES.tolist(),
                "ticks_by_pitch_and_yaw_bin": self.camera.tolist(),
            },
            "damaged": [{"id": demo_id, "problem": problem} for demo_id, problem in self.damaged],
        }

    def _share(self, count: int) -> float:
        return count / self.ticks if self.ticks else 0.0


def read_stats(
    directory: str | os.PathLike[str], *, compat: Compat = None, recorder_version: str | None = None
) -> DemoStats:
    """Computes the statistics of a directory from the records of its demos, without decoding any video.

    Args:
        directory: The directory of demos.
        compat: As in ``read_demo``. ``"openai"`` counts the actions that the public loader reads, with its truncated
            camera; ``lost`` then does not include the loss by truncation.
        recorder_version: As in ``read_demo``.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: ``compat`` or ``recorder_version`` is invalid.
    """
    lengths: list[int] = []
    seconds: list[float] = []
    damaged: list[tuple[str, str]] = []
    held = dict.fromkeys(BUTTONS, 0)
    bins = np.zeros(codec.N_CAMERA, np.int64)
    moved, lost = np.zeros(2), np.zeros(2)
    counts = dict.fromkeys(("null", "unexpressed", "moving", "zeroed", "clipped"), 0)
    outcomes: list[bool | None] = []
    for path in list_demos(directory, lone_videos=True):
        try:
            demo = read_demo(path, compat=compat, recorder_version=recorder_version)
        except DemoError as error:
            damaged.append((path.stem, str(error)))
            continue
        lengths.append(len(demo))
        seconds.append(len(demo) / float(demo.metadata.get("fps", 20)))
        outcomes.append(demo.success)
        for name in BUTTONS:
            held[name] += int(demo.actions[name].sum())
        bins += np.bincount(demo.codes[:, 1], minlength=codec.N_CAMERA)
        coded = codec.decode(demo.codes)
        degrees = demo.actions["camera"].astype(np.float64)
        moved += np.abs(degrees).sum(axis=0)
        lost += np.abs(degrees - coded["camera"]).sum(axis=0)
        moves = (degrees != 0).any(axis=1)
        counts["null"] += int(demo.null.sum())
        counts["unexpressed"] += int(np.any([demo.actions[name] != coded[name] for name in BUTTONS], axis=0).sum())
        counts["moving"] += int(moves.sum())
        counts["zeroed"] += int((moves & (demo.codes[:, 1] == codec.NULL_CAMERA)).sum())
        counts["clipped"] += int((np.abs(degrees) > camera.MAX_DEGREES).any(axis=1).sum())
    return DemoStats(
        lengths=tuple(lengths),
        seconds=tuple(seconds),
        null_ticks=counts["null"],
        held=held,
        unexpressed_ticks=counts["unexpressed"],
        camera=bins.reshape(camera.N_BINS, camera.N_BINS),
        moved=moved,
        lost=lost,
        moving_ticks=counts["moving"],
        zeroed_ticks=counts["zeroed"],
        clipped_ticks=counts["clipped"],
        outcomes=tuple(outcomes),
        damaged=tuple(damaged),
    )
