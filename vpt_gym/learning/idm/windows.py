"""The training data of an inverse dynamics model: windows of demos with their executed actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.actions import factored
from vpt_gym.actions.camera import NULL_BIN
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.dataset.chunks import WeightedChunks, chunk_sums
from vpt_gym.demos.demo import Demo
from vpt_gym.frames import Frame


class WindowBatch(NamedTuple):
    """B windows of T ticks."""

    frames: torch.Tensor
    """uint8 [B, T, 128, 128, 3], RGB: the frame before each action."""
    buttons: torch.Tensor
    """int64 [B, T, 20], 0/1: the executed state of VPT's buttons."""
    camera: torch.Tensor
    """int64 [B, T, 2], the executed camera movement as bins (pitch, yaw)."""


class ActionWindows:
    """Random windows of demos with their executed actions.

    Labels are not used: where an expert's label differs from the executed action (DART, DAgger), the video shows the
    executed one.

    Args:
        demos: The demos; their videos are decoded in the constructor.
        seq_len: T, ticks in a window.
        batch_size: B, windows in a batch.
        seed: Seed of the order.
        still: Priority of a window in which nothing happens. The share of ticks in which the camera moves, and the
            share in which a button changes, are added to it. Windows are drawn in proportion to their priority,
            because most of a demo is "hold attack", which teaches little.
        colour: The brightness of a window varies by up to this share, and each colour by a third of it.
        mirror: Flip half of the windows left to right, with their actions, except those in which a menu is open
            (``Demo.menu``), whose layout has a left and a right.
        cache: Decoded frames to share with other objects. Default: a separate cache.

    Raises:
        ValueError: An argument is out of range, there is no demo, or one is shorter than a window.
        DemoError: A video cannot be decoded.
    """

    def __init__(
        self,
        demos: Sequence[Demo],
        *,
        seq_len: int = 32,
        batch_size: int = 4,
        seed: int = 0,
        still: float = 0.05,
        colour: float = 0.3,
        mirror: bool = True,
        cache: FrameCache | None = None,
    ) -> None:
        if seq_len < 1 or batch_size < 1:
            raise ValueError(f"seq_len is {seq_len}, batch_size is {batch_size}; both must be at least 1")
        if not 0 < still < float("inf"):
            raise ValueError(
                f"still is {still}; it must be positive and finite, or windows in which nothing happens are never drawn"
            )
        if not demos:
            raise ValueError("there are no demos to learn from")
        short = [demo.id for demo in demos if len(demo) < seq_len]
        if short:
            raise ValueError(
                f"{len(short)} demos, the first of them {short[0]}, are shorter than a window of {seq_len} ticks: "
                "leave them out, or choose a smaller seq_len"
            )
        if not 0 <= colour < 1:
            raise ValueError(f"colour is {colour}; it must be in [0, 1)")
        self.seq_len, self.batch_size, self.colour, self.mirror = seq_len, batch_size, colour, mirror
        cache = cache if cache is not None else FrameCache()
        self._frames = [cache.frames(demo) for demo in demos]
        self._actions = [factored.from_human(demo.executed) for demo in demos]
        self._menus = [demo.menu for demo in demos]
        self._windows = WeightedChunks([_activity(*actions, seq_len) + still for actions in self._actions])
        self._rng = np.random.default_rng(seed)

    @property
    def n_ticks(self) -> int:
        """The number of ticks in the demos."""
        return sum(map(len, self._frames))

    @property
    def labels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Buttons (n, 20) and camera bins (n, 2) of all ticks, for example to count frequencies."""
        buttons, camera = zip(*self._actions, strict=True)
        return np.concatenate(buttons), np.concatenate(camera)

    def state_dict(self) -> dict[str, Any]:
        """Returns what the next batches depend on, as plain values."""
        return {"rng": self._rng.bit_generator.state, "ticks": self.n_ticks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state of the same demos and arguments, with the batches that would have come next.

        Raises:
            ValueError: The state is of other demos.
        """
        if state["ticks"] != self.n_ticks:
            raise ValueError(f"the state is of demos with {state['ticks']:,} ticks, these have {self.n_ticks:,}")
        self._rng.bit_generator.state = state["rng"]

    def next_batch(self) -> WindowBatch:
        """Returns the next batch. Batches never run out."""
        frames, buttons, camera = [], [], []
        for index, start in self._windows.draw(self._rng, self.batch_size):
            window = slice(start, start + self.seq_len)
            pixels, (held, moved) = self._frames[index][window], self._actions[index]
            held, moved = held[window], moved[window]
            if self.mirror and self._rng.random() < 0.5 and not self._menus[index][window].any():
                pixels = pixels[:, :, ::-1]
                held, moved = factored.mirrored(held, moved)
            frames.append(self._recoloured(pixels))
            buttons.append(held)
            camera.append(moved)
        return WindowBatch(*(torch.from_numpy(np.stack(part)) for part in (frames, buttons, camera)))

    def _recoloured(self, pixels: Frame) -> Frame:
        gains = (1 + self.colour * self._rng.uniform(-1, 1)) * (1 + self.colour / 3 * self._rng.uniform(-1, 1, 3))
        table = np.clip(np.arange(256)[:, None] * gains, 0, 255).round().astype(np.uint8)
        rows = np.ascontiguousarray(pixels).reshape(-1, pixels.shape[2], 3)
        return np.asarray(cv2.LUT(rows, table[:, None]), np.uint8).reshape(pixels.shape)


def _activity(buttons: npt.NDArray[np.int64], camera: npt.NDArray[np.int64], seq_len: int) -> npt.NDArray[np.float64]:
    """Returns the share of ticks with camera motion plus the share with a button change, for each window."""
    moves = (camera != NULL_BIN).any(1).astype(np.float64)
    changes = (np.diff(buttons, axis=0, prepend=buttons[:1]) != 0).any(1)
    return chunk_sums(moves + changes, seq_len) / seq_len
