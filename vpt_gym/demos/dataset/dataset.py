"""Demos as batches of sequences, for PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions import codec
from vpt_gym.actions.mirror import mirrored
from vpt_gym.demos.dataset.cache import DemoCache, FrameCache
from vpt_gym.demos.dataset.chunks import Chunks
from vpt_gym.demos.dataset.loading import DropNull, EpisodeLoader, Paths, find_paths
from vpt_gym.demos.dataset.orders import BucketedOrder, CarriedOrder, Order, Plan, RandomOrder, Segment
from vpt_gym.demos.dataset.stream import FrameStream
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.contractor import Compat, check_compat
from vpt_gym.demos.files.names import DemoError
from vpt_gym.frames import POLICY_SIZE

OrderName = Literal["carried", "bucketed", "random"]


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

    ``order="bucketed"`` is for whole episodes at once: each row is one episode from its first tick to its last, those
    of similar length share a batch, and shorter ones are padded as above to the longest of it, so T differs from batch
    to batch. Each episode comes once before any comes again; the last batch of a round may have fewer rows.

    Choose ``"carried"`` where a policy carries its memory, as VPT does: it wastes nothing and its batches are small.
    Choose ``"random"`` where chunks shall be independent of each other, or drawn by priority. Choose ``"bucketed"``
    where the model must see an episode as a whole (attention over all of it, a return to go, a loss at its end) and
    episodes are short: B x T frames of 48 KiB must fit into memory.

    Demos that are damaged are left out, with one warning; ``skipped`` names them. All videos are decoded once, in
    the constructor, so damage shows there and not in the third epoch.

    A set may be larger than memory and disk: what the cache has no room for (``FrameCache(max_file_bytes=...)``) is
    *streamed*, decoded by ``workers`` threads each time it is used, a piece of ``seq_len`` ticks ahead of its use, and
    not kept. Batches are the same. Damage in a streamed video shows when it is reached: the rest of that episode then
    has weight 0, it is left out from there on, named in ``skipped``, and warned of. Not with ``order="random"``.

    Several processes (``rank`` of ``world_size``) share the demos out, whole episodes to each, by length. An epoch
    has equally many batches in all of them; each decodes, and keeps, only its own.

    Args:
        demos: A directory of demos, the path of one demo, or a sequence of these. Contractor recordings too.
        seq_len: T, ticks in a sequence.
        batch_size: B, sequences in a batch.
        seed: Seed of the order. Equal demos, arguments and seed give equal batches.
        order: ``"carried"``, ``"random"`` or ``"bucketed"``, as above. The latter ignores ``seq_len``.
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
        workers: Threads that decode videos.
        cache: Decoded frames, shared with other datasets; or a ``FeatureCache``, for batches of features. Default: a
            cache of decoded frames of its own.
        max_cache_bytes: Memory for decoded frames when there is no ``cache``; beyond it they go to temporary files.

    Attributes:
        skipped: (path, reason) of each damaged demo.
        cache: The cache in use; hand it to the next dataset.

    Raises:
        ValueError: An argument is out of range, options contradict each other, or there is nothing to learn from.
        FileNotFoundError: A directory does not exist.
        CacheFullError: The cache has no room for all demos, and ``order="random"`` needs them all.

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
        order: OrderName = "carried",
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
        if order not in ("carried", "bucketed", "random"):
            raise ValueError(f"order is {order!r}; it must be 'carried', 'bucketed' or 'random'")
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
        self._rng = np.random.default_rng(seed if world_size == 1 else [seed, rank])
        # frames are counted where they are decoded
        self._read: Callable[[Path], Demo] = partial(
            read_demo, compat=compat, recorder_version=recorder_version, count_frames=False
        )
        self._workers = workers
        loader = EpisodeLoader(self._read, self.cache, drop_null=drop_null, stream=order != "random", workers=workers)
        paths = find_paths(demos)
        self._episodes, self.skipped, ticks, most_episodes = loader.load(paths, rank, world_size)
        if self.skipped:
            path, reason = self.skipped[0]
            warnings.warn(
                f"{len(self.skipped)} of {len(paths)} demos are damaged and left out (DemoDataset.skipped names them; "
                f"`vpt-gym demos check DIR` says what to do). The first is {path}: {reason}",
                stacklevel=2,
            )
        self._length = -(-most_episodes // batch_size) if order == "bucketed" else -(-ticks // (batch_size * seq_len))
        if not self._episodes:
            whose = "" if world_size == 1 else f" for rank {rank} of {world_size}"
            raise ValueError(
                f"no demo to learn from{whose} in {demos!r}: {len(self.skipped)} are damaged"
                + "".join(f"\n  {path}: {reason}" for path, reason in self.skipped[:3])
                + "\nRecord some with vpt_gym.RecorderWrapper"
            )
        frames = self._episodes[0].frames
        if mirror and frames is not None and frames.ndim != 4:
            raise ValueError("mirror flips frames, and this cache holds features of them: leave mirror out")
        self._order = self._make_order(priority, motion_fraction)
        self._mirror = mirror
        self._done = self._resumed = 0  # batches of this epoch
        self._dropped: list[int] = []
        self._streams: dict[int, tuple[int, FrameStream]] = {}  # row -> episode and its stream
        self._pool: ThreadPoolExecutor | None = None

    @property
    def n_episodes(self) -> int:
        """How many demos this rank learns from."""
        return len(self._episodes)

    @property
    def n_ticks(self) -> int:
        """How many ticks this rank's demos hold, without those that ``drop_null="cut"`` took out."""
        return sum(map(len, self._episodes))

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The codes of all ticks that count in the loss, (n, 2) int64; for frequencies."""
        return np.concatenate([episode.codes[episode.weight > 0] for episode in self._episodes])

    @property
    def n_streamed(self) -> int:
        """How many of them the cache has no room for."""
        return sum(episode.frames is None for episode in self._episodes)

    def __len__(self) -> int:
        """Batches in an epoch: as many as hold all ticks (bucketed: all episodes) once, over all ranks."""
        return self._length

    def __iter__(self) -> Iterator[SequenceBatch]:
        """Yields the batches of one epoch; a later iteration goes on where this one stopped.

        The first iteration after ``load_state_dict`` yields what was left of the epoch in which the state was taken.
        """
        self._done, self._resumed = self._resumed, 0
        while self._done < len(self):
            yield self.next_batch()

    def next_batch(self) -> SequenceBatch:
        """Returns the next batch; there is always one more."""
        plan = self._order.next()
        shape = (plan.rows, plan.ticks)
        like = self._episodes[0].frames
        of_a_tick = (*self.cache.size, 3) if like is None else like.shape[1:]
        frames = np.empty((*shape, *of_a_tick), np.uint8 if like is None else like.dtype)
        codes = np.full((*shape, 2), codec.NULL_CODE, np.int64)
        first = np.zeros(shape, np.bool_)
        weight = np.zeros(shape, np.float32)
        self._fill(plan, frames, codes, first, weight)
        if self._mirror:
            for row in range(plan.rows):
                if self._rng.random() < 0.5:
                    frames[row] = frames[row, :, :, ::-1].copy()
                    codes[row] = mirrored(codes[row])
        self._done += 1
        return SequenceBatch(*(torch.from_numpy(array) for array in (frames, codes, first, weight)))

    def state_dict(self) -> dict[str, Any]:
        """Returns where the dataset stands in its order and in its epoch; it is JSON."""
        return {
            "demos": [episode.id for episode in self._episodes],
            "shape": [self.order, self.batch_size, self.seq_len],
            "rng": self._rng.bit_generator.state,
            "batch": self._done % len(self),
            "dropped": list(self._dropped),
            **self._order.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where ``state_dict`` was taken: at the same batch, of the same epoch.

        Raises:
            ValueError: The state is of other demos, or of another order or batch shape.
        """
        mine = self.state_dict()
        for key in ("demos", "shape"):
            if state[key] != mine[key]:
                raise ValueError(f"the state is of a dataset with other {key}: {state[key]}, this has {mine[key]}")
        for episode in state["dropped"]:
            self._drop(episode)
        self._rng.bit_generator.state = state["rng"]
        self._order.load_state_dict(state)
        self._done = self._resumed = state["batch"]
        self._streams.clear()

    def _make_order(
        self,
        priority: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.floating[Any]]] | None,
        motion_fraction: float | None,
    ) -> Order:
        lengths = [len(episode) for episode in self._episodes]
        if self.order == "carried":
            return CarriedOrder(lengths, self.batch_size, self.seq_len, self._rng)
        if self.order == "bucketed":
            return BucketedOrder(lengths, self.batch_size, self._rng)
        chunks = Chunks.of([episode.codes for episode in self._episodes], self.seq_len, priority)
        if motion_fraction and not chunks.motion.any():
            raise ValueError(f"motion_fraction is {motion_fraction}, but in no demo the camera moves")
        n_motion = round((motion_fraction or 0.0) * self.batch_size)
        return RandomOrder(chunks, lengths, self.batch_size, self.seq_len, n_motion, self._rng)

    def _fill(
        self,
        plan: Plan,
        frames: npt.NDArray[Any],
        codes: npt.NDArray[np.int64],
        first: npt.NDArray[np.bool_],
        weight: npt.NDArray[np.float32],
    ) -> None:
        streams = [self._stream(segment) for segment in plan.segments]  # all at once: they decode side by side
        filled = [0] * plan.rows
        for segment, stream in zip(plan.segments, streams, strict=True):
            episode = self._episodes[segment.episode]
            there = (segment.row, slice(segment.at, segment.at + segment.length))
            here = slice(segment.start, segment.start + segment.length)
            codes[there], weight[there] = episode.codes[here], episode.weight[here]
            first[segment.row, segment.at] = segment.start == 0 or self.order == "random"
            filled[segment.row] = segment.at + segment.length
            if episode.frames is not None:
                frames[there] = episode.frames[here if episode.rows is None else episode.rows[here]]
            elif stream is not None:
                try:
                    stream.take(frames[there])
                except DemoError as error:
                    frames[there], weight[there] = 0, 0.0
                    self._leave_out(segment.episode, error)
            else:  # it failed earlier in this batch
                frames[there], weight[there] = 0, 0.0
        for row, end in enumerate(filled):
            frames[row, end:] = frames[row, end - 1]

    def _stream(self, segment: Segment) -> FrameStream | None:
        episode = self._episodes[segment.episode]
        if episode.frames is not None or segment.episode in self._dropped:
            return None
        index, stream = self._streams.get(segment.row, (None, None))
        if stream is None or index != segment.episode or stream.position != segment.start or segment.at:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "vpt-gym-decode")
            stream = FrameStream(
                partial(self._read, episode.path),
                episode.wanted,
                start=segment.start,
                size=self.cache.size,
                ahead=self.seq_len,
                pool=self._pool,
            )
            self._streams[segment.row] = (segment.episode, stream)
        return stream

    def _leave_out(self, index: int, error: DemoError) -> None:
        if index in self._dropped:
            return
        path = self._episodes[index].path
        self.skipped.append((path, str(error)))
        warnings.warn(f"left out from here on, since it is damaged: {path}: {error}", stacklevel=4)
        self._drop(index)

    def _drop(self, index: int) -> None:
        self._dropped.append(index)
        if len(self._dropped) == len(self._episodes):
            raise ValueError(f"no demo is left to learn from: all are damaged. The last: {self.skipped[-1:]}")
        self._order.drop(index)
