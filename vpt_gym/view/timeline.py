"""The data of the page's timeline: when each button is held, how the camera moves, and the rewards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.files.video import frame_times
from vpt_gym.demos.library.library import as_scalar


def timeline(demo: Demo) -> dict[str, Any]:
    """Returns the data of a demo of T ticks that the page draws, as JSON values.

    ``label`` is the action to learn; ``executed`` is the action taken, None if the two never differ. Both have the
    form of ``action_tracks``. ``rewards`` and ``null`` hold one value per tick; null ticks are drawn faintly.
    ``frame_times`` are the seconds at which the video shows the frame of each tick, so that the page pairs frames and
    actions by their order, as training does, whatever frame rate or pauses the video has.
    """
    differs = np.zeros(len(demo), np.bool_)
    for name in BUTTONS:
        differs |= demo.actions[name] != demo.executed[name]
    differs |= (demo.actions["camera"] != demo.executed["camera"]).any(axis=1)
    fps = demo.metadata.get("fps", 20)
    return {
        "id": demo.id,
        "ticks": len(demo),
        "fps": fps,
        "frame_times": np.round(_frame_times(demo, fps), 6).tolist(),
        "frame_size": list(demo.frame_size),
        "success": demo.success,
        "metadata": {key: as_scalar(value) for key, value in demo.metadata.items()},
        "label": action_tracks(demo.actions),
        "executed": action_tracks(demo.executed) if differs.any() else None,
        "rewards": demo.rewards.tolist(),
        "null": demo.null.tolist(),
    }


def _frame_times(demo: Demo, fps: float) -> npt.NDArray[np.float64]:
    times = frame_times(demo.files.video)
    return np.arange(len(demo)) / fps if times is None or len(times) != len(demo) else times


def action_tracks(actions: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Converts T human actions to the form that the page draws.

    Args:
        actions: Each of the 23 buttons (T,) 0/1, and ``camera`` (T, 2) degrees per tick, (pitch, yaw).

    Returns:
        ``buttons``: for each button that is held at least once, its runs ``[first tick, last tick + 1]``; ``pitch``
        and ``yaw``: T numbers, degrees per tick.
    """
    held = {name: runs(actions[name]) for name in BUTTONS}
    pitch, yaw = np.round(np.asarray(actions["camera"], np.float64), 4).T
    return {
        "buttons": {name: spans for name, spans in held.items() if spans},
        "pitch": pitch.tolist(),
        "yaw": yaw.tolist(),
    }


def runs(flags: npt.NDArray[Any]) -> list[list[int]]:
    """Returns the runs of non-zero values in (T,) flags, as ``[first, last + 1]`` each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags) != 0, [0]]).astype(np.int8)))
    return [[int(start), int(end)] for start, end in edges.reshape(-1, 2)]
