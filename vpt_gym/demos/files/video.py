"""The video of a demo: H.264 in a fragmented MP4, which stays readable up to its last complete fragment.

A fragmented MP4 starts with its header, followed by two fragments a second, so a file opens even if its writer died.
There are no B-frames and no look-ahead: the encoder returns each frame in the call that passes it in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import av.filter
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import VideoReformatter

from vpt_gym.frames import Frame
from vpt_gym.video_file import DEMUXERS, converted, display_turn, open_video, video_stream

FRAGMENT_SECONDS = 0.5
"""Maximum length of a fragment of the video. A crash loses at most one, and the frames not yet encoded."""
_PLAIN_OPTIONS = {"movflags": "faststart"}
_CONTAINER_OPTIONS = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": str(round(FRAGMENT_SECONDS * 1e6)),
    "flush_packets": "1",
}

_LAST_BOX = b"\x00\x00\x00\x10mfro"
"""Size and type of the last box of a fragmented MP4; its version and the size of the box around it follow, 8 bytes."""


def require_encoder(*, lossless: bool = False) -> None:
    """Raises a ``RuntimeError`` with the remedy if this build of PyAV cannot write H.264."""
    encoder = "libx264rgb" if lossless else "libx264"
    if encoder not in av.codecs_available:
        raise RuntimeError(
            f"this build of PyAV has no {encoder} encoder, which recording needs; install the wheel from PyPI: "
            "pip install --force-reinstall av"
        )


class VideoWriter:
    """Encodes the frames of one demo, one call per frame, in one thread.

    A fragment is passed to the operating system when the first frame after it is appended. ``append`` and ``close``
    raise an ``OSError`` if the file cannot be written.

    Args:
        path: The file to write; it is overwritten.
        size: (height, width) of every frame. Odd sizes are padded by repeating the last row or column, since
            yuv420p stores colour at half resolution; readers crop the padding.
        fps: Frames per second, and the distance between key frames in frames.
        crf: x264's constant rate factor, 0 (lossless luma) to 51.
        preset: x264's preset.
        lossless: Store RGB without loss (H.264's High 4:4:4 Predictive profile), and ignore ``crf``.
        fragmented: False writes a plain MP4, with all of its index at the start. It cannot be read before ``close``.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        fps: int = 20,
        crf: int = 18,
        preset: str = "ultrafast",
        lossless: bool = False,
        fragmented: bool = True,
    ) -> None:
        self._path, self._lossless, self._fragmented = path, lossless, fragmented
        height, width = size
        self._padding = (height % 2, width % 2)
        container_options = _CONTAINER_OPTIONS if fragmented else _PLAIN_OPTIONS
        self._container = av.open(str(path), "w", format="mp4", options=container_options)
        options = {
            "preset": preset,
            "tune": "zerolatency",
            **({"qp": "0"} if lossless else {"crf": str(crf)}),
            "g": str(fps),
            "keyint_min": str(fps),
            "sc_threshold": "0",
            "bf": "0",
        }
        stream = self._container.add_stream("libx264rgb" if lossless else "libx264", rate=fps, options=options)
        stream.width, stream.height = width + self._padding[1], height + self._padding[0]
        stream.pix_fmt = "rgb24" if lossless else "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        stream.codec_context.thread_count = 1
        self._stream = stream
        self._reformatter = VideoReformatter()
        self._frames = 0
        self._closed = False

    def append(self, frame: Frame) -> None:
        """Encodes one frame, uint8 (H, W, 3) of the declared size, and writes it."""
        frame = np.ascontiguousarray(frame)
        if any(self._padding):
            bottom, right = self._padding
            frame = cast(Frame, cv2.copyMakeBorder(frame, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if not self._lossless:
            # swscale averages colour over 2x2 pixels; cv2's converter takes one of the four, which costs over 1 dB
            picture = converted(self._reformatter, picture, "yuv420p")
        picture.pts = self._frames
        self._frames += 1
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Writes the last fragment and the end of the file, and closes it. Further calls do nothing.

        Raises:
            OSError: They cannot be written: the frames of the last fragment may be missing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._frames:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
        if self._frames and self._fragmented:
            _check_end(self._path)


def iter_frames(
    path: str | os.PathLike[str], size: tuple[int, int] | None = None, *, threads: int = 0
) -> Iterator[Frame]:
    """Yields the frames of a video in order, each a new uint8 (H, W, 3) array.

    Args:
        path: The video file.
        size: (height, width) to crop to, the frames' size before padding. None keeps the stored size.
        threads: Threads of the decoder; 0 lets it choose. 1 needs the least processor time in total.

    Raises:
        av.FFmpegError: The file is not a video, or a complete frame cannot be decoded.
        FileNotFoundError: There is no such file.
        ValueError: A frame is damaged or differs in size from the first, or there is no video stream.
    """
    return (pixels() for pixels in iter_lazy_frames(path, size, threads=threads))


def iter_lazy_frames(
    path: str | os.PathLike[str], size: tuple[int, int] | None = None, *, threads: int = 0
) -> Iterator[Callable[[], Frame]]:
    """Yields for each frame of a video a function that returns it. Call the function before requesting the next one.

    A frame whose function is not called is decoded, since later frames depend on it, but not converted to RGB. Where
    the file is cut off, the frames end: those that are complete are the ones that ``read_header`` counts.
    Arguments, frames and errors are those of ``iter_frames``.
    """
    with open_video(path, DEMUXERS) as container:
        stream = video_stream(container, path)
        stream.thread_type = "AUTO"
        stream.thread_count = threads
        stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
        to_rgb: _ToRgb | None = None
        for packet in chain(_intact_packets(container, stream), (None,)):  # None: what the decoder holds back
            for picture in stream.decode(packet):
                if picture.is_corrupt:  # the decoder concealed an error
                    raise ValueError("damaged frame")
                if to_rgb is None:
                    to_rgb = _ToRgb(picture, stream.time_base)
                to_rgb.check(picture)
                yield partial(to_rgb.pixels, picture, size)


def iter_lazy_frames_opencv(path: str | os.PathLike[str]) -> Iterator[Callable[[], Frame]]:
    """Yields a function for each frame, like ``iter_lazy_frames``, but decodes with OpenCV, which stops at an error.

    ``iter_lazy_frames`` gave the same pixels in all versions tested, and reports what is wrong with a damaged video.

    Raises:
        ValueError: OpenCV cannot open the file.
    """
    capture = cv2.VideoCapture(os.fspath(path))

    def pixels() -> Frame:
        success, frame = capture.retrieve()
        if not success:
            raise ValueError("OpenCV cannot convert a frame")
        return cast(Frame, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))

    try:
        if not capture.isOpened():
            raise ValueError(f"OpenCV cannot open {os.fspath(path)}")
        while capture.grab():
            yield pixels
    finally:
        capture.release()


class VideoHeader(NamedTuple):
    """Properties of a video file, read without decoding it."""

    frames: int
    """Number of complete frames in the file that are shown."""
    size: tuple[int, int]
    """(height, width) as stored; (0, 0) if the file is not a video."""
    declared: int
    """Number of shown frames according to the header; 0 if it does not say, as in a fragmented MP4."""
    indivisible: bool
    """Whether it cannot be cut without encoding it again: it has frames that are out of order (B-frames), or that are
    decoded and not shown, since an edit list of the MP4 leaves them out."""
    begins_hidden: bool = False
    """Whether it hides frames before the first that it shows."""

    def lacks_ticks_of(self, ticks: int) -> bool:
        """Whether some of ``ticks`` records have no frame, and may be the first of them, whose frames are hidden."""
        return self.begins_hidden and self.frames < ticks

    def needs_encoding(self, ticks: int) -> bool:
        """Whether the video cannot be cut to ``ticks`` frames without encoding it again."""
        return self.indivisible and (self.frames > ticks or self.frames < self.declared)


NO_VIDEO = VideoHeader(0, (0, 0), 0, False)
"""The header of a file that is not a video."""


def read_header(path: str | os.PathLike[str], *, count: bool = True) -> VideoHeader:
    """Returns the number and size of a video's frames; 0 frames if the file ends before the first.

    The frames that decoding shows count. An MP4 cut without encoding begins with frames that only the decoder needs;
    its edit list hides them.

    Args:
        path: The video file.
        count: Whether to count the frames, which reads the complete file; else ``frames`` is 0.

    Raises:
        FileNotFoundError: There is no such file.
    """
    try:
        with open_video(path, DEMUXERS) as container:
            stream = video_stream(container, path)
            size = (stream.height, stream.width)
            stored, hidden = stream.frames, _hidden_in_index(stream)
            frames, begins_hidden = 0, False
            if count:
                shown = [not packet.is_discard for packet in _intact_packets(container, stream)]
                frames, hidden = sum(shown), max(hidden, len(shown) - sum(shown))
                begins_hidden = shown[:1] == [False]
            indivisible = hidden > 0 or bool(stream.codec_context.has_b_frames)
            return VideoHeader(frames, size, max(stored - hidden, 0), indivisible, begins_hidden)
    except FileNotFoundError:
        raise
    except (av.FFmpegError, OSError, ValueError):  # PyAV raises an OSError for invalid data too
        return NO_VIDEO


def count_frames(path: str | os.PathLike[str]) -> int:
    """Returns the number of complete frames in a video, without decoding them.

    Raises:
        FileNotFoundError: There is no such file.
    """
    return read_header(path).frames


def frame_times(path: str | os.PathLike[str]) -> npt.NDArray[np.float64] | None:
    """Returns when a player shows each frame of a video: (T,) seconds from its start, in order.

    None where the file has no time stamps, or is no video, which decoding reports.
    """
    try:
        with open_video(path, DEMUXERS) as container:
            stream = video_stream(container, path)
            stamps = [packet.pts for packet in _intact_packets(container, stream) if not packet.is_discard]
            time_base = stream.time_base
    except (av.FFmpegError, OSError, ValueError):
        return None
    if not stamps or None in stamps or time_base is None:
        return None
    return np.sort(np.array(stamps, np.float64)) * float(time_base)


def has_frame_at_every_tick(path: str | os.PathLike[str], fps: int) -> bool:
    """Returns whether frame t of a video is shown at tick t: none is more than half a tick from its place.

    True where the file has no time stamps, or is no video, which decoding reports.
    """
    times = frame_times(path)
    if times is None:
        return True
    return bool(np.abs(times - times[0] - np.arange(len(times)) / fps).max() <= 0.5 / fps)


def read_display_turn(path: str | os.PathLike[str]) -> str | None:
    """Returns how players turn the pictures of a video, in words; None if they do not, or if it has no picture."""
    try:
        with open_video(path, DEMUXERS) as container:
            stream = video_stream(container, path)
            stream.thread_count = 1
            picture = next(container.decode(stream), None)
            return None if picture is None else display_turn(picture)
    except (av.FFmpegError, OSError, ValueError):  # damage, which is found elsewhere
        return None


def copy_frames(source: Path, target: Path, count: int) -> None:
    """Copies the first ``count`` frames of a video into a new file, without encoding them again.

    Raises:
        OSError: The copy cannot be written.
        ValueError: The video hides frames, which the copy would show.
    """
    with (
        open_video(source, DEMUXERS) as reader,
        av.open(str(target), "w", format="mp4", options=_CONTAINER_OPTIONS) as opened,
    ):
        writer: Any = opened
        stream = video_stream(reader, source)
        if hasattr(writer, "add_stream_from_template"):
            copy = writer.add_stream_from_template(stream)
        else:  # PyAV before 14
            copy = writer.add_stream(template=stream)
        for index, packet in enumerate(_intact_packets(reader, stream)):
            if index == count:
                break
            if packet.is_discard:
                raise ValueError(f"{source} hides frames by an edit list, so it cannot be cut without encoding it")
            packet.stream = copy
            writer.mux(packet)
    _check_end(target)


def _check_end(path: Path) -> None:
    """Raises an ``OSError`` if a fragmented MP4 lacks its end, the box ``mfro``, and with it perhaps some frames.

    FFmpeg does not report a failed write while it closes a fragmented MP4. After one it writes nothing more.
    """
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - len(_LAST_BOX) - 8))
        if file.read(len(_LAST_BOX)) != _LAST_BOX:
            raise OSError(f"the end of {path} could not be written, as on a full disk")


