"""Records demos of a player, one episode for each seed; a stopped run is continued by the next."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vpt_gym.collect.finished import check_same_env, finished_episodes
from vpt_gym.collect.players import is_agent
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.collect.session import RECORDED_BY, Recording
from vpt_gym.collect.workers import LocalWorker, ProcessPool, WorkerPool
from vpt_gym.demos.files.atomic import discard
from vpt_gym.demos.files.names import files_of, list_demos, read_metadata
from vpt_gym.demos.library.checks import repair
from vpt_gym.system.file_lock import try_lock

LOCK_NAME = ".recording.lock"
"""File in the directory that a run locks, since two runs would play the same seeds."""


@dataclass(frozen=True)
class Recorded:
    """The result of a run.

    Attributes:
        demos: Demos of this recording in the directory.
        ticks: Ticks in these demos.
        played: Episodes that this run played.
        successes: Successful episodes among those.
    """

    demos: int
    ticks: int
    played: int
    successes: int


def record(recording: Recording, *, on_episode: Callable[[Episode], None] | None = None) -> Recorded:
    """Plays the episodes that a recording still needs.

    The demos depend neither on ``num_envs`` nor on how often the recording was stopped. Finished demos are never
    changed. Incomplete demos that a crash left are deleted, and their episodes are played again.

    Args:
        recording: What to record.
        on_episode: Called with each episode that was played, kept or not.

    Raises:
        ValueError: The directory holds demos of another env, player or format, or the player cannot play in the env.
        BlockingIOError: Another run records into the directory.
        DemoWriteError: A demo cannot be written, because of disk space or permissions.
        RuntimeError: A worker process died, the seeds for demos are used up, or the game failed repeatedly.
    """
    with _locked(recording.out):
        _clear_up(recording)
        _check_same(recording)
        finished = finished_demos(recording)
        missing = recording.episodes - len(finished)
        played = successes = 0
        if missing > 0:
            seeds = (seed for seed in itertools.count(recording.seed) if seed not in finished)
            with _worker_pool(recording, missing) as pool:
                for episode in _play(pool, seeds, missing, recording):
                    played += 1
                    successes += episode.success
                    if on_episode is not None:
                        on_episode(episode)
        finished = finished_demos(recording)
        return Recorded(len(finished), sum(episode.ticks for episode in finished.values()), played, successes)


def finished_demos(recording: Recording) -> dict[int, Episode]:
    """Returns the episodes of a recording that are already in its directory, by their seeds."""
    return {
        seed: episode
        for seed, episode in finished_episodes(recording.out).items()
        if seed >= recording.seed and recording.kept(episode.success)
    }


def _worker_pool(recording: Recording, missing: int) -> LocalWorker | ProcessPool:
    count = min(recording.num_envs, missing)
    # an agent always gets its own process: the number of torch's threads belongs to a process
    return LocalWorker(recording) if count == 1 and not is_agent(recording.expert) else ProcessPool(recording, count)


def _play(pool: WorkerPool, seeds: Iterator[int], missing: int, recording: Recording) -> Iterator[Episode]:
    """Yields episodes as they end.

    No new seed is started while the running episodes could be enough. So the played seeds, and the demos, are those
    of a run with one env.
    """
    while missing > 0:
        while pool.idle and pool.playing < missing:
            pool.start(_in_band(next(seeds)))
        episode = pool.wait()
        missing -= recording.kept(episode.success)
        yield episode


def _in_band(seed: int) -> int:
    if seed not in SEEDS["demos"]:
        raise RuntimeError(
            f"the seeds for demos are used up: {seed} is reserved for other purposes; start at a lower seed"
        )
    return seed


def _clear_up(recording: Recording) -> None:
    """Finishes complete demos that lack only their final names, and deletes incomplete ones of a recording."""
    repair(recording.out, interrupted_only=True)
    for path in list_demos(recording.out):
        if path.suffix == ".json":
            metadata = read_metadata(path)
            if metadata.get("ended") == "recovered" and RECORDED_BY in metadata:
                discard(files_of(path))


def _check_same(recording: Recording) -> None:
    demos = list_demos(recording.out)
    if not demos:
        return
    probe = recording.env.base()
    try:
        check_same_env(recording.out, probe)
    finally:
        probe.close()
    for path in demos:
        theirs = read_metadata(path).get(RECORDED_BY) if path.suffix == ".json" else None
        if theirs is not None and theirs != recording.provenance:
            raise ValueError(
                f"{path} was recorded with {theirs}, this recording is {recording.provenance}; "
                "record into another directory"
            )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / LOCK_NAME, "ab") as lock:
        if not try_lock(lock):
            raise BlockingIOError(
                f"another run is recording into {directory}, and this one would play the same worlds. Wait for it, "
                "record into another directory, or use more envs in one run (--num-envs)"
            )
        yield
