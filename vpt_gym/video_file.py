"""Video files of any source: how they are opened, whether players turn them, and how pixels are converted."""

from __future__ import annotations

import os
from typing import Any

import av
import numpy as np

DEMUXERS = "mov,h264"
"""FFmpeg's demuxers for the video of a demo: MP4, and H.264 without a container. Each reads one file; others, such as
``concat``, open further files that the first one names."""
GAMEPLAY_DEMUXERS = f"{DEMUXERS},matroska,avi,mpegts,mpeg,flv,ogg,asf,gif,hevc,ivf,nut"
"""FFmpeg's demuxers for gameplay videos of any source; each reads one file."""


def open_video(path: str | os.PathLike[str], demuxers: str) -> Any:
    """Returns an opened container, which the caller must close.

    Args:
        path: The video.
        demuxers: Names of FFmpeg's demuxers, separated by commas; a file that needs another one is refused.

    Raises:
        FileNotFoundError: There is no such file.
        av.FFmpegError: No such demuxer reads the file. (PyAV also raises an ``OSError`` for invalid data.)
    """
    return av.open(os.fspath(path), options={"format_whitelist": demuxers, "protocol_whitelist": "file"})


def video_stream(container: Any, path: str | os.PathLike[str]) -> Any:
    """Returns the first video stream of an opened container.

    Raises:
        ValueError: There is none, or no decoder for it.
    """
    if not container.streams.video:
        raise ValueError(f"{os.fspath(path)} has no video stream")
    stream = container.streams.video[0]
    if getattr(stream, "codec_context", None) is None:
        raise ValueError(f"{os.fspath(path)} has a video stream of an unknown codec")
    return stream


def display_turn(picture: Any) -> str | None:
    """Returns how players turn a decoded picture, by the display matrix of its video; None if they do not.

    Nothing in this package turns pictures: Minecraft's recorders write them upright, and a turned video would also
    need other camera labels.
    """
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # 16.16 fixed point
    if b == c == 0 and a > 0 and d > 0:
        return None
    if a * d - b * c < 0:
        return "mirrors its pictures"
    return f"turns its pictures by {round(np.degrees(np.arctan2(-b, a))) % 360} degrees"


def upright_command(name: str) -> str:
    """Returns an ``ffmpeg`` command that writes a video upright, with a frame for each of its frames."""
    return f"ffmpeg -i {name} -fps_mode passthrough -c:v libx264 -bf 0 -crf 18 upright.mp4"


def converted(reformatter: Any, picture: Any, pixels: str) -> Any:
    """Converts a frame to another pixel format, in one thread.

    Frames are small: on a busy machine, waking threads for each costs up to ten times the conversion.
    """
    try:
        return reformatter.reformat(picture, format=pixels, threads=1)
    except TypeError:  # an older PyAV, which always uses one thread
        return reformatter.reformat(picture, format=pixels)
