"""Demos as batches of sequences, for PyTorch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions import codec
from vpt_gym.actions.mirror import mirrored
from vpt_gym.demos.cache import DemoCache, FrameCache
from vpt_gym.demos.chunks import Chunks
from vpt_gym.demos.contractor import Compat, check_compat
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.format import DemoError, files_of, list_demos
from vpt_gym.frames import POLICY_SIZE

Order = Literal["carried", "random"]
DropNull = Literal["mask", "cut", False]
Paths = str | os.PathLike[str]


class SequenceBatch(NamedTuple):
    """B sequences of T ticks."""

    frames: torch.Tensor
    """uint8 [B, T, H, W, 3], RGB: what was seen before each action; or what a cache made of it, [B, T, ...]."""
    codes: torch.Tensor
    """int64 [B, T, 2], canonical VPT codes (buttons, camera)."""
    first: torch.Tensor
    """bool [B, T], True where memory starts empty: the first frame of an episode (or of a random chunk)."""
    weight: torch.Tensor
    """float32 [B, T], a tick's weight in the loss; 0 for null ticks (``drop_null="mask"``) and for padding."""


@dataclass(frozen=True)
class _Episode:
    """The ticks of one demo that are learned from: ``frames[ticks]`` goes with ``codes`` and ``weight``."""

    id: str
    frames: npt.NDArray[Any]
    ticks: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]


