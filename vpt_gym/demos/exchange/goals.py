"""Goals in the observations of other packages' datasets, such as Minigrid's ``mission`` and ``desired_goal``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vpt_gym.system.printable import printable

TEXTS = ("mission", "instruction", "prompt")
"""Keys of goals in words: Minigrid's and BabyAI's ``mission``, and the usual others."""

NUMBERS = ("desired_goal", "goal")
"""Keys of goals in numbers: that of Gymnasium-Robotics' ``GoalEnv``, and the usual other."""

MOST_NUMBERS = 64
"""The largest goal that metadata hold; an image is larger."""


def goals_of(observations: Any, ticks: int) -> dict[str, Any]:
    """Returns what the metadata of a demo say about the goal: ``observed_goal`` by its key, and ``task`` for a text.

    Args:
        observations: The observations of an episode: for each entry, one value a tick.
        ticks: The number of ticks.

    Returns:
        An empty dict where there is no goal, or where it is large or changes within the episode.
    """
    if not isinstance(observations, Mapping):
        return {}
    found: dict[str, Any] = {}
    for key in TEXTS:
        texts = observations.get(key)
        if isinstance(texts, list | tuple | np.ndarray) and len(texts):
            words = {text.decode(errors="replace") if isinstance(text, bytes) else text for text in texts[:ticks]}
            if len(words) == 1 and isinstance(text := words.pop(), str):
                found[key] = printable(text)
    task = next(iter(found.values()), None)
    for key in NUMBERS:
        values = np.asarray(observations.get(key, ()))
        if values.ndim and 0 < values[0:1].size <= MOST_NUMBERS and values.dtype.kind in "biuf":
            same = (values[:ticks] == values[0]).all()
            if same and np.isfinite(values[0]).all():
                found[key] = values[0].tolist()
    if not found:
        return {}
    return {"observed_goal": found, **({} if task is None else {"task": task})}
