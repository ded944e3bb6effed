"""Demos as batches of sequences, for PyTorch."""

from __future__ import annotations

import os
import warnings
import zlib
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
from vpt_gym.demos.dataset.chunks import Priority, WeightedChunks, chunk_weights, moves_camera
from vpt_gym.demos.dataset.loading import DropNull, EpisodeLoader, Paths, describe_demos_below, find_paths
from vpt_gym.demos.dataset.native import NativeLabels
from vpt_gym.demos.dataset.orders import CarriedOrder, Order, RandomOrder, Segment
from vpt_gym.demos.dataset.sessions import continuations
from vpt_gym.demos.dataset.stream import FrameStream
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.contractor import Compat, check_compat
from vpt_gym.demos.files.names import DemoError
from vpt_gym.frames import POLICY_SIZE, checked_size
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_whole
from vpt_gym.system.printable import printable, printable_name, shown

OrderName = Literal["carried", "random"]

_MOST_BYTES = 1 << 40
"""Bytes of frames in a batch; more is a mistake. The system would grant them, and fail when they are used."""


class SequenceBatch(NamedTuple):
    """B sequences of T ticks."""

    frames: torch.Tensor
    """uint8 [B, T, H, W, 3], RGB: the frame seen before each action; or features (``FeatureCache``), [B, T, ...]."""
    codes: torch.Tensor
    """int64 [B, T, 2], canonical VPT codes (buttons, camera); or the labels of another kind, [B, T, k] (``labels``)."""
    first: torch.Tensor
    """bool [B, T], True where memory must start empty: the first frame of an episode (or of a random chunk)."""
    weight: torch.Tensor
    """float32 [B, T], a tick's weight in the loss; 0 for masked null ticks (``drop_null``), for padding, and without a
    label (``unlabelled``, ``labels``)."""


class Source(NamedTuple):
    """Ticks of one demo that are in a row of a batch."""

    row: int
    path: Path
    """One of the demo's files."""
    first_tick: int
    last_tick: int

    def __str__(self) -> str:
        return f"row {self.row}: {self.path}, ticks {self.first_tick} to {self.last_tick}"


