"""Reads gameplay videos from any source: their frame rate, and their frames as game ticks, 20 a second."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from vpt_gym.frames import Frame
from vpt_gym.system.user_path import user_path
from vpt_gym.video_file import GAMEPLAY_DEMUXERS, converted, display_turn, open_video, upright_command, video_stream

TICKS_PER_SECOND = 20
"""Minecraft's ticks a second, and the frame rate that VPT's models were trained on."""

_RATE_TOLERANCE = 0.05
_LONGEST = 600.0
"""Seconds that a frame may be shown when it is resampled. Damaged time stamps would fill the disk with copies of it."""


@dataclass(frozen=True)
class VideoInfo:
    """The properties of a video file.

    Attributes:
        size: (height, width) in pixels.
        rate: Mean frames a second; NaN if the file does not state it.
        frames: Number of frames that are shown.
        intervals: (shortest, typical, longest) time from one frame to the next, seconds, by the time stamps; the
            typical one is the median. None without time stamps, or with a single frame.
        even: Whether the time stamps are evenly spaced: each interval is nearer to the mean than to its half or its
            double, and no frame is more than half an interval from its place in an even sequence.
    """

    size: tuple[int, int]
    rate: float
    frames: int
    intervals: tuple[float, float, float] | None = None
    even: bool = True

    @property
    def at_tick_rate(self) -> bool:
        """Whether it has 20 evenly spaced frames a second, so that a frame is a tick."""
        return self.even and abs(self.rate - TICKS_PER_SECOND) <= _RATE_TOLERANCE


def read_video_info(path: str | os.PathLike[str]) -> VideoInfo:
    """Reads the properties of a video without decoding it. The complete file is read, for the time stamps.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        size = (stream.height, stream.width)
        rate = float(stream.average_rate) if stream.average_rate else math.nan
        stamps: list[int | None] = []
        try:
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:  # an edit list hides the discarded ones
                    stamps.append(packet.pts)
        except (av.FFmpegError, OSError):  # damage, which decoding reports
            pass
        known = [stamp for stamp in stamps if stamp is not None]
        if len(known) < 2 or len(known) != len(stamps) or stream.time_base is None:
            return VideoInfo(size, rate, len(stamps))
        times = np.sort(np.array(known, np.float64)) * float(stream.time_base)
    intervals = np.diff(times)
    mean = float(intervals.mean())
    if mean <= 0.0:
        return VideoInfo(size, rate, len(times))
    drift = times - times[0] - mean * np.arange(len(times))
    even = 0.5 * mean < intervals.min() and intervals.max() < 1.5 * mean and np.abs(drift).max() <= 0.5 * mean
    spread = (float(intervals.min()), float(np.median(intervals)), float(intervals.max()))
    return VideoInfo(size, 1.0 / mean, len(times), spread, bool(even))


def read_ticks(path: str | os.PathLike[str], *, resample: bool = False) -> Iterator[Frame]:
    """Yields the frames of a video as ticks of the game, in order.

    Args:
        path: The video.
        resample: For each twentieth of a second, select the frame that is shown at that time, by the time stamps.
            Without it the video must have 20 evenly spaced frames a second. A video with typically fewer cannot be
            resampled: more than one tick passed between its frames.

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
    typical = info.rate
    if not info.even and info.intervals is not None:
        shortest, median, longest = info.intervals
        what += f" on average, unevenly spaced, {shortest:.3g} to {longest:.3g} s apart"
        typical = 1.0 / median if median else math.inf
    if not typical > TICKS_PER_SECOND - _RATE_TOLERANCE:
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
    if info.intervals is not None and info.intervals[2] > _LONGEST:
        raise ValueError(
            f"{what}: a frame of {info.intervals[2]:.3g} s would become {info.intervals[2] * TICKS_PER_SECOND:.3g} "
            "ticks; the time stamps are damaged, or the recording was paused: cut it there"
        )


def _decoded(path: str | os.PathLike[str], *, resample: bool, rate: float) -> Iterator[Frame]:
    number = due = 0
    start = begin = end = 0.0
    shown: Frame | None = None
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        reformatter = VideoReformatter()
        try:
            for picture in container.decode(stream):
                if picture.is_corrupt:
                    raise ValueError("damaged frame")
                frame = np.asarray(converted(reformatter, picture, "rgb24").to_ndarray(), np.uint8)
                if resample:
                    if picture.time is None:
                        raise ValueError("a frame without a time stamp, so the video cannot be resampled")
                    if shown is None:
                        start = picture.time
                    elif picture.time < begin:
                        raise ValueError("the time stamps go back, so the video cannot be resampled")
                    begin = picture.time
                    end = begin + (_duration(picture) or 1.0 / rate)
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
        end = min(end, begin + _LONGEST)
        while shown is not None and start + due / TICKS_PER_SECOND < end - 1e-6:
            yield shown.copy()
            due += 1


def _duration(picture: av.VideoFrame) -> float:
    """Returns how long a picture is shown, seconds; 0 if the file, or an older PyAV, does not say."""
    duration = getattr(picture, "duration", None)
    return float(duration * picture.time_base) if duration and picture.time_base is not None else 0.0


def _opened(path: str | os.PathLike[str]) -> av.container.InputContainer:
    path = user_path(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no video {os.fspath(path)}")
    try:
        container: av.container.InputContainer = open_video(path, GAMEPLAY_DEMUXERS)
    except (av.FFmpegError, OSError) as error:
        raise ValueError(
            f"{os.fspath(path)} is not a readable video ({error}); convert it: ffmpeg -i VIDEO -c:v libx264 OUT.mp4"
        ) from error
    try:
        video_stream(container, path)
    except ValueError:
        container.close()
        raise
    return container
