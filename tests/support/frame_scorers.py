"""Scorers without weights, which show what they were given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.support.frame_counter_env import read_counter


class TickScorer:
    """Scores the video by the sum of what its frames show; ``videos`` has each one's (tick, episode) pairs."""

    frame_size = (48, 80)

    def __init__(self) -> None:
        self.videos: list[list[list[tuple[int, int]]]] = []

    def __call__(self, videos: np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        assert videos.dtype == np.uint8
        assert videos.shape[1:] == (16, 48, 80, 3)
        self.videos.append([[read_counter(frame) for frame in video] for video in videos])
        ticks = [sum(tick for tick, _ in video) for video in self.videos[-1]]
        return np.array(ticks, float)[:, None] / np.arange(1, 1 + len(prompts))


class CachingTickScorer:
    """The same, of frames that are encoded by themselves; ``encoded`` counts them."""

    frame_size = (48, 80)

    def __init__(self) -> None:
        self.encoded = 0

    def encode_frames(self, frames: np.ndarray) -> np.ndarray:
        self.encoded += len(frames)
        return np.array([[read_counter(frame)[0]] for frame in frames], np.float32).reshape(-1, 1)

    def score(self, features: np.ndarray, prompts: Sequence[str]) -> np.ndarray:
        assert features.shape[1:] == (16, 1)
        return features.sum(axis=(1, 2))[:, None] / np.arange(1, 1 + len(prompts))


def brightness(videos: np.ndarray, prompts: Sequence[str]) -> np.ndarray:
    """Scores every prompt alike: by the mean of all pixels, over 255."""
    return np.repeat(videos.mean(axis=(1, 2, 3, 4))[:, None] / 255, len(prompts), axis=1)
