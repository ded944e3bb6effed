"""Decoding a demo's frames shortly before they are used, without keeping them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice

import numpy as np
import numpy.typing as npt

from vpt_gym.demos.demo import Demo
from vpt_gym.demos.files.names import DemoError
from vpt_gym.frames import Frame, to_size


class FrameStream:
    """The frames of an episode in order, starting at a given tick. Holds at most two pieces of them in memory.

    Args:
        read: Returns the demo; called when the first piece is decoded.
        wanted: (T,) bool, the frames that are learned from.
        start: Index among these of the first frame to return. Earlier frames are decoded, but not converted.
        size: (height, width) that frames are scaled to.
        ahead: Frames in a piece: while one piece is used, the next is decoded.
        pool: Runs the decoding.

    Attributes:
        position: Index among the wanted frames of the next one.
    """

    def __init__(
        self,
        read: Callable[[], Demo],
        wanted: npt.NDArray[np.bool_],
        *,
        start: int,
        size: tuple[int, int],
        ahead: int,
        pool: Executor,
    ) -> None:
        self.position = start
        self._frames = _frames(read, wanted, start, size)
        self._ahead, self._pool = ahead, pool
        self._ready: list[Frame] = []
        self._coming: Future[list[Frame]] = self._decode()

    def take(self, out: npt.NDArray[np.uint8]) -> None:
        """Writes the next N frames into ``out``, uint8 (N, *size, 3).

        Raises:
            DemoError: The demo cannot be read, or its video cannot be decoded that far.
        """
        for index in range(len(out)):
            if not self._ready:
                self._ready = self._coming.result()[::-1]
                self._coming = self._decode()
            out[index] = self._ready.pop()
            self.position += 1

    def _decode(self) -> Future[list[Frame]]:
        return self._pool.submit(lambda: list(islice(self._frames, self._ahead)))


def _frames(
    read: Callable[[], Demo], wanted: npt.NDArray[np.bool_], start: int, size: tuple[int, int]
) -> Iterator[Frame]:
    demo = read()
    if len(demo) != len(wanted):
        raise DemoError(
            f"{demo.files.records} had {len(wanted)} ticks and has {len(demo)} now", "create the dataset again"
        )
    left = wanted.copy()
    left[: np.flatnonzero(wanted)[start]] = False
    for frame in demo.frames(threads=1, wanted=left):
        yield to_size(frame, size)