class _ToRgb:
    """Converts the decoded frames of one video to RGB with a filter graph.

    A filter reuses a pool of buffers. ``VideoFrame.reformat`` and ``to_ndarray`` allocate new memory for each frame,
    which costs more than the conversion itself. PyAV's filters do not keep their graph alive, and using one without it
    is a segmentation fault, so this object holds both.

    Args:
        picture: The first frame.
        time_base: Time base of the stream, in seconds.
    """

    def __init__(self, picture: Any, time_base: Fraction) -> None:
        self._shape = _shape(picture)
        graph: Any = av.filter.Graph()
        if hasattr(graph, "threads"):  # older versions of PyAV lack it
            graph.threads = 1
        self._source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=time_base
        )
        rgb, self._sink = graph.add("format", "rgb24"), graph.add("buffersink")
        self._source.link_to(rgb)
        rgb.link_to(self._sink)
        graph.configure()
        self._graph = graph

    def check(self, picture: Any) -> None:
        """Raises a ``ValueError`` for a frame of another size or format, which the graph would silently scale."""
        if _shape(picture) != self._shape:
            (width, height, pixels), (first_width, first_height, first) = _shape(picture), self._shape
            raise ValueError(
                f"a frame is {height}x{width} {pixels}, those before it are {first_height}x{first_width} {first}"
            )

    def pixels(self, picture: Any, size: tuple[int, int] | None) -> Frame:
        """Returns a frame's pixels, uint8 (H, W, 3), cropped to ``size``. The array does not depend on the graph."""
        self._source.push(picture)
        plane = self._sink.pull().planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        frame = rows[:, : 3 * plane.width].reshape(plane.height, plane.width, 3)
        return np.ascontiguousarray(frame if size is None else frame[: size[0], : size[1]])


def _shape(picture: Any) -> tuple[int, int, str]:
    return picture.width, picture.height, picture.format.name


def _hidden_in_index(stream: Any) -> int:
    """Returns how many frames the container's index hides; 0 if this version of PyAV does not show the index."""
    return sum(entry.is_discard for entry in getattr(stream, "index_entries", ()))


def _intact_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yields packets up to the end of the file, or up to where it is damaged."""
    try:
        for packet in container.demux(stream):
            if packet.size and packet.is_corrupt:
                return
            if packet.size:  # the demuxer ends with an empty packet
                yield packet
    except av.FFmpegError:
        return
