"""Videos for tests: a texture that drifts, and files of any frame rate."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


def moving_texture(length: int, size: tuple[int, int] = (128, 128), seed: int = 0) -> np.ndarray:
    """Frames (length, H, W, 3) of coloured noise that is smooth, and drifts by a few pixels a frame."""
    rng = np.random.default_rng(seed)
    height, width = size
    texture = cv2.resize(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), (2 * width, 2 * height))
    places = np.cumsum(rng.integers(-4, 5, (length, 2)), axis=0)
    return np.stack([np.roll(texture, tuple(place), (0, 1))[:height, :width] for place in places])


def numbered(length: int) -> np.ndarray:
    """Grey frames (length, 64, 64, 3), each four steps brighter than the last: :func:`numbers` reads them back."""
    assert length <= 60
    return np.stack([np.full((64, 64, 3), 4 * index + 8, np.uint8) for index in range(length)])


def numbers(frames: object) -> list[int]:
    return [round((float(np.mean(frame)) - 8) / 4) for frame in frames]  # type: ignore[attr-defined]


def write_video(path: Path, frames: np.ndarray, rate: int | Fraction, times: list[float] | None = None) -> Path:
    """Writes an H.264 file; ``times``, in seconds, makes its frame rate vary."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "1", "preset": "ultrafast"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 6000)
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            seconds = index / float(rate) if times is None else times[index]
            picture.time_base = Fraction(1, 6000)
            picture.pts = round(seconds * 6000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Replaces the first four numbers (a, b, c, d) of the display matrix of an MP4's only track, the ``tkhd`` box."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (number << 16 for number in matrix)
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))
    return path


TURNS: dict[str, tuple[int, int, int, int]] = {
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down": (1, 0, 0, -1),
}
"""Display matrices (a, b, c, d): how players turn the pictures."""


def write_with_hidden_start(path: Path, frames: np.ndarray, *, first_packet: int, first_shown: int) -> Path:
    """Writes an MP4 of 20 frames a second as a cut without encoding makes it, with a key frame every 20 frames.

    The packets from ``first_packet`` on, a key frame, are copied; an edit list hides those before ``first_shown``.
    """
    whole = path.with_suffix(".whole.mp4")
    with av.open(str(whole), "w") as container:
        options = {"g": "20", "keyint_min": "20", "sc_threshold": "0", "bf": "0", "crf": "1", "preset": "ultrafast"}
        stream = container.add_stream("libx264", rate=20, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(whole)) as reader, av.open(str(path), "w") as writer:
        copy = writer.add_stream_from_template(reader.streams.video[0])
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        shown_from = packets[first_shown].pts
        for packet in packets[first_packet:]:
            packet.pts, packet.dts = packet.pts - shown_from, packet.dts - shown_from
            packet.stream = copy
            writer.mux(packet)
    whole.unlink()
    return path
