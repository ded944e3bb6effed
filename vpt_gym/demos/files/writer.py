"""Writing one demo, tick by tick. A crash at any moment loses at most the last second."""

from __future__ import annotations

import copy
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeAlias

import av
import numpy as np

from vpt_gym.actions.human import HumanAction
from vpt_gym.demos.files.atomic import finish, scratch, write_metadata
from vpt_gym.demos.files.background import BackgroundWriter
from vpt_gym.demos.files.disk import describe_disk_usage
from vpt_gym.demos.files.names import FORMAT, FORMAT_VERSION, MOST_FPS, DemoFiles, checked_directory, new_id, partial
from vpt_gym.demos.files.records import RecordBuilder, finite, to_line
from vpt_gym.demos.files.video import FRAGMENT_SECONDS, VideoWriter, require_encoder
from vpt_gym.frames import Frame, packed_copy
from vpt_gym.system.durable import sync
from vpt_gym.system.file_lock import try_lock, unlock
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import nesting
from vpt_gym.system.machine import installed_version
from vpt_gym.system.number import is_real, is_whole
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.printable import shown

PENDING_SECONDS = 0.4
"""Maximum time that ticks wait for the encoder. With one fragment of the video, this is what a crash can lose."""

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
"""x264's presets, the quickest first."""
MOST_PIXELS = 16384
"""Longest side of a frame that x264 encodes."""
_MOST_NESTED = 100
"""Containers in containers in metadata: fewer than readers accept, since other formats put metadata into theirs."""

Ending: TypeAlias = Literal["terminated", "truncated", "reset", "close", "error", "recovered"]
"""Why a demo ended: the env returned it (first two), ``reset`` or ``close`` was called, an exception, or a crash."""


class DemoWriteError(OSError):
    """A demo could not be written, for lack of disk space or permissions. Finished demos are not affected."""


@dataclass(frozen=True)
class EpisodeSummary:
    """Summary of an episode at the end of its recording.

    Attributes:
        id: The demo's id.
        ticks: Number of recorded ticks.
        episode_return: Sum of their rewards.
        success: Whether the episode succeeded; None if unknown.
        ended: Why the recording ended.
        wall_time: Seconds since the recording started, including pauses.
    """

    id: str
    ticks: int
    episode_return: float
    success: bool | None
    ended: Ending
    wall_time: float


