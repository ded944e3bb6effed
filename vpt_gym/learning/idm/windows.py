"""Training an inverse dynamics model: windows of demos with what was executed in them, and how good its labels are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions import factored
from vpt_gym.actions.camera import NULL_BIN
from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import HumanAction
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.dataset.chunks import WeightedChunks, chunk_sums
from vpt_gym.demos.demo import Demo
from vpt_gym.frames import Frame


class WindowBatch(NamedTuple):
    """B windows of T ticks."""

    frames: torch.Tensor
    """uint8 [B, T, 128, 128, 3], RGB: what was seen before each action."""
    buttons: torch.Tensor
    """int64 [B, T, 20], 0/1: VPT's buttons as they were executed."""
    camera: torch.Tensor
    """int64 [B, T, 2], the executed camera movement as bins (pitch, yaw)."""


class ActionWindows:
    """Random windows of demos, with the actions that were executed.

    Not the labels: where an expert's label stands beside what was executed (DART, DAgger), the video shows the latter.

    Args:
        demos: The demos; their videos are decoded at once.
        seq_len: T, ticks in a window.
        batch_size: B, windows in a batch.
        seed: Seed of the order.
        still: Priority of a window in which nothing happens. To it is added the share of ticks in which the camera
            moves, and the share in which a button changes; windows are drawn in proportion to the sum. Most of a
            demo is "hold attack", and much of it would teach little.
        colour: Brightness varies from window to window by up to this share, and each colour by a third of it.
        mirror: Flip half of the windows from side to side, with their actions. Not for videos with open menus.
        cache: Decoded frames, shared with others. Default: a cache of its own.

    Raises:
        ValueError: An argument is out of range, there is no demo, or one is shorter than a window.
        DemoError: A video cannot be decoded.
    """

    def __init__(
        self,
        demos: Sequence[Demo],
        *,
        seq_len: int = 32,
        batch_size: int = 4,
        seed: int = 0,
        still: float = 0.05,
        colour: float = 0.3,
        mirror: bool = True,
        cache: FrameCache | None = None,
    ) -> None:
        if seq_len < 1 or batch_size < 1:
            raise ValueError(f"seq_len is {seq_len}, batch_size is {batch_size}; both must be at least 1")
        if not 0 < still < float("inf"):
            raise ValueError(f"still is {still}; it must be positive, or windows in which nothing happens never come")
        if not demos:
            raise ValueError("there are no demos to learn from")
        short = [demo.id for demo in demos if len(demo) < seq_len]
        if short:
            raise ValueError(
                f"{len(short)} demos, the first of them {short[0]}, are shorter than a window of {seq_len} ticks: "
                "leave them out, or make the windows shorter"
            )
        if not 0 <= colour < 1:
            raise ValueError(f"colour is {colour}; it must be in [0, 1)")
        self.seq_len, self.batch_size, self.colour, self.mirror = seq_len, batch_size, colour, mirror
        cache = cache if cache is not None else FrameCache()
        self._frames = [cache.frames(demo) for demo in demos]
        self._actions = [factored.from_human(demo.executed) for demo in demos]
        self._windows = WeightedChunks([_activity(*actions, seq_len) + still for actions in self._actions])
        self._rng = np.random.default_rng(seed)

    @property
    def n_ticks(self) -> int:
        """How many ticks the demos hold."""
        return sum(map(len, self._frames))

    @property
    def labels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Buttons (n, 20) and camera bins (n, 2) of all ticks; for frequencies."""
        buttons, camera = zip(*self._actions, strict=True)
        return np.concatenate(buttons), np.concatenate(camera)

    def next_batch(self) -> WindowBatch:
        """Returns the next batch; there is always one more."""
        frames, buttons, camera = [], [], []
        for index, start in self._windows.draw(self._rng, self.batch_size):
            window = slice(start, start + self.seq_len)
            pixels, (held, moved) = self._frames[index][window], self._actions[index]
            held, moved = held[window], moved[window]
            if self.mirror and self._rng.random() < 0.5:
                pixels = pixels[:, :, ::-1]
                held, moved = factored.mirrored(held, moved)
            frames.append(self._recoloured(pixels))
            buttons.append(held)
            camera.append(moved)
        return WindowBatch(*(torch.from_numpy(np.stack(part)) for part in (frames, buttons, camera)))

    def _recoloured(self, pixels: Frame) -> Frame:
        gains = (1 + self.colour * self._rng.uniform(-1, 1)) * (1 + self.colour / 3 * self._rng.uniform(-1, 1, 3))
        table = np.clip(np.arange(256)[:, None] * gains, 0, 255).round().astype(np.uint8)
        rows = np.ascontiguousarray(pixels).reshape(-1, pixels.shape[2], 3)
        return np.asarray(cv2.LUT(rows, table[:, None]), np.uint8).reshape(pixels.shape)


def _activity(buttons: npt.NDArray[np.int64], camera: npt.NDArray[np.int64], seq_len: int) -> npt.NDArray[np.float64]:
    """Returns the share of ticks with camera motion plus the share with a button change, for each window."""
    moves = (camera != NULL_BIN).any(1).astype(np.float64)
    changes = (np.diff(buttons, axis=0, prepend=buttons[:1]) != 0).any(1)
    return chunk_sums(moves + changes, seq_len) / seq_len


@dataclass(frozen=True)
class ButtonScore:
    """How well the labels of one button agree with the truth.

    Attributes:
        share: Share of ticks in which it was held.
        accuracy: Share of ticks whose label is right.
        majority: What always saying the more frequent of held and released would give.
        precision: Of the ticks labelled as held, the share in which it was; NaN if there is none.
        recall: Of the ticks in which it was held, the share that is labelled so.
        f1: Harmonic mean of the two.
    """

    share: float
    accuracy: float
    majority: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class LabelScores:
    """How well labels agree with what was executed, over all ticks of some episodes.

    Attributes:
        buttons: Scores of each button that was held at least once.
        key_accuracy: Share of right labels over ticks and these buttons.
        majority_accuracy: The same if always the more frequent of held and released is said.
        exact_match: Share of ticks in which all 20 buttons are right.
        majority_exact_match: The same for the majority.
        camera_r2: Share of the camera's variance that the labels explain, over both axes: 1 minus the sum of squared
            errors in degrees over that of the deviations from each axis's mean.
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


