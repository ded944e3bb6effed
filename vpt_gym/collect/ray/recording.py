"""A recording whose episodes are played by workers on a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import TracebackType

from vpt_gym.collect.ray.connect import connected
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.parcels import DemoParcel, take_demos, write_demo
from vpt_gym.collect.ray.workers import RayWorkers
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.session import Recording, RecordingSession
from vpt_gym.system.temporary import TemporaryDirectory


class RayPool:
    """Plays and records episodes on a Ray cluster; a ``WorkerPool`` and a context manager.

    Each worker plays one episode at a time, so demos are those of one process. A demo is in the directory of the
    recording before :meth:`wait` returns its episode.

    Args:
        recording: What to record.
        missing: Number of episodes that are needed; there are at most as many workers.
        args: The cluster and its workers.

    Raises:
        ConnectionError: There is no cluster at the address.
    """

    def __init__(self, recording: Recording, missing: int, args: RayArgs) -> None:
        assert args.address is not None
        self._playing: set[int] = set()
        self._connection = connected(args.address)
        ray = self._connection.__enter__()
        try:
            self._workers: RayWorkers[int, tuple[Episode, list[DemoParcel]]] = RayWorkers(ray, args)
            self._count = min(missing, self._workers.room)
            self._workers.use(_SessionMaker(recording), self._count)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    @property
    def idle(self) -> int:
        """The number of free workers."""
        return self._count - self.playing

    @property
    def playing(self) -> int:
        """The number of running episodes."""
        return len(self._playing)

    def start(self, seed: int) -> None:
        """Starts the episode of a seed."""
        self._playing.add(seed)
        self._workers.submit(seed)

    def wait(self) -> Episode:
        """Waits until an episode ends, writes its demo if it is kept, and returns it.

        Raises:
            RuntimeError: Workers cannot be started, or died repeatedly with the same episode.
            OSError: The demo cannot be written.
            Exception: The error that a worker raised.
        """
        seed, (episode, demos) = self._workers.wait()
        for demo in demos:
            write_demo(demo)
        self._playing.remove(seed)
        return episode

    def __enter__(self) -> RayPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._workers.close(broken=kind is not None)
        finally:
            self._connection.__exit__(None, None, None)


@dataclass(frozen=True)
class _SessionMaker:
    recording: Recording

    def __call__(self) -> _ParcelSession:
        return _ParcelSession(self.recording)


class _ParcelSession:
    """Records into a temporary directory, and returns each episode with its demo."""

    def __init__(self, recording: Recording) -> None:
        self._home = recording.out
        self._directory = TemporaryDirectory("vpt-gym-record-")
        self._session = RecordingSession(replace(recording, out=self._directory.path))

    def __call__(self, seed: int) -> tuple[Episode, list[DemoParcel]]:
        episode = self._session.play(seed)
        return episode, take_demos(self._directory.path, self._home)

    def close(self) -> None:
        self._session.close()
        self._directory.remove()
