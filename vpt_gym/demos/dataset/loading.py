"""Finding the demos of a ``DemoDataset``, dividing them among ranks, and decoding them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from vpt_gym.demos.dataset.cache import CacheFullError, DemoCache, FrameCache
from vpt_gym.demos.dataset.native import NativeLabels
from vpt_gym.demos.dataset.sessions import session_of
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.files.folders import below_in_words, demos_below
from vpt_gym.demos.files.names import (
    CONTRACTOR_FORMAT,
    REMEDY_RESTORE_OR_REPAIR,
    DemoError,
    checked_directory,
    files_of,
    list_demos,
)
from vpt_gym.demos.files.video import count_frames
from vpt_gym.system.user_path import is_there, user_path

DropNull = Literal["auto", "mask", "cut", False]
Paths = str | os.PathLike[str]
Skipped = tuple[Path, str]


@dataclass(frozen=True)
class Episode:
    """The n ticks of one demo that are learned from.

    Attributes:
        id: The demo's id.
        path: One of the demo's files.
        wanted: (T,) bool, which ticks of the demo these are.
        rows: (n,) the rows of ``frames`` that belong to them; None if ``frames`` has exactly these.
        frames: The frames, or features of them; None if they are streamed.
        codes: (n, 2) int64.
        labels: (n, k) int64, what is learned: the codes, or labels of another kind.
        weight: (n,) float32.
        menu: (n,) bool, True where a menu is open.
    """

    id: str
    path: Path
    wanted: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int64] | None
    frames: npt.NDArray[Any] | None
    codes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    menu: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.codes)


class LoadResult(NamedTuple):
    """The episodes of one rank."""

    episodes: list[Episode]
    """In the order of the paths."""
    skipped: list[Skipped]
    """(path, reason) of each damaged demo."""
    ticks: int
    """Ticks per rank, the average rounded up: equal in all ranks, so that their epochs are equally long."""


class EpisodeLoader:
    """Reads demos and decodes them into a cache.

    Args:
        read: Reads one demo.
        cache: Decodes and keeps its frames.
        drop_null: As in ``DemoDataset``.
        labels: As in ``DemoDataset``.
        unlabelled: As in ``DemoDataset``.
        stream: Whether demos that the cache has no space for are streamed; otherwise they are an error.
        workers: Threads.
        join_segments: Whether the segments of a session go to the same rank.
    """

    def __init__(
        self,
        read: Callable[[Path], Demo],
        cache: DemoCache,
        *,
        drop_null: DropNull,
        labels: NativeLabels | None,
        stream: bool,
        workers: int,
        join_segments: bool = False,
        unlabelled: bool = False,
    ) -> None:
        self._read, self._cache, self._drop_null, self._labels = read, cache, drop_null, labels
        self._unlabelled = unlabelled
        self._stream, self._workers, self._join_segments = stream, workers, join_segments

    def load(self, paths: list[Path], rank: int, world_size: int) -> LoadResult:
        """Returns the episodes of one rank, without those that have no tick to learn from.

        Raises:
            CacheFullError: The cache has no space for a demo, and ``stream`` is False.
        """
        # the largest first, so that no thread starts a long one when the others are done
        chosen = sorted(paths, key=lambda path: (-_size(files_of(path).video), path))
        skipped: list[Skipped] = []
        lengths: list[int] = []
        with ThreadPoolExecutor(self._workers) as pool:
            if world_size > 1:
                counted = list(pool.map(self._count, paths))
                skipped += [item for item in counted if isinstance(item, tuple)]
                intact = [path for path, item in zip(paths, counted, strict=True) if isinstance(item, int)]
                lengths = [item for item in counted if isinstance(item, int)]
                mine = self._share(intact, lengths, rank, world_size)
                chosen = [path for path in chosen if path in mine]
            found = dict(zip(chosen, pool.map(self._decode, chosen), strict=True))
        loaded = [found[path] for path in paths if path in found]
        skipped += [item for item in loaded if isinstance(item, tuple)]
        episodes = [item for item in loaded if isinstance(item, Episode) and len(item)]
        if world_size == 1:  # several ranks must agree, so they count the ticks in the records, which all of them read
            lengths = [len(episode) for episode in episodes]
        return LoadResult(episodes, sorted(skipped), -(-sum(lengths) // world_size))

    def _share(self, paths: list[Path], lengths: list[int], rank: int, world_size: int) -> set[Path]:
        """Returns the demos of one rank."""
        groups: dict[str | Path, list[int]] = {}
        for index, path in enumerate(paths):
            session = session_of(path) if self._join_segments else None
            groups.setdefault(path if session is None else session, []).append(index)
        members = list(groups.values())
        shares = split_evenly([sum(lengths[index] for index in group) for group in members], world_size)
        return {paths[index] for group in shares[rank] for index in members[group]}

    def _read_demo(self, path: Path) -> tuple[Demo, DropNull]:
        demo = self._read(path)
        if self._drop_null != "auto":
            return demo, self._drop_null
        return demo, "mask" if played_by_a_person(demo.metadata) else False

    def _count(self, path: Path) -> int | Skipped:
        try:
            return int(_wanted(*self._read_demo(path)).sum())
        except DemoError as error:
            return path, str(error)

    def _decode(self, path: Path) -> Episode | Skipped:
        try:
            demo, drop_null = self._read_demo(path)
            wanted = _wanted(demo, drop_null)
            ticks = np.flatnonzero(wanted)
            left_out = demo.null & (drop_null == "mask")
            if not self._unlabelled:
                left_out |= without_label(demo)
            weight = np.where(left_out, 0.0, 1.0).astype(np.float32)
            frames = self._frames(demo, wanted) if len(ticks) else None
        except DemoError as error:
            return path, str(error)
        labels = demo.codes
        if self._labels is not None:
            labels, known = self._labels.of(demo)
            weight *= known
        rows = None if isinstance(self._cache, FrameCache) else ticks
        return Episode(
            demo.id, path, wanted, rows, frames, demo.codes[ticks], labels[ticks], weight[ticks], demo.menu[ticks]
        )

    def _frames(self, demo: Demo, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[Any] | None:
        try:
            return self._cache.frames(demo, wanted) if isinstance(self._cache, FrameCache) else self._cache.frames(demo)
        except CacheFullError:
            if not self._stream or not isinstance(self._cache, FrameCache):  # features are not streamed
                raise
            frames = count_frames(demo.files.video)  # no decoder has counted them yet
            if frames != len(demo):
                raise DemoError(
                    f"{demo.files.video} holds {frames} of {len(demo)} frames", REMEDY_RESTORE_OR_REPAIR
                ) from None
            return None


def played_by_a_person(metadata: Mapping[str, Any]) -> bool:
    """Returns whether a demo shows a person at the keyboard: of the contractors, in ``vpt-gym play``, or in a video.

    A person's null ticks are mostly pauses, so VPT was trained without them. The null ticks of a scripted expert, or of
    an agent, are its decisions: it waits until it has stopped, for example.

    Args:
        metadata: ``Demo.metadata``.
    """
    return (
        metadata.get("format") == CONTRACTOR_FORMAT
        or _is_play(metadata)
        or "labelled_by" in metadata  # the labels of an inverse dynamics model
    )


def without_label(demo: Demo) -> npt.NDArray[np.bool_]:
    """Returns the ticks in which an agent played and nobody said what to do, (T,) bool.

    In ``vpt-gym play --agent`` the label of a tick in which the agent plays is what the person presses. Where that is
    nothing, the stored label is null, as if the person had chosen to do nothing; but what the person chose is marked
    (``Demo.intervention``). An expert beside the agent (``--expert``) labels all ticks.
    """
    with_agent = demo.intervention.any() or (_is_play(demo.metadata) and bool(demo.metadata.get("agent")))
    return demo.null & ~demo.intervention & (with_agent and not demo.metadata.get("expert"))


def _is_play(metadata: Mapping[str, Any]) -> bool:
    recorded_by = metadata.get("recorded_by")
    return isinstance(recorded_by, str) and recorded_by == "vpt-gym play"


def find_paths(demos: Paths | Sequence[Paths]) -> list[Path]:
    """Returns one file of each demo: of all demos in a directory, or of the one that a path names.

    Raises:
        FileNotFoundError: A directory does not exist.
        TypeError: What is given is neither text nor a path.
        ValueError: A demo is given twice, or an empty text.
    """
    given = list(demos) if isinstance(demos, Iterable) and not isinstance(demos, str | os.PathLike) else [demos]
    paths: list[Path] = []
    for item in given:
        folder = checked_directory(item)
        files = files_of(item)
        if folder.is_dir() or not any(map(is_there, files.all)):
            paths += list_demos(folder, lone_videos=True)
        else:
            paths.append(files.metadata if is_there(files.metadata) else files.records)
    folders = {folder: folder.resolve() for folder in {path.parent for path in paths}}  # a link, or another spelling
    if len({folders[path.parent] / path.name for path in paths}) != len(paths):
        raise ValueError(f"the same demo is given twice in {given}; name each directory once")
    return paths


def describe_demos_below(demos: Paths | Sequence[Paths]) -> str:
    """Returns a sentence about demos in folders below the given directories, which ``find_paths`` leaves out.

    It is empty if there are none. Folders that are given themselves are not named.
    """
    given = [user_path(item) for item in ([demos] if isinstance(demos, str | os.PathLike) else demos)]
    below = {folder: count for item in given if item.is_dir() for folder, count in demos_below(item).items()}
    return below_in_words({folder: count for folder, count in below.items() if folder not in given})


def split_evenly(lengths: Sequence[int], count: int) -> list[list[int]]:
    """Divides episodes among ``count`` ranks so that each gets about the same number of ticks.

    Args:
        lengths: Ticks of each episode.
        count: Number of ranks.

    Returns:
        For each rank the sorted indices of its episodes. Empty episodes go to no rank.
    """
    mine: list[list[int]] = [[] for _ in range(count)]
    ticks = [0] * count
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if lengths[index]:
            least = ticks.index(min(ticks))
            mine[least].append(index)
            ticks[least] += lengths[index]
    return [sorted(indices) for indices in mine]


def _wanted(demo: Demo, drop_null: DropNull) -> npt.NDArray[np.bool_]:
    return ~demo.null if drop_null == "cut" else np.ones(len(demo), np.bool_)


def _size(path: Path) -> int:
    return path.stat().st_size if is_there(path) else 0