def score(labels: Sequence[HumanAction], truth: Sequence[HumanAction]) -> LabelScores:
    """Compares labels with the truth.

    Args:
        labels: For each episode, human actions of T ticks: buttons (T,), camera (T, 2) degrees.
        truth: The same, what was executed.

    Raises:
        ValueError: The two are not of the same episodes, there are none, or in the truth no button is ever held.
    """
    said, true = (_stacked(actions) for actions in (labels, truth))
    if [len(a["camera"]) for a in labels] != [len(a["camera"]) for a in truth] or not len(true[0]):
        raise ValueError("labels and truth must be of the same episodes, tick by tick, and hold at least one tick")
    held, camera = true
    used = np.flatnonzero(held.any(0))
    if not len(used):
        raise ValueError("in the truth no button is ever held; there is nothing to score")
    right = said[0] == held
    common = held.mean(0) > 0.5
    errors = np.square(said[1] - camera).sum(0)
    spread = np.square(camera - camera.mean(0)).sum(0)
    return LabelScores(
        buttons={VPT_BUTTONS[index]: _button_score(said[0][:, index], held[:, index]) for index in used},
        key_accuracy=float(right[:, used].mean()),
        majority_accuracy=float((held == common)[:, used].mean()),
        exact_match=float(right.all(1).mean()),
        majority_exact_match=float((held == common).all(1).mean()),
        camera_r2=_r2(errors.sum(), spread.sum()),
        pitch_r2=_r2(errors[0], spread[0]),
        yaw_r2=_r2(errors[1], spread[1]),
    )


def bootstrap(
    labels: Sequence[HumanAction], truth: Sequence[HumanAction], *, samples: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Returns 95 % intervals of the numbers in :class:`LabelScores`, by drawing episodes with replacement."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(samples):
        chosen = rng.integers(len(truth), size=len(truth))
        drawn.append(score([labels[i] for i in chosen], [truth[i] for i in chosen]))
    names = ("key_accuracy", "exact_match", "camera_r2", "pitch_r2", "yaw_r2")
    intervals = {name: np.percentile([getattr(scores, name) for scores in drawn], (2.5, 97.5)) for name in names}
    return {name: (float(low), float(high)) for name, (low, high) in intervals.items()}


def _stacked(actions: Sequence[HumanAction]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    held = [np.stack([np.asarray(action[name]) == 1 for name in VPT_BUTTONS], -1) for action in actions]
    return np.concatenate(held), np.concatenate([np.asarray(action["camera"], np.float64) for action in actions])


def _button_score(said: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_]) -> ButtonScore:
    both, share = float((said & held).sum()), float(held.mean())
    return ButtonScore(
        share=share,
        accuracy=float((said == held).mean()),
        majority=max(share, 1 - share),
        precision=both / float(said.sum()) if said.any() else float("nan"),
        recall=both / float(held.sum()),
        f1=2 * both / float(said.sum() + held.sum()),
    )


def _r2(errors: Any, spread: Any) -> float:
    return 1.0 - float(errors) / float(spread) if spread > 0 else float("nan")
