"""An environment's own actions as the labels of demos, in place of VPT codes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.choices import action_sizes, to_choices
from vpt_gym.actions.human import BUTTONS, HumanAction
from vpt_gym.actions.protocol import Translator
from vpt_gym.demos.demo import Demo


@dataclass(frozen=True)
class LabelLoss:
    """What was lost when the labels of demos were translated.

    Attributes:
        ticks: All ticks of the demos.
        unknown: Those without a label, since a part of their action would be lost.
        reasons: Number of these ticks for each cause: the name of a key, ``"camera"`` where the environment's bounds
            cut off a movement, ``"refused"`` where the translator raised a ``ValueError``.
    """

    ticks: int = 0
    unknown: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: LabelLoss) -> LabelLoss:
        reasons = dict(Counter(self.reasons) + Counter(other.reasons))
        return LabelLoss(self.ticks + other.ticks, self.unknown + other.unknown, reasons)

    def __str__(self) -> str:
        if not self.unknown:
            return f"all {self.ticks:,} ticks have an action of the environment"
        causes = ", ".join(f"{name} {count:,}" for name, count in sorted(self.reasons.items(), key=lambda d: -d[1]))
        share = 100 * self.unknown / self.ticks
        return (
            f"{self.unknown:,} of {self.ticks:,} ticks ({share:.1f} %) have an action that the environment cannot "
            f"express, and are not learned ({causes})"
        )


class NativeLabels:
    """Translates the human actions of demos to the actions of one environment, as choices.

    The labels of a demo are translated in order, from its first tick, so that a translator can carry the remainder of
    a camera movement from tick to tick. It is shown no observations: what it learns from these (MineDojo's items in
    the hotbar, the limit of the pitch) it does not know here. The human actions are used, not their VPT codes, which
    round the camera. A demo that was recorded with the environment's own actions has these back, because
    ``to_env(to_human(action))`` is ``action`` for all that a demo can store.

    A tick whose action the environment cannot express completely has no label.

    Args:
        make_translator: Makes a translator for the environment; called for each demo.

    Attributes:
        space: The environment's action space.
        sizes: Alternatives of each of the k entries of a label.

    Raises:
        ValueError: There is no head for the environment's action space.
    """

    def __init__(self, make_translator: Callable[[], Translator]) -> None:
        self._make = make_translator
        self.space: spaces.Space[Any] = make_translator().action_space
        self.sizes = action_sizes(self.space)
        self._losses: dict[Path, LabelLoss] = {}
        self._lock = threading.Lock()

    @property
    def loss(self) -> LabelLoss:
        """What was lost in all demos so far; each counts once."""
        with self._lock:
            return sum(self._losses.values(), start=LabelLoss())

    def of(self, demo: Demo) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Returns the labels of a demo of T ticks. Several threads may call it at once.

        Returns:
            (T, k) int64, with zeros where there is no label; and (T,) bool, True where there is one.
        """
        labels, known, reasons = translate(demo.actions, self._make())
        loss = LabelLoss(len(known), int((~known).sum()), reasons)
        with self._lock:
            self._losses[demo.files.records.resolve()] = loss
        return labels, known


def translate(
    actions: HumanAction, translator: Translator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], dict[str, int]]:
    """Translates the human actions of one episode to choices of an environment's action space.

    Args:
        actions: Each of the 23 buttons (T,), and ``camera`` (T, 2) degrees, as in ``Demo.actions``.
        translator: The environment's; it is reset.

    Returns:
        (T, k) int64; (T,) bool, True where the environment expresses the action completely (a remainder of the camera
        that later ticks make up for does not count); and how many ticks each cause made unknown.

    Raises:
        ValueError: There is no head for the environment's action space.
    """
    space, ticks = translator.action_space, len(actions["camera"])
    labels = np.zeros((ticks, len(action_sizes(space))), np.int64)
    known = np.zeros(ticks, np.bool_)
    reasons: Counter[str] = Counter()
    translator.reset()
    for tick in range(ticks):
        human = {**{name: int(actions[name][tick]) for name in BUTTONS}, "camera": actions["camera"][tick]}
        try:
            choices = to_choices(space, translator.to_env(human))
        except ValueError:
            reasons["refused"] += 1
            continue
        lost = translator.unexpressed
        causes = [*lost.get("dropped", ()), *(["camera"] if "camera_lost" in lost else [])]
        reasons.update(causes)
        if not causes:
            labels[tick], known[tick] = choices, True
    return labels, known, dict(reasons)
