"""The time that agents need to choose an action, measured in turns so that a busy machine affects all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.frames import Frame

WARM_UP = 3
"""Calls of each agent that are not timed: the first one packs the weights."""


def acting_seconds(agents: Mapping[str, VPTAgent], frame: Frame, *, calls: int = 200) -> dict[str, float]:
    """Returns the median time of :meth:`VPTAgent.act` in one environment, seconds, for each agent.

    Args:
        agents: The agents, by name; they are reset before and after.
        frame: uint8 (128, 128, 3), what they see.
        calls: Timed calls of each agent.

    Raises:
        ValueError: ``calls`` is not positive.
    """
    if calls < 1:
        raise ValueError(f"calls is {calls}; it must be at least 1")
    times: dict[str, list[float]] = {name: [] for name in agents}
    for agent in agents.values():
        agent.reset(seed=0)
    for call in range(WARM_UP + calls):
        for name, agent in agents.items():
            start = time.perf_counter()
            agent.act(np.asarray(frame))
            if call >= WARM_UP:
                times[name].append(time.perf_counter() - start)
    for agent in agents.values():
        agent.reset()
    return {name: statistics.median(values) for name, values in times.items()}