class DemoWriter:
    """Records one demo. Nothing is created on disk before the first ``append``.

    A thread encodes and writes. If it falls behind, ``append`` waits: at most 8 ticks (at 20 per second) are pending,
    so memory stays constant for episodes of any length.

    The files have ``.partial`` names until ``close``. Each half second of video and its records are passed to the
    operating system together, the records first, so a recording can be repaired after a crash
    (``vpt_gym.demos.repair``).

    Args:
        directory: Directory of the demo; it is created if absent. Any number of writers may share it.
        metadata: Additional content of ``<id>.json``; values that are not JSON are written as their ``repr``.
        fps: Ticks per second; 20 in Minecraft.
        crf: x264's constant rate factor: lower is closer to the frames, and larger.
        preset: x264's preset. At equal ``crf``, ``"veryfast"`` makes files 40 % smaller than ``"ultrafast"``, takes two
            to three times as long per frame, and decodes half as fast.
        lossless: Store RGB without loss, in files that are about five times larger. Most video players show them, but
            not all browsers.

    Raises:
        TypeError: ``metadata`` are no mapping, or ``directory`` is no path.
        ValueError: ``metadata`` have a key that the writer itself writes, or cannot be written as JSON; or ``fps``,
            ``crf`` or ``preset`` is out of range.
        RuntimeError: This build of PyAV has no libx264.

    Example:
        >>> import tempfile, numpy as np
        >>> from vpt_gym.actions.human import human_action
        >>> with DemoWriter(tempfile.mkdtemp(), metadata={"task": "look around"}) as writer:
        ...     writer.append(np.zeros((144, 256, 3), np.uint8), human_action("forward", camera=(0.0, 1.5)))
        ...     path = writer.close(success=True)
        >>> path.suffix
        '.json'
    """

    @checks_flags
    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        metadata: Mapping[str, Any] | None = None,
        fps: int = 20,
        crf: int = 18,
        preset: str = "ultrafast",
        lossless: bool = False,
    ) -> None:
        check_metadata(metadata or {})
        check_video_options(fps, crf, preset)
        require_encoder(lossless=lossless)
        self.files = DemoFiles(checked_directory(directory), new_id())
        self._metadata = dict(metadata or {})
        self._fps, self._crf, self._preset, self._lossless = int(fps), crf, preset, bool(lossless)
        self._started, self._clock = datetime.now(timezone.utc), time.monotonic()
        self._builder = RecordBuilder()
        self._lines: TextIOWrapper | None = None
        self._background: BackgroundWriter | None = None
        self._frame_shape: tuple[int, ...] = ()
        self._ticks = 0
        self._return = 0.0
        self._closed = False

    @property
    def ticks(self) -> int:
        """Number of appended ticks."""
        return self._ticks

    @property
    def pending(self) -> int:
        """Number of ticks that wait for the encoder."""
        return 0 if self._background is None else self._background.pending

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuses copies: two writers of one demo would damage it.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"{self.files.id} is being recorded; it cannot be copied or pickled: end its episode first")

    @property
    def closed(self) -> bool:
        """Whether the demo was closed, aborted, or ended by an error."""
        return self._closed

    @checks_flags
    def append(
        self,
        frame: Frame,
        action: HumanAction,
        *,
        reward: float = 0.0,
        executed: HumanAction | None = None,
        intervention: bool = False,
        state: Mapping[str, Any] | None = None,
        cursor: tuple[float, float] | None = None,
    ) -> None:
        """Appends one tick; waits if the encoder has fallen behind.

        Args:
            frame: uint8 (H, W, 3) RGB, seen before the action; it is copied. All frames must have one size.
            action: The human action to learn from this tick.
            reward: Reward of the step.
            executed: The human action that was executed, if ``action`` is a label for it (DAgger).
            intervention: Whether a person took over from an agent in this tick, or corrected it.
            state: State of the game before the action, any of ``records.STATE_KEYS``. Without ``isGuiOpen``, it is
                unknown whether a menu is open.
            cursor: Where the cursor is in the frame while a menu is open: (x, y), each from 0 (left, top) to 1.

        Raises:
            ValueError: The frame, the action, the reward, the state or the cursor is invalid; the tick is not recorded.
            DemoWriteError: The disk is full, or another error prevents writing, possibly of an earlier tick. The ticks
                written so far remain, as a partial recording.
            RuntimeError: The writer is closed, or this process is a fork of the one that started the recording.
        """
        if self._closed:
            raise RuntimeError("this demo is closed; open a new DemoWriter for the next episode")
        self._check_frame(frame)
        # game time, not the clock: the same episode gives the same records
        milli = 1000 * self._ticks // self._fps
        builder = copy.copy(self._builder)  # which a tick that is refused must not change
        record = builder.build(
            action,
            milli=milli,
            reward=reward,
            executed=executed,
            intervention=intervention,
            state=state,
            cursor=cursor,
        )
        line = to_line(record)
        frame = packed_copy(frame)
        with self._reporting_disk_errors():
            if self._background is None:
                self._background = self._open(frame)
            self._background.put(frame, line, float(reward))
        self._builder = builder
        self._ticks += 1
        self._return += float(reward)

    def summary(self, *, success: bool | None = None, ended: Ending = "close") -> EpisodeSummary:
        """Returns the summary that would be recorded if the episode were closed now."""
        wall_time = round(time.monotonic() - self._clock, 3)
        return EpisodeSummary(self.files.id, self._ticks, self._return, success, ended, wall_time)

    def close(
        self,
        *,
        success: bool | None = None,
        ended: Ending = "close",
        metadata: Mapping[str, Any] | None = None,
    ) -> Path | None:
        """Finishes the demo: waits until all three files are on disk, and renames them to their final names.

        Args:
            success: Whether the episode succeeded; None if unknown.
            ended: Why the recording ended.
            metadata: Additional content of ``<id>.json`` that is known only now.

        Returns:
            The path of ``<id>.json``; None if no tick was appended, so that nothing is written, or if the writer was
            already closed.

        Raises:
            TypeError: ``metadata`` are no mapping.
            ValueError: ``metadata`` have a key that the writer itself writes, or cannot be written as JSON; or
                ``success`` is neither true, false nor None. The demo is not finished yet; this may be called again.
            DemoWriteError: The disk is full, or another error prevents writing.
        """
        check_metadata(metadata or {})
        success = _checked_success(success)
        if self._closed or self._background is None or self._lines is None:
            self._closed = True
            return None
        self._metadata.update(metadata or {})
        with self._reporting_disk_errors():
            self._background.finish()
            self._ticks, self._return = self._background.written  # an interrupt may have come between put and the count
            sync(partial(self.files.video))
            self._lines.flush()
            os.fsync(self._lines.fileno())
            self._write_metadata(self.summary(success=success, ended=ended))
            if sys.platform == "win32":  # which cannot rename an open file
                self._lines.close()
            finish(self.files)
            if not self._lines.closed:
                unlock(self._lines)  # last: its lock marks the demo as being recorded
                self._lines.close()
        self._closed = True
        return self.files.metadata

    def abort(self) -> None:
        """Deletes the demo from the disk."""
        if self._closed:
            return
        self._release()
        self._remove()

    def __enter__(self) -> DemoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(ended="close" if kind is None else "error")

    def _check_frame(self, frame: Frame) -> None:
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            what = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise ValueError(f"a frame must be uint8 (H, W, 3), got {what}; vpt_gym.frames.find_frame converts to it")
        if not all(1 <= side <= MOST_PIXELS for side in frame.shape[:2]):
            raise ValueError(f"a frame is {frame.shape[0]}x{frame.shape[1]}; H.264 holds sides of 1 to {MOST_PIXELS}")
        if self._ticks and frame.shape != self._frame_shape:
            raise ValueError(
                f"the frame is {frame.shape}, the demo's first was {self._frame_shape}; all must have one size"
            )

    def _open(self, frame: Frame) -> BackgroundWriter:
        self._frame_shape = frame.shape
        make_directory(self.files.directory)
        try:
            self._lines = self._open_lines()
            self._write_metadata(self.summary(ended="recovered"))
            video = VideoWriter(
                partial(self.files.video),
                (frame.shape[0], frame.shape[1]),
                fps=self._fps,
                crf=self._crf,
                preset=self._preset,
                lossless=self._lossless,
            )
            return BackgroundWriter(
                video,
                self._lines,
                capacity=max(1, int(PENDING_SECONDS * self._fps)),
                flush_every=max(1, int(FRAGMENT_SECONDS * self._fps)),
            )
        except BaseException:  # no tick was written that could be recovered
            self._release()
            with suppress(OSError):
                self._remove()
            raise

    def _open_lines(self) -> TextIOWrapper:
        """Creates the file of records, locked, so that ``repair`` does not take it for the remains of a crash."""
        while True:
            lines = open(partial(self.files.records), "x", encoding="utf-8", newline="\n")  # noqa: SIM115
            while not try_lock(lines):  # a running repair has it, and will remove it
                time.sleep(0.001)
            if os.fstat(lines.fileno()).st_nlink:
                return lines
            lines.close()

    def _write_metadata(self, summary: EpisodeSummary) -> None:
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "id": summary.id,
            "ticks": summary.ticks,
            "return": summary.episode_return,
            "success": summary.success,
            "ended": summary.ended,
            "started": self._started.isoformat(timespec="milliseconds"),
            "wall_time": summary.wall_time,
            "fps": self._fps,
            "frame_size": list(self._frame_shape[:2]),
            "lossless": self._lossless,
            "versions": versions_in_use(),
            **self._metadata,
        }
        write_metadata(partial(self.files.metadata), metadata)

    @contextmanager
    def _reporting_disk_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            self._release()
            raise DemoWriteError(
                f"cannot write demo {self.files.id} to {self.files.directory}: {error}. "
                f"{describe_disk_usage(self.files, self._ticks)}Free disk space or choose another directory; finished "
                f"demos are not affected, and `vpt-gym demos repair {self.files.directory}` recovers what was written "
                f"of this one ({self._ticks} ticks had been appended)"
            ) from error

    def _remove(self) -> None:
        for path in self.files.all:
            partial(path).unlink(missing_ok=True)
            scratch(partial(path)).unlink(missing_ok=True)

    def _release(self) -> None:
        self._closed = True
        if self._background is not None:
            self._background.discard()
        if self._lines is not None:
            with suppress(OSError, ValueError):
                unlock(self._lines)
                self._lines.close()


