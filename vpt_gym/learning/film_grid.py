"""Films several episodes of an agent side by side."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import cv2
import gymnasium as gym
import imageio.v3 as iio
import numpy as np

from vpt_gym.collect.rollouts import Episode, play
from vpt_gym.demos.files.video import VideoWriter, iter_frames
from vpt_gym.frames import Frame
from vpt_gym.learning.film import picture_of

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

_PAUSE = 20  # ticks for which the end stays in the video
_MAX_GIF_FRAMES = 60
_SUCCESS, _FAILURE = (60, 180, 90), (220, 70, 60)  # RGB


def film_grid(
    agent: VPTAgent,
    make_env: Callable[[], gym.Env[Any, Any]],
    seeds: Sequence[int],
    path: Path,
    *,
    width: int = 720,
    sampling_seed: int = 0,
) -> list[Episode]:
    """Plays one episode for each seed and shows them side by side in a video, and in a GIF of half the size.

    Each tile has the seed of its world. When its episode ends, its last frame stays, with a green border for success
    and a red one for failure.

    Args:
        agent: The agent. It samples as in an evaluation with this ``sampling_seed``.
        make_env: Makes an env in VPT's format. The video shows what its ``render`` returns or, where it does not
            render, the frame of its observation.
        seeds: Seeds of the worlds. All episodes run at once.
        path: The ``.mp4`` file, 20 frames per second; its folder is made. The GIF has the suffix ``.gif``.
        width: Maximum width of the video, pixels.
        sampling_seed: Seed of the agent's sampling.

    Returns:
        The results of the episodes, in the order of the seeds.

    Raises:
        SuccessNotReportedError: An episode ended without ``info["success"]``; a ``KeyError``.
        ValueError: There are no seeds, or one is in the list twice.
    """
    if not seeds:
        raise ValueError("no seeds to film; pass for example SEEDS['validation'][:4]")
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = math.ceil(math.sqrt(len(seeds)))
    with tempfile.TemporaryDirectory() as scratch:
        cameras: list[_Camera] = []

        def filmed() -> gym.Env[Any, Any]:
            cameras.append(_Camera(make_env(), Path(scratch), width // columns // 2 * 2))
            return cameras[-1]

        episodes = play(agent, filmed, seeds, num_envs=len(seeds), sampling_seed=sampling_seed)
        size = cameras[0].size
        tiles = [_tile(iter_frames(Path(scratch) / f"{e.seed}.mp4", size, threads=1), e) for e in episodes]
        count = max(episode.ticks for episode in episodes) + 1 + _PAUSE
        _write((_grid(tiles, columns) for _ in range(count)), count, path)
    return episodes


class _Camera(gym.Wrapper[Any, Any, Any, Any]):
    """Writes a small video of each episode, named after its seed, so that long episodes need no memory."""

    def __init__(self, env: gym.Env[Any, Any], directory: Path, width: int) -> None:
        super().__init__(env)
        self._directory, self._width = directory, width
        self._video: VideoWriter | None = None
        self.size = (0, 0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(seed=seed, options=options)
        picture = picture_of(self.env, obs)
        self.size = (round(picture.shape[0] * self._width / picture.shape[1]) // 2 * 2, self._width)
        self._finish()
        self._video = VideoWriter(self._directory / f"{seed}.mp4", self.size)
        self._append(picture)
        return obs, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._append(picture_of(self.env, obs))
        if terminated or truncated:
            self._finish()
        return obs, reward, terminated, truncated, info

    def close(self) -> None:
        self._finish()
        self.env.close()

    def _append(self, picture: Frame) -> None:
        if self._video is not None:
            self._video.append(_scaled(picture, self.size))

    def _finish(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None


def _tile(frames: Iterator[Frame], episode: Episode) -> Iterator[Frame]:
    """Yields the frames of an episode with the seed of its world, and then its last frame with a border, forever."""
    for frame in frames:
        at = (10, 22)
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                frame, f"seed {episode.seed}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, thickness, cv2.LINE_AA
            )
        yield frame
    last = frame.copy()
    corner = (last.shape[1] - 1, last.shape[0] - 1)
    cv2.rectangle(last, (0, 0), corner, _SUCCESS if episode.success else _FAILURE, max(4, last.shape[1] // 40))
    while True:
        yield last


def _grid(tiles: Sequence[Iterator[Frame]], columns: int) -> Frame:
    """Returns the next frame of each tile in rows of ``columns``; what is left over is black."""
    frames = [next(tile) for tile in tiles]
    height, width, _ = frames[0].shape
    grid = np.zeros((math.ceil(len(frames) / columns) * height, columns * width, 3), np.uint8)
    for number, frame in enumerate(frames):
        top, left = number // columns * height, number % columns * width
        grid[top : top + height, left : left + width] = frame
    return grid


def _write(frames: Iterator[Frame], count: int, path: Path) -> None:
    """Writes the video, and the GIF. Both appear under their names when they are complete."""
    first = next(frames)
    partial = path.with_name(path.name + ".partial")
    video = VideoWriter(partial, (first.shape[0], first.shape[1]), crf=27, preset="veryfast")
    half = (first.shape[0] // 2, first.shape[1] // 2)
    every = max(2, math.ceil(count / _MAX_GIF_FRAMES))
    small = []
    try:
        for number in range(count):
            frame = first if number == 0 else next(frames)
            video.append(frame)
            if number % every == 0:
                small.append(_scaled(frame, half))
    finally:
        video.close()
    os.replace(partial, path)
    gif = path.with_suffix(".gif")
    iio.imwrite(gif.with_name(gif.name + ".partial"), np.stack(small), extension=".gif", duration=50 * every, loop=0)
    os.replace(gif.with_name(gif.name + ".partial"), gif)


def _scaled(frame: Frame, size: tuple[int, int]) -> Frame:
    return np.asarray(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
