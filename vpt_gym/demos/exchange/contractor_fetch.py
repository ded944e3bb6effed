"""Downloading OpenAI's contractor recordings by their index.

Unfinished downloads, and the size and hash of each finished file, are in ``<out>/.fetch``. A segment's two files get
their final names when both are complete, so every other command sees only complete recordings.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, Literal

from vpt_gym.demos.exchange.contractor_filter import ContentFilter
from vpt_gym.demos.exchange.contractor_index import RECORDS, VIDEO, Segment, choose, read_index
from vpt_gym.demos.files.made import was_rejected
from vpt_gym.demos.files.names import checked_directory, files_of
from vpt_gym.system.file_lock import try_lock
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.transfer import DownloadError, MissingFile, Record, fetch

_UNFINISHED = ".fetch"
_MOST_FAILURES = 8
"""So many segments in a row that fail are a broken network or a full disk, not faults of single files."""
_MOST_WORKERS = 32

Watch = Callable[[int, int, int], None]
"""Called with (segments done, segments in total, bytes received)."""


@dataclass(frozen=True)
class FetchResult:
    """The result of a download.

    Attributes:
        out: The output directory.
        segments: Number of segments that were asked for, without the rejected ones.
        complete: Number of those whose two files are complete there.
        new: Number of those that this call completed.
        received: Bytes that this call received.
        filtered: Number of segments whose videos were not wanted, by their actions or menus.
        rejected: Number of segments that are in ``rejected/`` and are not downloaded again. With a limit, those that
            others replace.
        missing: (path, problem) of each segment that the server does not have.
        failed: (path, problem) of each segment that could not be downloaded otherwise.
        untried: Number of segments that were not tried, after several in a row had failed.
        folders: Each folder of the complete segments, and how many it has.
    """

    out: Path
    segments: int
    complete: int
    new: int
    received: int
    filtered: int
    rejected: int
    missing: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str], ...]
    untried: int
    folders: dict[Path, int]

    def as_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "out": str(self.out),
            "segments": self.segments,
            "complete": self.complete,
            "new": self.new,
            "received_bytes": self.received,
            "filtered": self.filtered,
            "rejected": self.rejected,
            "missing": [{"path": path, "problem": problem} for path, problem in self.missing],
            "failed": [{"path": path, "problem": problem} for path, problem in self.failed],
            "untried": self.untried,
            "folders": {str(folder): count for folder, count in self.folders.items()},
        }


def fetch_contractor(
    index: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    versions: Iterable[str] = (),
    limit: int | None = None,
    seed: int | None = None,
    actions: Iterable[str] = (),
    max_menu: float | None = None,
    workers: int = 4,
    watch: Watch | None = None,
    attempts: int = 5,
    pause: float = 1.0,
) -> FetchResult:
    """Downloads the recordings that an index of OpenAI names: ``<out>/<path>.mp4`` and ``<path>.jsonl``.

    What is complete or was rejected is not downloaded again, and an interrupted transfer is continued, by this call
    and by the next (:func:`vpt_gym.system.transfer.fetch`). A segment that the server lacks is reported, and the rest
    is downloaded.

    Args:
        index: An index file, or the http(s) address of one.
        out: The output directory; it is created if absent.
        versions: Only segments of these recorder versions: ``"6.9"``, or ``"6"`` for all of 6.x.
        limit: At most so many segments. Rejected ones do not count: others are downloaded in their place.
        seed: A random sample of ``limit`` segments in place of the first ones.
        actions: Of these segments, only the videos of those in which each of these buttons is pressed.
        max_menu: Of these segments, only the videos of those in which a menu is open in at most this share of the
            ticks, 0 to 1. The records of the others are kept in ``<out>/.fetch``.
        workers: Number of segments that are downloaded at once, 1 to 32.
        watch: Called during the download, by several threads, one at a time.
        attempts: Give a file up after this many attempts in a row without progress.
        pause: Seconds before the second attempt; doubled before each later one.

    Raises:
        BlockingIOError: Another process downloads into this directory.
        DownloadError: The index cannot be downloaded.
        FileNotFoundError: There is no such index file.
        ValueError: It is not an index, a path in it would lead out of ``out``, or an argument is out of range.
    """
    if not 1 <= workers <= _MOST_WORKERS:
        raise ValueError(f"workers is {workers}; it must be 1 to {_MOST_WORKERS}")
    content = ContentFilter(tuple(actions), max_menu)
    folder, source = checked_directory(out), os.fspath(index)
    if re.match(r"https?://", source):
        with _lock(folder):
            name = hashlib.sha256(source.encode()).hexdigest()[:16]
            path = folder / _UNFINISHED / f"index-{name}.json"
            fetch(source, path, attempts=attempts, pause=pause)
    else:
        path = Path(source)
    index_of_all = read_index(path)
    with _lock(folder):
        rejected: list[Segment] = []

        def is_rejected(segment: Segment) -> bool:
            if not was_rejected(files_of(segment.file(folder, VIDEO))) or not _lacking(folder, segment):
                return False
            rejected.append(segment)
            return True

        segments = choose(index_of_all, versions=versions, limit=limit, seed=seed, leave_out=is_rejected)
        download = _Download(folder, len(segments), content, attempts, pause, watch, rejected=len(rejected))
        return download.run(segments, workers)


class _Stopped(Exception):
    """The download was stopped."""


@dataclass(frozen=True)
class _Outcome:
    segment: Segment
    state: Literal["had", "new", "filtered", "missing", "failed", "untried"]
    problem: str = ""


@dataclass
class _Download:
    folder: Path
    total: int
    content: ContentFilter
    attempts: int
    pause: float
    watch: Watch | None
    rejected: int
    received: int = 0
    done: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, segments: Sequence[Segment], workers: int) -> FetchResult:
        outcomes: list[_Outcome] = []
        failures = 0
        # The threads of a ThreadPool, unlike those of an executor, do not keep the process alive after Ctrl+C.
        with ThreadPool(workers) as pool:
            try:
                for outcome in pool.imap_unordered(self._segment, segments):
                    outcomes.append(outcome)
                    failures = failures + 1 if outcome.state == "failed" else 0
                    if failures >= _MOST_FAILURES:
                        self.stop.set()
                    self._report(done=1)
            finally:
                self.stop.set()
        return self._result(outcomes)

    def _segment(self, segment: Segment) -> _Outcome:
        """Completes the two files of a segment."""
        try:
            # The records first: they are small, and without them nobody needs the video.
            lacking = _lacking(self.folder, segment)
            for suffix in lacking:
                if suffix == VIDEO and self.content and not self.content.keeps(self._records(segment), segment.version):
                    return _Outcome(segment, "filtered")
                self._file(segment, suffix)
            for suffix in reversed(lacking):  # a video without records is no demo, records without a video are damage
                final = segment.file(self.folder, suffix)
                final.parent.mkdir(parents=True, exist_ok=True)
                os.replace(self._staged(segment, suffix), final)
        except _Stopped:
            return _Outcome(segment, "untried")
        except MissingFile as error:
            return _Outcome(segment, "missing", str(error))
        except (DownloadError, OSError, ValueError) as error:
            return _Outcome(segment, "failed", str(error))
        return _Outcome(segment, "new" if lacking else "had")

    def _file(self, segment: Segment, suffix: str) -> None:
        before: int | None = None

        def progress(done: int, total: int) -> None:
            nonlocal before
            if self.stop.is_set():
                raise _Stopped
            if before is not None and done > before:
                self._report(received=done - before)
            before = done

        if self.stop.is_set():
            raise _Stopped
        staged = self._staged(segment, suffix)
        fetch(segment.url(suffix), staged, progress=progress, attempts=self.attempts, pause=self.pause)

    def _staged(self, segment: Segment, suffix: str) -> Path:
        return _staged(self.folder, segment, suffix)

    def _records(self, segment: Segment) -> Path:
        staged = self._staged(segment, RECORDS)
        return staged if staged.exists() else segment.file(self.folder, RECORDS)

    def _report(self, *, done: int = 0, received: int = 0) -> None:
        with self.lock:
            self.done += done
            self.received += received
            if self.watch is not None:
                self.watch(self.done, self.total, self.received)

    def _result(self, outcomes: list[_Outcome]) -> FetchResult:
        def problems(state: str) -> tuple[tuple[str, str], ...]:
            return tuple(sorted((one.segment.path, one.problem) for one in outcomes if one.state == state))

        complete = [one.segment for one in outcomes if one.state in ("had", "new")]
        folders = Counter(segment.file(self.folder, VIDEO).parent for segment in complete)
        return FetchResult(
            self.folder,
            len(outcomes),
            len(complete),
            sum(one.state == "new" for one in outcomes),
            self.received,
            sum(one.state == "filtered" for one in outcomes),
            self.rejected,
            problems("missing"),
            problems("failed"),
            sum(one.state == "untried" for one in outcomes),
            dict(sorted(folders.items())),
        )


def _staged(folder: Path, segment: Segment, suffix: str) -> Path:
    return segment.file(folder / _UNFINISHED, suffix)


def _lacking(folder: Path, segment: Segment) -> list[str]:
    """Returns the suffixes of the files of a segment that are not complete, the records first."""
    return [suffix for suffix in (RECORDS, VIDEO) if not _is_complete(folder, segment, suffix)]


def _is_complete(folder: Path, segment: Segment, suffix: str) -> bool:
    final, record = segment.file(folder, suffix), Record.of(_staged(folder, segment, suffix))
    return record is not None and final.is_file() and final.stat().st_size == record.size


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Locks the output directory against other downloads, without waiting."""
    unfinished = folder / _UNFINISHED
    make_directory(unfinished)
    with (unfinished / "lock").open("ab") as file:
        if not try_lock(file):
            raise BlockingIOError(
                f"another `vpt-gym demos fetch` downloads into {folder}; wait for it, or choose another directory"
            )
        yield
