"""Records demos of a player, one episode for each seed; a stopped run is continued by the next."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vpt_gym.collect.directory import clear_up, locked
from vpt_gym.collect.finished import finished_episodes, finished_videos, rejected_seeds
from vpt_gym.collect.players import is_agent
from vpt_gym.collect.provenance import RECORDED_BY, check_same_env, check_same_recording
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.recording import RayPool
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.seeds import recorded_band
from vpt_gym.collect.session import Recording
from vpt_gym.collect.workers import LocalWorker, ProcessPool, WorkerPool
from vpt_gym.demos.files.names import list_demos
from vpt_gym.demos.files.unlabelled import clear_up_videos, read_videos
from vpt_gym.system.plural import counted


@dataclass(frozen=True)
class Recorded:
    """The result of a run.

    Attributes:
        demos: Demos of this recording in the directory.
        ticks: Ticks in these demos.
        played: Episodes that this run played.
        successes: Successful episodes among those.
        unknown: Episodes among those of which the env did not report whether they succeeded.
    """

    demos: int
    ticks: int
    played: int
    successes: int
    unknown: int = 0

    @property
    def outcome(self) -> str:
        """What became of the episodes that this run played, in words; empty if it played none."""
        if not self.played:
            return ""
        if self.unknown == self.played:
            return f"; of {counted(self.played, 'episode')} the success is not known"
        return f"; of {counted(self.played, 'episode')} {self.successes:,} succeeded" + (
            f", of {self.unknown} the success is not known" if self.unknown else ""
        )


def record(
    recording: Recording, *, ray: RayArgs | None = None, on_episode: Callable[[Episode], None] | None = None
) -> Recorded:
    """Plays the episodes that a recording still needs.

    The demos depend neither on ``num_envs`` nor on how often the recording was stopped. Finished demos are never
    changed. Incomplete demos that a crash left are deleted, and their episodes are played again. Rejected demos do not
    count, and their worlds are not played again.

    Args:
        recording: What to record.
        ray: With an address, workers on that Ray cluster play the episodes, instead of ``recording.num_envs`` envs.
        on_episode: Called with each episode that was played, kept or not.

    Raises:
        ValueError: The directory holds demos of another env, player or format, or the player cannot play in the env.
            An agent that was trained again, or replaced, is another player.
        BlockingIOError: Another run records into the directory.
        DemoWriteError: A demo cannot be written, because of disk space or permissions.
        RuntimeError: A worker process died (on a Ray cluster: repeatedly, with the same episode), the seeds for demos
            are used up, or the game failed repeatedly.
        DependencyNotInstalled: Ray is asked for and not installed.
        ConnectionError: There is no Ray cluster at the address.
    """
    recording = recording.with_weights()
    with locked(recording.out):
        clear_up(recording.out, RECORDED_BY, lambda: _check_same(recording))
        clear_up_videos(recording.out)
        finished = finished_demos(recording)
        missing = recording.episodes - len(finished)
        played = successes = unknown = 0
        if missing > 0:
            done = finished.keys() | rejected_seeds(recording.out)
            seeds = (seed for seed in itertools.count(recording.first_seed) if seed not in done)
            with _worker_pool(recording, missing, ray) as pool:
                for episode in _play(pool, seeds, missing, recording):
                    played += 1
                    successes += bool(episode.success)
                    unknown += episode.success is None
                    if on_episode is not None:
                        on_episode(episode)
        finished = finished_demos(recording)
        return Recorded(len(finished), sum(episode.ticks for episode in finished.values()), played, successes, unknown)


def finished_demos(recording: Recording) -> dict[int, Episode]:
    """Returns the episodes of a recording that are already in its directory, by their seeds."""
    return {
        seed: episode
        for seed, episode in (finished_episodes if recording.labels else finished_videos)(recording.out).items()
        if seed >= recording.first_seed and recording.kept(episode.success)
    }


def _worker_pool(recording: Recording, missing: int, ray: RayArgs | None) -> LocalWorker | ProcessPool | RayPool:
    if ray is not None and ray.address is not None:
        if not recording.labels:
            raise ValueError("videos without labels are recorded on this machine only; leave --ray out")
        return RayPool(recording, missing, ray)
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
            pool.start(_in_band(next(seeds), recording))
        episode = pool.wait()
        missing -= recording.kept(episode.success)
        yield episode


def _in_band(seed: int, recording: Recording) -> int:
    if seed not in recorded_band(recording.first_seed):
        raise RuntimeError(
            f"the seeds for demos are used up: {seed} is reserved for other purposes; start at a lower seed"
        )
    return seed


def _check_same(recording: Recording) -> None:
    if not list_demos(recording.out) and not read_videos(recording.out):
        return
    probe = recording.env.base()
    try:
        check_same_env(recording.out, probe)
    finally:
        probe.close()
    check_same_recording(recording.out, recording.provenance)