class DemoDataset:
    """Batches of sequences from demos. Each iteration over it is one epoch.

    ``order="carried"`` is for memory that is carried from batch to batch, as VPT was trained: row b of a batch
    continues row b of the batch before. Each of the ``batch_size`` rows goes through complete episodes in a shuffled
    order, in which every episode comes once before any comes again. The next episode begins in the tick after the last
    one ends, with ``first`` True, so every tick counts and nothing is padded. An epoch may end within an episode: keep
    the policy's memory there too. Choose this order for a policy that carries memory.

    ``order="random"`` is for independent chunks: ``first[:, 0]`` is always True. A chunk is drawn with probability
    proportional to its priority. Without ``priority``, every position of a chunk in every episode is equally likely.
    So the first and the last ``seq_len - 1`` ticks of an episode are drawn less often than those between them: the very
    first and the very last are in one chunk only, those between are in ``seq_len`` chunks.
    An episode shorter than ``seq_len`` is padded at its end with its last frame, with weight 0.

    Damaged demos are left out with one warning, and listed in ``skipped``. The constructor decodes all videos once,
    so damage is found there and not in the third epoch.

    The data may be larger than memory and disk. Demos that the cache has no space for
    (``FrameCache(max_file_bytes=...)``) are *streamed*: ``workers`` threads decode them each time they are used, up to
    ``seq_len`` ticks ahead, and do not keep them. The batches are the same. Damage in a streamed video is found only
    when it is reached: the rest of that episode then has weight 0, the demo is left out from there on, listed in
    ``skipped``, and a warning is raised. ``order="random"`` cannot stream.

    With several processes (``rank`` of ``world_size``), each gets a share of the complete episodes, balanced by length.
    An epoch has the same number of batches in all of them; each decodes, and keeps, only its own share.

    Args:
        demos: A directory of demos, the path of one demo, or a sequence of these. Contractor recordings are accepted.
        seq_len: T, ticks in a sequence.
        batch_size: B, sequences in a batch.
        seed: Seed of the order. Equal demos, arguments and seed give equal batches.
        order: ``"carried"`` or ``"random"``, as above.
        drop_null: How to treat ticks in which no button is pressed and the camera rests: ``"mask"`` keeps them as
            input with weight 0; ``"cut"`` removes them from the sequences, as OpenAI did for VPT; False treats them
            like all others. ``"auto"`` is ``"mask"`` in the demos of people and False in those of scripted experts and
            agents (:func:`vpt_gym.demos.dataset.loading.played_by_a_person`). Null ticks that stand for no label
            (``unlabelled``) never count.
        frame_size: (height, width) that frames are scaled to.
        motion_fraction: Only for ``"random"``: fraction of each batch (rounded to complete sequences) that is drawn
            from chunks in which the camera moves. The rest is drawn from all chunks. If the camera moves in no demo, a
            warning says so, and all are.
        mirror: Only for ``"random"``: flips half of the chunks horizontally, with their codes, except those in which
            a menu is open (``Demo.menu``), whose layout has a left and a right. The task must not depend on left and
            right; outdoors it rarely does.
        join_segments: Only for ``"carried"``: a row goes through the segments of one session of a contractor in their
            order, and keeps its memory from one to the next. Their names show the session and the start,
            ``<player>-<session>-<date>-<time>``. After a segment that is missing or damaged, memory is empty. Default:
            each segment is an episode.
        labels: What is learned from a demo, instead of VPT codes: :class:`~vpt_gym.demos.dataset.native.NativeLabels`
            for an environment's own actions. Cannot be mirrored.
        unlabelled: Give weight to ticks in which an agent played and nobody labelled what to do, too
            (:func:`vpt_gym.demos.dataset.loading.without_label`): for what learns from frames without their actions.
        priority: Only for ``"random"``: maps the codes (T, 2) of an episode to each tick's priority (T,), not
            negative; a chunk's priority is the sum over its ticks.
        compat: None or ``"openai"``, as in ``read_demo``. ``compat="openai", drop_null="cut"`` gives exactly the
            ticks, actions and frames of openai/Video-Pre-Training's loader, including its faults.
        recorder_version: Version of contractor recordings, as in ``read_demo``.
        rank: Index of this process among those that train together, from 0.
        world_size: Number of these processes.
        workers: Threads that decode videos.
        cache: Cache of decoded frames, which may be shared with other datasets; or a ``FeatureCache``, for batches of
            features. Default: a new ``FrameCache``.
        max_cache_bytes: Memory for decoded frames when there is no ``cache``; further frames go to temporary files.

    Attributes:
        skipped: (path, reason) of each damaged demo.
        cache: The cache in use; pass it to the next dataset to decode nothing twice.
        ticks_per_rank: Ticks in the demos of a rank, on average, rounded up. All ranks must have the same number, or
            they do not have the same demos, and share them out in different ways.

    Raises:
        ValueError: An argument is out of range, options contradict each other, or there is nothing to learn from.
        FileNotFoundError: A directory does not exist.
        CacheFullError: The cache has no space for all demos, and ``order="random"`` needs them all.

    Example:
        >>> import numpy as np
        >>> from vpt_gym.actions.human import human_action
        >>> from vpt_gym.demos import DemoWriter
        >>> with DemoWriter("demos/walk") as writer:
        ...     for _ in range(32):
        ...         writer.append(np.zeros((128, 128, 3), np.uint8), human_action("forward"))
        ...     path = writer.close()
        >>> for batch in DemoDataset("demos/walk", seq_len=16, batch_size=1):
        ...     print(tuple(batch.frames.shape), tuple(batch.codes.shape))
        (1, 16, 128, 128, 3) (1, 16, 2)
        (1, 16, 128, 128, 3) (1, 16, 2)
    """

    @checks_flags
    def __init__(
        self,
        demos: Paths | Sequence[Paths],
        *,
        seq_len: int = 16,
        batch_size: int = 16,
        seed: int = 0,
        order: OrderName = "carried",
        drop_null: DropNull = "auto",
        frame_size: tuple[int, int] = POLICY_SIZE,
        motion_fraction: float | None = None,
        mirror: bool = False,
        priority: Priority | None = None,
        join_segments: bool = False,
        labels: NativeLabels | None = None,
        unlabelled: bool = False,
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
            if not is_whole(value) or value < 1:
                raise ValueError(f"{name} is {shown(value)}; it must be a whole number, at least 1")
        height, width = checked_size(frame_size, "frame_size")
        if (needed := 3 * height * width * int(batch_size) * int(seq_len)) > _MOST_BYTES:
            raise ValueError(
                f"a batch of {batch_size} x {seq_len} frames of {height}x{width} takes {needed:,} bytes; at most "
                f"{_MOST_BYTES:,} are allowed: make batch_size or seq_len smaller"
            )
        if order not in ("carried", "random"):
            raise ValueError(f"order is {order!r}; it must be 'carried' or 'random'")
        if drop_null not in ("auto", "mask", "cut", False):
            raise ValueError(f"drop_null is {drop_null!r}; it must be 'auto', 'mask', 'cut' or False")
        if motion_fraction is not None and not 0 <= motion_fraction <= 1:
            raise ValueError(f"motion_fraction is {motion_fraction}; it must be in [0, 1], or None")
        if order != "random" and (motion_fraction is not None or priority is not None or mirror):
            raise ValueError("motion_fraction, priority and mirror apply to random chunks: they need order='random'")
        if order == "random" and join_segments:
            raise ValueError("join_segments=True carries memory from segment to segment: it needs order='carried'")
        if labels is not None and mirror:
            raise ValueError("mirror=True flips VPT codes; it does not know how to flip other labels: use mirror=False")
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
        # the decoder counts the frames, so read_demo need not
        self._read: Callable[[Path], Demo] = partial(
            read_demo, compat=compat, recorder_version=recorder_version, count_frames=False
        )
        self._workers = workers
        loader = EpisodeLoader(
            self._read,
            self.cache,
            drop_null=drop_null,
            labels=labels,
            stream=order != "random",
            workers=workers,
            join_segments=join_segments,
            unlabelled=unlabelled,
        )
        paths = find_paths(demos)
        self._episodes, self.skipped, ticks = loader.load(paths, rank, world_size)
        if self.skipped:
            path, reason = self.skipped[0]
            warnings.warn(
                f"{len(self.skipped)} of {len(paths)} demos are damaged and left out (DemoDataset.skipped lists them; "
                f"`vpt-gym demos check DIR` shows how to fix them). The first is {printable(path)}: {reason}",
                stacklevel=3,
            )
        self.ticks_per_rank = ticks
        self._length = -(-ticks // (batch_size * seq_len))
        if not self._episodes:
            whose = "" if world_size == 1 else f" for rank {rank} of {world_size}"
            folders = [demos] if isinstance(demos, str | os.PathLike) else demos
            damaged = f": {len(self.skipped)} are damaged" if self.skipped else ""
            below = describe_demos_below(demos)
            raise ValueError(
                f"no demo to learn from{whose} in {', '.join(map(str, folders))}{damaged}"
                + "".join(f"\n  {path}: {reason}" for path, reason in self.skipped[:3])
                + (f"\n{below}; name these folders too" if below else "")
                + "\nRecord some with `vpt-gym record`, examples/record.py or vpt_gym.RecorderWrapper"
            )
        frames = self._episodes[0].frames
        if mirror and frames is not None and frames.ndim != 4:
            raise ValueError("mirror=True flips frames, but this cache holds features: use mirror=False")
        self._joined = join_segments
        self._order = self._make_order(priority, motion_fraction)
        self._mirror = mirror
        self._padding = codec.NULL_CODE if labels is None else np.zeros(len(labels.sizes), np.int64)
        self._segments: list[Segment] = []  # of the last batch
        self._done = self._resumed = 0  # batches of this epoch so far
        self._dropped: list[int] = []
        self._streams: dict[int, tuple[int, FrameStream]] = {}  # row -> episode and its stream
        self._pool: ThreadPoolExecutor | None = None

    @property
    def n_episodes(self) -> int:
        """Number of demos that this rank learns from."""
        return len(self._episodes)

    @property
    def n_ticks(self) -> int:
        """Number of ticks in this rank's demos, without those that ``drop_null="cut"`` removed."""
        return sum(map(len, self._episodes))

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The labels of all ticks that count in the loss, (n, k) int64, for example to compute their frequencies."""
        return np.concatenate([episode.labels[episode.weight > 0] for episode in self._episodes])

    @property
    def sources(self) -> list[Source]:
        """Where the ticks of the last batch came from, in the order of its rows; empty before the first batch."""
        found = []
        for segment in self._segments:
            episode = self._episodes[segment.episode]
            ticks = np.flatnonzero(episode.wanted)[segment.start : segment.start + segment.length]
            found.append(Source(segment.row, episode.path, int(ticks[0]), int(ticks[-1])))
        return found

    @property
    def n_streamed(self) -> int:
        """Number of this rank's demos that are streamed, since the cache has no space for them."""
        return sum(episode.frames is None for episode in self._episodes)

    def __len__(self) -> int:
        """Number of batches in an epoch: enough to hold each tick of all ranks once."""
        return self._length

    def __iter__(self) -> Iterator[SequenceBatch]:
        """Yields the batches of one epoch; the next iteration continues where this one stopped.

        The first iteration after ``load_state_dict`` yields the rest of the epoch in which the state was saved.
        """
        self._done, self._resumed = self._resumed, 0
        while self._done < len(self):
            yield self.next_batch()

    def next_batch(self) -> SequenceBatch:
        """Returns the next batch; there is always one more."""
        shape = (self.batch_size, self.seq_len)
        like = self._episodes[0].frames
        tick_shape = (*self.cache.size, 3) if like is None else like.shape[1:]
        frames = np.empty((*shape, *tick_shape), np.uint8 if like is None else like.dtype)
        codes = np.full((*shape, len(self._padding)), self._padding, np.int64)
        first = np.zeros(shape, np.bool_)
        weight = np.zeros(shape, np.float32)
        self._segments = self._order.next()
        self._fill(self._segments, frames, codes, first, weight)
        if self._mirror:
            for row in range(self.batch_size):
                if self._rng.random() < 0.5 and not self._shows_menu(row):
                    frames[row] = frames[row, :, :, ::-1].copy()
                    codes[row] = mirrored(codes[row])
        self._done += 1
        return SequenceBatch(*(torch.from_numpy(array) for array in (frames, codes, first, weight)))

    def state_dict(self) -> dict[str, Any]:
        """Returns the position in the order and in the epoch, as JSON values."""
        return {
            "demos": [episode.id for episode in self._episodes],
            "ticks": [_chosen(episode.wanted) for episode in self._episodes],
            "shape": [self.order, self.batch_size, self.seq_len, *["joined"] * self._joined],
            "rng": self._rng.bit_generator.state,
            "batch": self._done % len(self),
            "dropped": list(self._dropped),
            **self._order.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from the batch and epoch at which ``state_dict`` was called.

        A state of an earlier version, which does not say which ticks of the demos it counts, is accepted.

        Raises:
            ValueError: The state belongs to other demos or other ticks of them, or to another order or batch shape.
        """
        mine = self.state_dict()
        if state["demos"] != mine["demos"]:
            gone, new = set(state["demos"]) - set(mine["demos"]), set(mine["demos"]) - set(state["demos"])
            some = ", ".join(printable_name(name) for name in sorted(gone | new)[:3])
            raise ValueError(
                f"the state belongs to a dataset with other demos: {len(gone)} of its {len(state['demos'])} are not "
                f"here, and {len(new)} of these {len(mine['demos'])} are not its ({some or 'the order is another'})"
            )
        for demo, its, here in zip(mine["demos"], state.get("ticks", mine["ticks"]), mine["ticks"], strict=True):
            if its != here:
                raise ValueError(
                    f"the state belongs to a dataset with other ticks of demo {printable_name(demo)}: {its}; this one "
                    f"has {here}. Make the dataset with the drop_null of that one, and of demos that were not repaired "
                    "or changed since"
                )
        if state["shape"] != mine["shape"]:
            raise ValueError(
                f"the state belongs to a dataset with other shape: {state['shape']}; this one has {mine['shape']}"
            )
        for episode in state["dropped"]:
            self._drop(episode)
        self._rng.bit_generator.state = state["rng"]
        self._order.load_state_dict(state)
        self._done = self._resumed = state["batch"]
        self._streams.clear()

    def _make_order(self, priority: Priority | None, motion_fraction: float | None) -> Order:
        lengths = [len(episode) for episode in self._episodes]
        if self.order == "carried":
            paths, ticks = [episode.path for episode in self._episodes], [len(one.wanted) for one in self._episodes]
            continued = continuations(paths, ticks) if self._joined else {}
            return CarriedOrder(lengths, self.batch_size, self.seq_len, self._rng, continued=continued)
        codes = [episode.codes for episode in self._episodes]
        weights = chunk_weights(codes, self.seq_len, priority)
        moving = [np.where(moves_camera(part, self.seq_len), w, 0.0) for part, w in zip(codes, weights, strict=True)]
        motion_chunks = WeightedChunks(moving)
        if motion_fraction and not motion_chunks.total_weight:  # a game without a camera, or this process's few demos
            warnings.warn(
                f"the camera moves in no demo, so chunks are drawn from all, and motion_fraction={motion_fraction} has "
                "no effect",
                stacklevel=4,
            )
            motion_fraction = None
        return RandomOrder(
            WeightedChunks(weights),
            lengths,
            self.batch_size,
            self.seq_len,
            self._rng,
            motion_chunks=motion_chunks,
            n_motion=round((motion_fraction or 0.0) * self.batch_size),
        )

    def _fill(
        self,
        segments: list[Segment],
        frames: npt.NDArray[Any],
        codes: npt.NDArray[np.int64],
        first: npt.NDArray[np.bool_],
        weight: npt.NDArray[np.float32],
    ) -> None:
        streams = [self._stream(segment) for segment in segments]  # started together, so that they decode in parallel
        filled = [0] * self.batch_size
        for segment, stream in zip(segments, streams, strict=True):
            episode = self._episodes[segment.episode]
            target = (segment.row, slice(segment.offset, segment.offset + segment.length))
            source = slice(segment.start, segment.start + segment.length)
            codes[target], weight[target] = episode.labels[source], episode.weight[source]
            first[segment.row, segment.offset] = self._order.starts(segment)
            filled[segment.row] = segment.offset + segment.length
            if episode.frames is not None:
                frames[target] = episode.frames[source if episode.rows is None else episode.rows[source]]
            elif stream is not None:
                try:
                    stream.take(frames[target])
                except DemoError as error:
                    frames[target], weight[target] = 0, 0.0
                    self._leave_out(segment.episode, error)
            else:  # its video turned out damaged
                frames[target], weight[target] = 0, 0.0
        for row, end in enumerate(filled):
            frames[row, end:] = frames[row, end - 1]

    def _shows_menu(self, row: int) -> bool:
        """Returns whether a menu is open in any frame of a row of the last batch."""
        return any(
            self._episodes[part.episode].menu[part.start : part.start + part.length].any()
            for part in self._segments
            if part.row == row
        )

    def _stream(self, segment: Segment) -> FrameStream | None:
        episode = self._episodes[segment.episode]
        if episode.frames is not None or segment.episode in self._dropped:
            return None
        index, stream = self._streams.get(segment.row, (None, None))
        if stream is None or index != segment.episode or stream.position != segment.start or segment.offset:
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
        warnings.warn(f"left out from now on, because it is damaged: {printable(path)}: {error}", stacklevel=4)
        self._drop(index)

    def _drop(self, index: int) -> None:
        if index in self._dropped:
            return
        self._dropped.append(index)
        if len(self._dropped) == len(self._episodes):
            raise ValueError(f"no demo is left to learn from: all are damaged. The last one: {self.skipped[-1:]}")
        self._order.drop(index)


def _chosen(wanted: npt.NDArray[np.bool_]) -> str:
    """Returns which ticks of a demo are learned from: their number, that of all ticks, and a checksum."""
    return f"{int(wanted.sum())} of {len(wanted)} ({zlib.crc32(np.packbits(wanted).tobytes()):08x})"
