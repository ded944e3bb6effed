"""Scores of an inverse dynamics model: how well its labels agree with the executed actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import HumanAction


@dataclass(frozen=True)
class ButtonScore:
    """Agreement of the labels of one button with the truth.

    Attributes:
        share: Share of ticks in which it was held.
        accuracy: Share of ticks whose label is right.
        majority: The accuracy of labels that are always the more frequent of held and released.
        precision: Of the ticks labelled as held, the share in which it was held; NaN if there are none.
        recall: Of the ticks in which it was held, the share labelled as held.
        f1: Harmonic mean of precision and recall.
    """

    share: float
    accuracy: float
    majority: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class LabelScores:
    """Agreement of labels with the executed actions, over all ticks of some episodes.

    Attributes:
        buttons: Scores of each button that was held at least once.
        key_accuracy: Share of right labels, over all ticks and these buttons.
        majority_accuracy: The same for labels that are always the more frequent of held and released.
        exact_match: Share of ticks in which all 20 buttons are right.
        majority_exact_match: The same for those majority labels.
        camera_r2: Share of the camera's variance that the labels explain, over both axes: 1 minus the sum of squared
            errors, divided by the sum of squared deviations from the mean of each axis (degrees).
        pitch_r2: The same for pitch alone.
        yaw_r2: The same for yaw alone.
    """

    buttons: dict[str, ButtonScore]
    key_accuracy: float
    majority_accuracy: float
    exact_match: float
    majority_exact_match: float
    camera_r2: float
    pitch_r2: float
    yaw_r2: float


def score(
    labels: Sequence[HumanAction], truth: Sequence[HumanAction], *, used: Sequence[str] | None = None
) -> LabelScores:
    """Compares labels with the truth.

    Args:
        labels: For each episode, human actions of T ticks: buttons (T,), camera (T, 2) degrees.
        truth: The same for the executed actions.
        used: Names of the buttons that ``key_accuracy`` and ``majority_accuracy`` are about, for episodes that are a
            part of others; default: those that are held in these.

    Raises:
        ValueError: Labels and truth have different episodes or no tick, or there is no such button.
    """
    labelled, labelled_camera = _stacked(labels)
    held, camera = _stacked(truth)
    if [len(a["camera"]) for a in labels] != [len(a["camera"]) for a in truth] or not len(held):
        raise ValueError("labels and truth must be of the same episodes, tick by tick, and hold at least one tick")
    ever_held = np.flatnonzero(held.any(0))
    counted = ever_held if used is None else np.array([VPT_BUTTONS.index(name) for name in used], np.int64)
    if not len(counted):
        raise ValueError("in the truth no button is ever held, so there is nothing to score")
    right = labelled == held
    common = held.mean(0) > 0.5
    errors = np.square(labelled_camera - camera).sum(0)
    spread = np.square(camera - camera.mean(0)).sum(0)
    return LabelScores(
        buttons={VPT_BUTTONS[index]: _button_score(labelled[:, index], held[:, index]) for index in ever_held},
        key_accuracy=float(right[:, counted].mean()),
        majority_accuracy=float((held == common)[:, counted].mean()),
        exact_match=float(right.all(1).mean()),
        majority_exact_match=float((held == common).all(1).mean()),
        camera_r2=_r2(errors.sum(), spread.sum()),
        pitch_r2=_r2(errors[0], spread[0]),
        yaw_r2=_r2(errors[1], spread[1]),
    )


def bootstrap(
    labels: Sequence[HumanAction], truth: Sequence[HumanAction], *, samples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Returns bootstrap 95 % intervals of the scores in :class:`LabelScores`: episodes are drawn with replacement.

    The buttons that ``key_accuracy`` is about are those that are held in any of the episodes, whichever are drawn.

    Raises:
        ValueError: As for :func:`score`.
    """
    rng, used = np.random.default_rng(seed), tuple(score(labels, truth).buttons)
    drawn = []
    for _ in range(samples):
        chosen = rng.integers(len(truth), size=len(truth))
        drawn.append(score([labels[i] for i in chosen], [truth[i] for i in chosen], used=used))
    names = ("key_accuracy", "exact_match", "camera_r2", "pitch_r2", "yaw_r2")
    intervals = {name: np.percentile([getattr(scores, name) for scores in drawn], (2.5, 97.5)) for name in names}
    return {name: (float(low), float(high)) for name, (low, high) in intervals.items()}


def _stacked(actions: Sequence[HumanAction]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    held = [np.stack([np.asarray(action[name]) == 1 for name in VPT_BUTTONS], -1) for action in actions]
    return np.concatenate(held), np.concatenate([np.asarray(action["camera"], np.float64) for action in actions])


def _button_score(labelled: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_]) -> ButtonScore:
    both, share = float((labelled & held).sum()), float(held.mean())
    return ButtonScore(
        share=share,
        accuracy=float((labelled == held).mean()),
        majority=max(share, 1 - share),
        precision=both / float(labelled.sum()) if labelled.any() else float("nan"),
        recall=both / float(held.sum()),
        f1=2 * both / float(labelled.sum() + held.sum()),
    )


def _r2(errors: Any, spread: Any) -> float:
    return 1.0 - float(errors) / float(spread) if spread > 0 else float("nan")