RESERVED_KEYS = {
    "format",
    "format_version",
    "id",
    "ticks",
    "return",
    "success",
    "ended",
    "started",
    "wall_time",
    "fps",
    "frame_size",
    "lossless",
    "versions",
}
"""Keys of the metadata that ``DemoWriter`` itself writes."""


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Checks metadata of a caller.

    Raises:
        TypeError: They are not a mapping with texts as keys.
        ValueError: They have a key of ``RESERVED_KEYS``, or cannot be written as JSON.
    """
    if not isinstance(metadata, Mapping) or not all(isinstance(key, str) for key in metadata):
        raise TypeError(f"metadata is {shown(metadata)}; it must be a mapping of names to values")
    taken = sorted(set(metadata) & RESERVED_KEYS)
    if taken:
        raise ValueError(f"metadata keys {taken} are written by DemoWriter itself; choose other names")
    for key, value in metadata.items():
        try:
            if nesting(value, _MOST_NESTED) > _MOST_NESTED:
                raise ValueError(f"it is nested deeper than {_MOST_NESTED} levels")
            json.dumps(finite(value), default=repr, allow_nan=False)
        except Exception as error:  # repr runs code of the value's class
            raise ValueError(
                f"metadata[{shown(key)}] cannot be written as JSON ({error}); leave it out, or give its text"
            ) from error


def check_video_options(fps: Any, crf: Any, preset: Any) -> None:
    """Checks options of a demo's video before anything is written.

    Raises:
        ValueError: One is out of range.
    """
    if not (is_whole(fps) and 1 <= fps <= MOST_FPS):
        raise ValueError(f"fps is {shown(fps)}; it must be a whole number of ticks per second, 1 to {MOST_FPS}")
    if not (is_real(crf) and 0 <= crf <= 51):
        raise ValueError(f"crf is {shown(crf)}; it must be a number from 0 (closest) to 51 (smallest)")
    if preset not in PRESETS:
        raise ValueError(f"preset is {shown(preset)}; it must be one of {', '.join(PRESETS)}")


def _checked_success(success: Any) -> bool | None:
    if isinstance(success, bool | np.bool_) or (isinstance(success, int | np.integer) and success in (0, 1)):
        return bool(success)
    if success is None or (isinstance(success, float | np.floating) and np.isnan(success)):
        return None
    raise ValueError(f"success is {shown(success)}; it must be true, false, or None if it is unknown")


_GAMES: tuple[str, ...] = ("minedojo", "minerl", "craftground")


def versions_in_use() -> dict[str, str]:
    """Returns the versions of Python, of the packages that record, and of the games that are imported."""
    packages = {name: installed_version(name) for name in ("vpt-gym", "gymnasium", "av", "numpy")}
    games: dict[str, str] = {name: installed_version(name) for name in _GAMES if name in sys.modules}
    return {"python": platform.python_version(), **packages, **games}
