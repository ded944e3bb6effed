"""Reads gameplay videos from any source: their frame rate, and their frames as game ticks, 20 a second."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from vpt_gym.frames import Frame
from vpt_gym.video_file import GAMEPLAY_DEMUXERS, display_turn, open_video, upright_command

TICKS_PER_SECOND = 20
"""Minecraft's ticks a second, and the frame rate that VPT's models were trained on."""

_RATE_TOLERANCE = 0.05


@dataclass(frozen=True)
class VideoInfo:
    """The properties stated in a video file.

    Attributes:
        size: (height, width) in pixels.
        rate: Mean frames a second; NaN if the file does not state it.
        frames: Approximate number of frames; 0 if the file does not state it.
    """

    size: tuple[int, int]
    rate: float
    frames: int

    @property
    def at_tick_rate(self) -> bool:
        """Whether it has 20 frames a second, so that a frame is a tick."""
        return abs(self.rate - TICKS_PER_SECOND) <= _RATE_TOLERANCE


def read_video_info(path: str | os.PathLike[str]) -> VideoInfo:
    """Reads the properties of a video without decoding it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate) if stream.average_rate else math.nan
        frames = stream.frames
        if not frames and container.duration and math.isfinite(rate):
            frames = round(container.duration / av.time_base * rate)
        return VideoInfo((stream.height, stream.width), rate, frames)


def read_ticks(path: str | os.PathLike[str], *, resample: bool = False) -> Iterator[Frame]:
    """Yields the frames of a video as ticks of the game, in order.

    Args:
        path: The video.
        resample: For each twentieth of a second, select the frame that is shown at that time. Without it the video must
            have 20 frames a second. A slower video cannot be resampled: more than one tick passed between its frames.

    Yields:
        uint8 (H, W, 3) RGB; frames do not share memory.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a video, its frame rate does not fit, its display matrix turns its pictures, or a
            part of it cannot be decoded.
    """
    info = read_video_info(path)
    _check_upright(path)
    if not info.at_tick_rate:
        _check_rate(path, info, resample)
    return _decoded(path, resample=resample and not info.at_tick_rate, rate=info.rate)


def _check_upright(path: str | os.PathLike[str]) -> None:
    with _opened(path) as container:
        try:
            picture = next(container.decode(container.streams.video[0]), None)
        except (av.FFmpegError, OSError):  # damage, which decoding all frames reports
            return
        turn = None if picture is None else display_turn(picture)
    if turn is not None:
        raise ValueError(
            f"{os.fspath(path)} {turn} when it is shown (its display matrix), and a model needs them upright; convert "
            f"it: {upright_command('VIDEO')}"
        )


def _check_rate(path: str | os.PathLike[str], info: VideoInfo, resample: bool) -> None:
    what = f"{os.fspath(path)} has {info.rate:.4g} frames a second"
    if not info.rate > TICKS_PER_SECOND:
        raise ValueError(
            f"{what}, the game has {TICKS_PER_SECOND} ticks: an inverse dynamics model was trained on one frame per "
            f"tick, and missing frames cannot be reconstructed. "
            f"Record the game at {TICKS_PER_SECOND} frames a second or more"
        )
    if not resample:
        raise ValueError(
            f"{what}, the game has {TICKS_PER_SECOND} ticks, and each label belongs to one tick: resample it with "
            f"resample=True (vpt-gym label --resample), or convert it: ffmpeg -i VIDEO -r {TICKS_PER_SECOND} OUT.mp4"
        )


def _decoded(path: str | os.PathLike[str], *, resample: bool, rate: float) -> Iterator[Frame]:
    number = due = 0
    start = end = 0.0
    shown: Frame | None = None
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for picture in container.decode(stream):
                if picture.is_corrupt:
                    raise ValueError("damaged frame")
                frame = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
                if resample:
                    if picture.time is None:
                        raise ValueError("a frame without a time stamp, so the video cannot be resampled")
                    if shown is None:
                        start = picture.time
                    end = picture.time + 1.0 / rate
                    # the previous frame is shown until the time of this one
                    while shown is not None and start + due / TICKS_PER_SECOND < picture.time - 1e-6:
                        yield shown.copy()
                        due += 1
                    shown = frame
                else:
                    yield frame
                number += 1
        except (av.FFmpegError, ValueError) as error:
            raise ValueError(
                f"{os.fspath(path)} cannot be decoded after frame {number} ({error}): cut it there, or restore it"
            ) from error
        if shown is not None and start + due / TICKS_PER_SECOND < end - 1e-6:
            yield shown


def _opened(path: str | os.PathLike[str]) -> av.container.InputContainer:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no video {os.fspath(path)}")
    try:
        container: av.container.InputContainer = open_video(path, GAMEPLAY_DEMUXERS)
    except (av.FFmpegError, OSError) as error:
        raise ValueError(
            f"{os.fspath(path)} is not a readable video ({error}); convert it: ffmpeg -i VIDEO -c:v libx264 OUT.mp4"
        ) from error
    if not container.streams.video:
        container.close()
        raise ValueError(f"{os.fspath(path)} has no video stream")
    return container
