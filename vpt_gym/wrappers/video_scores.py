"""Scores the last 16 frames of episodes by texts, and turns the scores into rewards: the core of ``MineCLIPReward``."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

from vpt_gym.frames import Frame
from vpt_gym.mineclip.config import FRAME_SIZE, WINDOW
from vpt_gym.wrappers.score_modes import (
    Delta,
    Direct,
    Floats,
    Mask,
    Mode,
    ScoreMode,
    ScoreThreshold,
    Thresholded,
    score,
)

Fill: TypeAlias = Literal["first", "black"]


class VideoScorer(Protocol):
    """Any callable that scores videos by texts, such as ``vpt_gym.mineclip.MineCLIP``.

    If it has the attribute ``frame_size``, (height, width), its frames have this size instead of (160, 256).
    """

    def __call__(self, videos: npt.NDArray[np.uint8], prompts: Sequence[str], /) -> Any:
        """Scores videos: uint8 (N, 16, H, W, 3), RGB, oldest frame first, and P texts -> finite logits (N, P)."""


@runtime_checkable
class FrameScorer(Protocol):
    """A scorer that encodes frames by themselves; then each frame of an episode is encoded only once."""

    def encode_frames(self, frames: npt.NDArray[np.uint8], /) -> npt.NDArray[np.float32]:
        """Encodes frames: uint8 (N, H, W, 3), RGB -> (N, D)."""

    def score(self, features: npt.NDArray[np.float32], prompts: Sequence[str], /) -> Any:
        """Scores videos of encoded frames: (N, 16, D), oldest first, and P texts -> finite logits (N, P)."""


class VideoScores:
    """The videos of N episodes that are played at the same time, and their rewards.

    Args:
        episodes: N.
        prompt: The task.
        mode: The formula.
        scorer: The scorer.
        negatives: Texts that compete with the task.
        threshold: Constants of the mode ``"threshold"``.
        fill: What is before the first frame of an episode: that frame again, or black ones.
        scale: Factor of the rewards.

    Attributes:
        frame_size: (height, width) of the frames that the scorer takes, pixels.

    Raises:
        TypeError: The scorer is not callable, or a text is not a string.
        ValueError: The texts do not fit the mode, or the mode or ``fill`` is unknown.
    """

    def __init__(
        self,
        episodes: int,
        prompt: str,
        mode: Mode,
        scorer: VideoScorer | FrameScorer,
        negatives: Sequence[str],
        threshold: ScoreThreshold,
        fill: Fill,
        scale: float,
    ) -> None:
        self._prompts = _checked_prompts(prompt, mode, negatives)
        if fill not in get_args(Fill):
            raise ValueError(f"fill={fill!r}; it must be 'first' or 'black'")
        if not callable(scorer) and not isinstance(scorer, FrameScorer):
            raise TypeError(
                f"scorer is {type(scorer).__name__}; pass vpt_gym.mineclip.MineCLIP.from_pretrained('attn.pth'), or "
                "any callable (videos, prompts) -> logits"
            )
        if not math.isfinite(scale):
            raise ValueError(f"scale={scale}; it must be a finite number")
        self._scale = scale
        self._scorer = scorer
        self._fill = fill
        self._mode = _formula(mode, episodes, threshold)
        self._episodes = episodes
        self._windows: npt.NDArray[Any] | None = None
        self.frame_size: tuple[int, int] = tuple(getattr(scorer, "frame_size", FRAME_SIZE))

    def restart(self, which: Mask, frames: Frame) -> None:
        """Starts episodes.

        Args:
            which: (N,) bool, the episodes.
            frames: uint8 (which.sum(), H, W, 3), of ``frame_size``: the first frame of each.

        Warns:
            UserWarning: The frames are black, as those are whose pixels were scaled to 0..1.
        """
        if not which.any():
            return
        if frames.max() <= 1:
            warnings.warn(
                "an episode begins with a frame whose pixels are all 0 or 1. If the screen is not black, they were "
                "scaled to 0..1 before they became uint8: they must be 0..255",
                stacklevel=3,
            )
        entries = self._entries(frames)
        if self._windows is None:
            self._windows = np.zeros((self._episodes, WINDOW, *entries.shape[1:]), entries.dtype)
        before = entries if self._fill == "first" else self._entries(np.zeros_like(frames[:1]))
        self._windows[which] = before[:, None]
        self._windows[which, -1] = entries
        self._mode.restart(which, self._logits(which))

    def step(self, which: Mask, frames: Frame) -> tuple[Floats, Floats]:
        """Adds a frame to each of some episodes and returns their rewards.

        Args:
            which: (N,) bool, the episodes.
            frames: uint8 (which.sum(), H, W, 3), of ``frame_size``.

        Returns:
            (rewards, scores), both (which.sum(),): the score is the probability of the task among all prompts, or its
            logit where it is the only one.

        Raises:
            ValueError: The scorer returns something else than finite logits (N, P).
            RuntimeError: No episode was started.
        """
        if not which.any():
            return np.zeros(0), np.zeros(0)
        if self._windows is None:
            raise RuntimeError("there is no video yet: call reset() before step()")
        self._windows[which, :-1] = self._windows[which, 1:]
        self._windows[which, -1] = self._entries(frames)
        logits = self._logits(which)
        return self._scale * self._mode.rewards(which, logits), score(logits)

    def _entries(self, frames: Frame) -> npt.NDArray[Any]:
        """Returns what windows are made of: features if the scorer makes them, else the frames."""
        return np.asarray(self._scorer.encode_frames(frames)) if isinstance(self._scorer, FrameScorer) else frames

    def _logits(self, which: Mask) -> Floats:
        assert self._windows is not None
        videos = self._windows[which]  # a copy: a scorer may change what it is given
        given = (
            self._scorer.score(videos, self._prompts)
            if isinstance(self._scorer, FrameScorer)
            else self._scorer(videos, self._prompts)
        )
        logits = np.asarray(given, np.float64)
        expected = (len(videos), len(self._prompts))
        if logits.shape != expected:
            raise ValueError(f"the scorer returned shape {logits.shape}; it must be (videos, prompts) = {expected}")
        if not np.isfinite(logits).all():
            raise ValueError("the scorer returned NaN or infinity; are its weights those of a finished training?")
        return logits


def _checked_prompts(prompt: str, mode: Mode, negatives: Sequence[str]) -> tuple[str, ...]:
    if isinstance(negatives, str):
        raise TypeError(f"negatives={negatives!r} is one string; pass a sequence of texts: [{negatives!r}]")
    prompts = (prompt, *negatives)
    for text in prompts:
        if not isinstance(text, str):
            raise TypeError(f"a prompt is a string, got {type(text).__name__}: {text!r}")
        if not text.strip():
            raise ValueError("a prompt is empty")
    if len({text.lower().strip() for text in prompts}) < len(prompts):
        raise ValueError(f"a text is there more than once, and would compete with itself: {list(prompts)}")
    if mode == "direct" and len(prompts) == 1:
        raise ValueError(
            'mode="direct" needs negatives: without other texts the task has the probability 1 in every video, and the '
            "reward is always 0. Pass texts of other tasks, such as negatives=['look at the sky', 'milk a cow']"
        )
    if mode == "threshold" and len(prompts) > 1:
        raise ValueError('mode="threshold" compares the logit of the prompt alone; leave negatives out')
    return prompts


def _formula(mode: Mode, episodes: int, threshold: ScoreThreshold) -> ScoreMode:
    if mode == "direct":
        return Direct()
    if mode == "delta":
        return Delta(episodes)
    if mode == "threshold":
        return Thresholded(episodes, threshold)
    raise ValueError(f"mode={mode!r}; it must be one of {list(get_args(Mode))}")
