"""Encoding and writing a demo's ticks in a separate thread, with a bounded queue."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress
from typing import TextIO

from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.frames import Frame


class BackgroundWriter:
    """Queues ticks and writes them in order in a thread. ``put`` waits while ``capacity`` ticks are pending.

    After an error the thread keeps taking ticks and drops them, so that callers get the error and never hang.

    Args:
        video: Receives the frames. Only the thread uses it, and closes it at the end.
        lines: Receives the lines of the records. Only the thread uses it; it is not closed.
        capacity: Maximum number of pending ticks. It limits memory, and how much a crash can lose.
        flush_every: Ticks between two flushes of ``lines``.
    """

    def __init__(self, video: VideoWriter, lines: TextIO, *, capacity: int, flush_every: int) -> None:
        self._video = video
        self._lines = lines
        self._flush_every = flush_every
        self._waiting: queue.Queue[tuple[Frame, str, float] | None] = queue.Queue(capacity)
        self._ticks = 0
        self._return = 0.0
        self._error: BaseException | None = None
        self._dropping = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="vpt-gym demo writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """Number of ticks in the queue. The thread may be writing one more."""
        return self._waiting.qsize()

    @property
    def written(self) -> tuple[int, float]:
        """Number of written ticks, and the sum of their rewards."""
        return self._ticks, self._return

    def put(self, frame: Frame, line: str, reward: float) -> None:
        """Adds one tick to the queue; ``frame`` must not be changed afterwards.

        Raises:
            OSError: An earlier tick could not be written.
            av.FFmpegError: An earlier frame could not be encoded.
            RuntimeError: This process is a fork of the one that records, and the thread runs only there.
        """
        self._check_process()
        if self._error is not None:
            raise self._error
        self._waiting.put((frame, line, reward))

    def finish(self) -> None:
        """Waits until all ticks are written, and closes the video.

        Raises:
            OSError: A tick could not be written.
            av.FFmpegError: A frame could not be encoded.
            RuntimeError: As for ``put``.
        """
        self._stop()
        if self._error is not None:
            raise self._error

    def discard(self) -> None:
        """Drops the pending ticks and closes the video, ignoring errors.

        Raises:
            RuntimeError: As for ``put``.
        """
        self._dropping = True
        self._stop()

    def _stop(self) -> None:
        self._check_process()
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                "this recording was started in another process, of which this one is a fork; create the env and its "
                "recorder in the process that steps them"
            )

    def _run(self) -> None:
        while (tick := self._waiting.get()) is not None:
            if self._error is not None or self._dropping:
                continue
            try:
                frame, line, reward = tick
                self._lines.write(line)
                if self._ticks % self._flush_every == 0:
                    self._lines.flush()  # before the frame that writes the previous fragment to disk
                self._video.append(frame)
                self._ticks += 1
                self._return += reward
            except BaseException as error:  # raised by the next put, or by finish
                self._error = error
        if self._error is None and not self._dropping:
            try:
                self._video.close()
            except BaseException as error:
                self._error = error
        else:
            with suppress(Exception):  # the first error counts
                self._video.close()
