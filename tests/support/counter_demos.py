"""Small real demos whose frames, keys, camera and rewards identify their tick."""

from __future__ import annotations

from pathlib import Path

from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import DemoWriter


def counter_action(tick: int) -> HumanAction:
    """Walks in ticks 0 to 19, attacks in 15 to 29 and in 40, turns faster and faster, and rests in 45 to 47."""
    keys = ["forward"] if tick < 20 else []
    keys += ["attack"] if 15 <= tick < 30 or tick == 40 else []
    return human_action(*keys, camera=(-1.5 if tick < 10 else 0.0, 0.0 if 45 <= tick < 48 else tick / 10))


def write_counter_demo(
    directory: Path,
    *,
    ticks: int = 50,
    success: bool | None = True,
    task: str = "count",
    size: tuple[int, int] = (48, 80),
    disturbed: int | None = None,
) -> Path:
    """Returns the ``<id>.json``; the last tick has a reward of 2, and tick ``disturbed`` another executed action."""
    with DemoWriter(directory, metadata={"task": task, "seed": 7}) as writer:
        for tick in range(ticks):
            executed = human_action("back", camera=(5.0, 0.0)) if tick == disturbed else counter_action(tick)
            writer.append(
                counter_frame(tick, size), counter_action(tick), reward=2.0 * (tick == ticks - 1), executed=executed
            )
        path = writer.close(success=success, ended="terminated")
    assert path is not None
    return path
