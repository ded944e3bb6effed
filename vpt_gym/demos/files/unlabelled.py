"""Videos without labels, as of a person who plays: ``<id>.mp4``, and ``<id>.json`` about it. No action is stored.

They are no demos: the functions for demos ignore them. ``vpt-gym label`` turns them into demos.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import av
import numpy as np

from vpt_gym.demos.files.atomic import scratch, write_metadata
from vpt_gym.demos.files.names import PARTIAL_SUFFIX, VIDEO_FORMAT, DemoFiles, files_of, new_id, partial
from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.demos.files.writer import DemoWriteError, check_metadata, versions_in_use
from vpt_gym.frames import Frame
from vpt_gym.system.durable import sync
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.user_path import is_there

VIDEO_FORMAT_VERSION = 1
TICKS_PER_SECOND = 20


class UnlabelledVideoWriter:
    """Writes one video and its metadata. They get their final names in ``close``, the metadata last.

    Args:
        directory: Directory of the video; it is created if absent.
        size: (height, width) of the frames.
        metadata: Additional content of ``<id>.json``.
        lossless: Keep every pixel unchanged.

    Raises:
        ValueError: ``metadata`` has a key that the writer itself writes.
        DemoWriteError: The disk is full, or another error prevents writing.
    """

    def __init__(
        self, directory: Path, size: tuple[int, int], *, metadata: Mapping[str, Any], lossless: bool = False
    ) -> None:
        check_metadata(metadata)
        self._files = DemoFiles(directory, new_id())
        self._shape = (*size, 3)
        self._frames = 0
        self._metadata = {
            "format": VIDEO_FORMAT,
            "format_version": VIDEO_FORMAT_VERSION,
            "id": self._files.id,
            "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "fps": TICKS_PER_SECOND,
            "frame_size": list(size),
            "lossless": lossless,
            "versions": versions_in_use(),
            **metadata,
        }
        try:
            make_directory(directory)
            write_metadata(partial(self._files.metadata), self._metadata)
            self._video = VideoWriter(partial(self._files.video), size, fps=TICKS_PER_SECOND, lossless=lossless)
        except (OSError, av.FFmpegError) as error:
            with suppress(OSError):
                _delete_partial(self._files)
            raise self._failed(error) from error

    def append(self, frame: Frame) -> None:
        """Appends a frame, uint8 (H, W, 3) RGB.

        Raises:
            ValueError: The frame has another shape or type than the video; it is not appended.
            DemoWriteError: The frame cannot be written; the video is deleted.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame is {frame.dtype} {frame.shape}; those of this video are uint8 {self._shape}")
        try:
            self._video.append(frame)
        except (OSError, av.FFmpegError) as error:
            with suppress(OSError):
                self.abort()
            raise self._failed(error) from error
        self._frames += 1

    def close(self, ended: str) -> Path:
        """Finishes the video; returns its path.

        Args:
            ended: Why the episode ended: "terminated" or "truncated".

        Raises:
            DemoWriteError: The video cannot be finished.
        """
        files = self._files
        try:
            self._video.close()
            sync(partial(files.video))
            write_metadata(partial(files.metadata), {**self._metadata, "ticks": self._frames, "ended": ended})
            _name(files)
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error
        return files.video

    def abort(self) -> None:
        """Deletes the video; does nothing if it is deleted or finished already."""
        with suppress(OSError, av.FFmpegError):  # it is deleted
            self._video.close()
        _delete_partial(self._files)

    def _failed(self, error: Exception) -> DemoWriteError:
        return DemoWriteError(
            f"cannot write video {self._files.id} to {self._files.directory}: {error}. Free disk space or choose "
            "another directory; finished videos are not affected"
        )


def read_videos(directory: Path) -> dict[Path, dict[str, Any]]:
    """Returns the metadata of the finished videos without labels in a directory, by the path of ``<id>.json``."""
    found = {}
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        metadata = _metadata_of(path)
        if metadata is not None and is_there(files_of(path).video):
            found[path] = metadata
    return found


def clear_up_videos(directory: Path) -> None:
    """Names complete videos that lack only their final names, and deletes unfinished ones. Nothing else is touched.

    No other process may be writing videos into the directory.
    """
    for path in sorted(directory.glob(f"*.json{PARTIAL_SUFFIX}")):
        metadata = _metadata_of(path)
        if metadata is None:
            continue
        files = files_of(path)
        if "ended" in metadata:
            _name(files)
        else:
            _delete_partial(files)


def _name(files: DemoFiles) -> None:
    for path in (files.video, files.metadata):
        if is_there(partial(path)):
            os.replace(partial(path), path)


def _delete_partial(files: DemoFiles) -> None:
    partial(files.video).unlink(missing_ok=True)  # the metadata last: they mark it as ours
    scratch(partial(files.metadata)).unlink(missing_ok=True)
    partial(files.metadata).unlink(missing_ok=True)


def _metadata_of(path: Path) -> dict[str, Any] | None:
    """Returns the metadata in a file, or None if it is no metadata of a video without labels."""
    try:
        metadata = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return metadata if isinstance(metadata, dict) and metadata.get("format") == VIDEO_FORMAT else None