class DemoDataset:
    """Batches of sequences out of demos: iterate over it for one epoch, again for the next.

    ``order="carried"`` is for memory that is carried from batch to batch, as VPT was trained: row b of a batch
    continues row b of the batch before. Each of the ``batch_size`` rows walks through whole episodes, drawn in a
    shuffled order in which every episode comes once before any comes again; where an episode ends, the next begins
    in the very next tick, with ``first`` True. Every tick counts, nothing is padded, and the walk goes on over the
    end of an epoch, so keep the policy's memory there too.

    ``order="random"`` is for independent chunks: ``first[:, 0]`` is always True. A chunk is drawn with probability
    proportional to its priority, by default 1, so each placement of a chunk in each episode is equally likely. An
    episode shorter than ``seq_len`` is padded at its end with its last frame and weight 0.

    Demos that are damaged are left out, with one warning; ``skipped`` names them. All videos are decoded once, in
    the constructor, so damage shows there and not in the third epoch.

    Several processes (``rank`` of ``world_size``) share the demos out, whole episodes to each, by length. An epoch
    has equally many batches in all of them; each decodes, and keeps, only its own.

    Args:
        demos: A directory of demos, the path of one demo, or a sequence of these. Contractor recordings too.
        seq_len: T, ticks in a sequence.
        batch_size: B, sequences in a batch.
        seed: Seed of the order. Equal demos, arguments and seed give equal batches.
        order: ``"carried"`` or ``"random"``, as above.
        drop_null: What becomes of ticks in which nothing is pressed and the camera rests: ``"mask"`` keeps them as
            input with weight 0; ``"cut"`` takes them out of the sequences, as OpenAI did for VPT; False treats them
            like all others.
        frame_size: (height, width) that frames are scaled to.
        motion_fraction: Only for ``"random"``: share of each batch (rounded to whole sequences) that is drawn from
            chunks in which the camera moves. The rest is drawn from all chunks.
        mirror: Only for ``"random"``: flips half of the chunks from side to side, with their codes. What is asked of
            the player must not depend on left and right: in the open it rarely does, in a menu it does.
        priority: Only for ``"random"``: maps the codes (T, 2) of an episode to each tick's priority (T,), not
            negative; a chunk's priority is the sum over its ticks.
        compat: None or ``"openai"``, as in ``read_demo``. ``compat="openai", drop_null="cut"`` learns from exactly
            the ticks, actions and frames of openai/Video-Pre-Training's loader, its faults included.
        recorder_version: Of contractor recordings, as in ``read_demo``.
        rank: Number of this process among those that learn together, from 0.
        world_size: How many they are.
        workers: Threads that decode videos in the constructor.
        cache: Decoded frames, shared with other datasets; or a ``FeatureCache``, for batches of features. Default: a
            cache of decoded frames of its own.
        max_cache_bytes: Memory for decoded frames when there is no ``cache``; beyond it they go to temporary files.

    Attributes:
        skipped: (path, reason) of each damaged demo.
        cache: The cache in use; hand it to the next dataset.

    Raises:
        ValueError: An argument is out of range, options contradict each other, or there is nothing to learn from.
        FileNotFoundError: A directory does not exist.

    Example:
        >>> dataset = DemoDataset("demos/harvest_1_log", seq_len=16, batch_size=8)  # doctest: +SKIP
        >>> for batch in dataset:  # doctest: +SKIP
        ...     output = policy(batch.frames, batch.first, memory)
    """

    def __init__(
        self,
        demos: Paths | Sequence[Paths],
        *,
        seq_len: int = 16,
        batch_size: int = 16,
        seed: int = 0,
        order: Order = "carried",
        drop_null: DropNull = "mask",
        frame_size: tuple[int, int] = POLICY_SIZE,
        motion_fraction: float | None = None,
        mirror: bool = False,
        priority: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.floating[Any]]] | None = None,
        compat: Compat = None,
        recorder_version: str | None = None,
        rank: int = 0,
        world_size: int = 1,
        workers: int = 2,
        cache: DemoCache | None = None,
        max_cache_bytes: int = 2 << 30,
    ) -> None:
        sizes = {"seq_len": seq_len, "batch_size": batch_size, "world_size": world_size, "workers": workers}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if order not in ("carried", "random"):
            raise ValueError(f"order is {order!r}; it must be 'carried' or 'random'")
        if drop_null not in ("mask", "cut", False):
            raise ValueError(f"drop_null is {drop_null!r}; it must be 'mask', 'cut' or False")
        if motion_fraction is not None and not 0 <= motion_fraction <= 1:
            raise ValueError(f"motion_fraction is {motion_fraction}; it must be in [0, 1], or None")
        if order != "random" and (motion_fraction is not None or priority is not None or mirror):
            raise ValueError("motion_fraction, priority and mirror are for chunks: they need order='random'")
        check_compat(compat)
        if not 0 <= rank < world_size:
            raise ValueError(f"rank is {rank}; it must be in [0, world_size), and world_size is {world_size}")
        if cache is not None and cache.size != tuple(frame_size):
            raise ValueError(
                f"the cache holds frames of {cache.size}, frame_size is {tuple(frame_size)}; make them equal"
            )

        self.seq_len, self.batch_size, self.order = seq_len, batch_size, order
        self.cache: DemoCache = cache if cache is not None else FrameCache(size=frame_size, max_bytes=max_cache_bytes)
        self.skipped: list[tuple[Path, str]] = []
        self._rng = np.random.default_rng(seed if world_size == 1 else [seed, rank])
        self._epoch_ticks = 0
        self._drop_null: DropNull = drop_null
        reader = partial(read_demo, compat=compat, recorder_version=recorder_version)
        self._episodes = self._load(_paths(demos), reader, (rank, world_size), workers)
        if not self._episodes:
            whose = "" if world_size == 1 else f" for rank {rank} of {world_size}"
            raise ValueError(
                f"no demo to learn from{whose} in {demos!r}: {len(self.skipped)} are damaged"
                + "".join(f"\n  {path}: {reason}" for path, reason in self.skipped[:3])
                + "\nRecord some with vpt_gym.RecorderWrapper"
            )
        if mirror and self._episodes[0].frames.ndim != 4:
            raise ValueError("mirror flips frames, and this cache holds features of them: leave mirror out")
        # carried: the shuffled episodes still to come, and each row's place: [episode, position in it]
        self._queue: list[int] = []
        self._lanes: list[list[int]] = []
        self._chunks: Chunks | None = None
        if order == "carried":
            self._lanes = [[self._next_episode(), 0] for _ in range(batch_size)]
        else:
            self._chunks = Chunks.of([episode.codes for episode in self._episodes], seq_len, priority)
            if motion_fraction and not self._chunks.motion.any():
                raise ValueError(f"motion_fraction is {motion_fraction}, but in no demo the camera moves")
        self._mirror = mirror
        self._n_motion = round((motion_fraction or 0.0) * batch_size)

    @property
    def n_episodes(self) -> int:
        """How many demos this rank learns from."""
        return len(self._episodes)

    @property
    def n_ticks(self) -> int:
        """How many ticks this rank's demos hold, without those that ``drop_null="cut"`` took out."""
        return sum(len(episode.ticks) for episode in self._episodes)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The codes of all ticks that count in the loss, (n, 2) int64; for frequencies."""
        return np.concatenate([episode.codes[episode.weight > 0] for episode in self._episodes])

    def __len__(self) -> int:
        """Batches in an epoch: as many as hold all ticks once, over all ranks."""
        return -(-self._epoch_ticks // (self.batch_size * self.seq_len))

    def __iter__(self) -> Iterator[SequenceBatch]:
        """Yields the batches of one epoch; a later iteration goes on where this one stopped."""
        for _ in range(len(self)):
            yield self.next_batch()

    def next_batch(self) -> SequenceBatch:
        """Returns the next batch; there is always one more."""
        shape = (self.batch_size, self.seq_len)
        like = self._episodes[0].frames
        frames = np.empty((*shape, *like.shape[1:]), like.dtype)
        codes = np.empty((*shape, 2), np.int64)
        first = np.zeros(shape, np.bool_)
        weight = np.zeros(shape, np.float32)
        batch = (frames, codes, first, weight)
        if self._chunks is None:
            for row in range(self.batch_size):
                self._continue_lane(row, batch)
        else:
            for row, (index, start) in enumerate(self._chunks.draw(self._rng, self.batch_size, self._n_motion)):
                self._cut_chunk(row, batch, self._episodes[index], start)
        return SequenceBatch(*(torch.from_numpy(array) for array in batch))

    def state_dict(self) -> dict[str, Any]:
        """Returns where the dataset stands in its order; it is JSON."""
        return {
            "demos": [episode.id for episode in self._episodes],
            "shape": [self.order, self.batch_size, self.seq_len],
            "rng": self._rng.bit_generator.state,
            "queue": list(self._queue),
            "lanes": [list(lane) for lane in self._lanes],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where ``state_dict`` was taken.

        Raises:
            ValueError: The state is of other demos, or of another order or batch shape.
        """
        mine = self.state_dict()
        for key in ("demos", "shape"):
            if state[key] != mine[key]:
                raise ValueError(f"the state is of a dataset with other {key}: {state[key]}, this has {mine[key]}")
        self._rng.bit_generator.state = state["rng"]
        self._queue = list(state["queue"])
        self._lanes = [list(lane) for lane in state["lanes"]]

    def _load(
        self, paths: list[Path], read: Callable[[Path], Demo], share: tuple[int, int], workers: int
    ) -> list[_Episode]:
        def read_one(path: Path) -> Demo | tuple[Path, str]:
            try:
                return read(path)
            except DemoError as error:
                return path, str(error)

        def decode_one(item: tuple[Path, Demo]) -> _Episode | tuple[Path, str]:
            path, demo = item
            try:
                return _episode(demo, self.cache.frames(demo), self._drop_null)
            except DemoError as error:
                return path, str(error)

        with ThreadPoolExecutor(workers) as pool:
            found = list(zip(paths, pool.map(read_one, paths), strict=True))
            demos = [(path, demo) for path, demo in found if isinstance(demo, Demo)]
            lengths = [len(_learned(demo, self._drop_null)) for _, demo in demos]
            mine = shares(lengths, share[1])[share[0]]
            decoded = list(pool.map(decode_one, [demos[index] for index in mine]))
        skipped = [item for _, item in found if isinstance(item, tuple)]
        skipped += [item for item in decoded if isinstance(item, tuple)]
        self.skipped = sorted(skipped)
        self._epoch_ticks = -(-sum(lengths) // share[1])
        if share[1] == 1:  # ranks would disagree on what only one of them decodes
            self._epoch_ticks = sum(len(item.ticks) for item in decoded if isinstance(item, _Episode))
        if self.skipped:
            path, reason = self.skipped[0]
            warnings.warn(
                f"{len(self.skipped)} of {len(paths)} demos are damaged and left out (DemoDataset.skipped names them; "
                f"`vpt-gym demos check DIR` says what to do). The first is {path}: {reason}",
                stacklevel=3,
            )
        return [item for item in decoded if isinstance(item, _Episode)]

    def _next_episode(self) -> int:
        if not self._queue:
            self._queue = self._rng.permutation(len(self._episodes)).tolist()
        return self._queue.pop(0)

    def _continue_lane(self, row: int, batch: tuple[npt.NDArray[Any], ...]) -> None:
        lane = self._lanes[row]
        filled = 0
        while filled < self.seq_len:
            episode = self._episodes[lane[0]]
            count = min(self.seq_len - filled, len(episode.ticks) - lane[1])
            _copy(batch, row, filled, episode, lane[1], count)
            batch[2][row, filled] = lane[1] == 0
            filled += count
            lane[1] += count
            if lane[1] == len(episode.ticks):
                lane[:] = [self._next_episode(), 0]

    def _cut_chunk(self, row: int, batch: tuple[npt.NDArray[Any], ...], episode: _Episode, start: int) -> None:
        count = min(self.seq_len, len(episode.ticks) - start)
        _copy(batch, row, 0, episode, start, count)
        frames, codes, first, _ = batch
        frames[row, count:] = frames[row, count - 1]
        codes[row, count:] = codec.NULL_CODE
        first[row, 0] = True
        if self._mirror and self._rng.random() < 0.5:
            frames[row] = frames[row, :, :, ::-1].copy()
            codes[row] = mirrored(codes[row])


def _paths(demos: Paths | Sequence[Paths]) -> list[Path]:
    given = [demos] if isinstance(demos, str | os.PathLike) else list(demos)
    paths: list[Path] = []
    for item in given:
        files = files_of(item)
        if Path(item).is_dir() or not any(file.exists() for file in files.all):
            paths += list_demos(item)
        else:
            paths.append(files.metadata if files.metadata.exists() else files.records)
    if len(set(paths)) != len(paths):
        raise ValueError(f"the same demo is given twice in {given}; name each directory once")
    return paths


def shares(lengths: Sequence[int], count: int) -> list[list[int]]:
    """Returns which episodes each of ``count`` ranks gets, in order: about equally many ticks each, empty ones none."""
    mine: list[list[int]] = [[] for _ in range(count)]
    ticks = [0] * count
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if lengths[index]:
            least = ticks.index(min(ticks))
            mine[least].append(index)
            ticks[least] += lengths[index]
    return [sorted(indices) for indices in mine]


def _learned(demo: Demo, drop_null: DropNull) -> npt.NDArray[np.int64]:
    return np.flatnonzero(~demo.null) if drop_null == "cut" else np.arange(len(demo))


def _episode(demo: Demo, frames: npt.NDArray[Any], drop_null: DropNull) -> _Episode:
    ticks = _learned(demo, drop_null)
    weight = np.where(demo.null & (drop_null == "mask"), 0.0, 1.0).astype(np.float32)
    return _Episode(demo.id, frames, ticks, demo.codes[ticks], weight[ticks])


def _copy(batch: tuple[npt.NDArray[Any], ...], row: int, at: int, episode: _Episode, start: int, count: int) -> None:
    frames, codes, _, weight = batch
    where, which = slice(at, at + count), slice(start, start + count)
    frames[row, where] = episode.frames[episode.ticks[which]]
    codes[row, where] = episode.codes[which]
    weight[row, where] = episode.weight[which]
