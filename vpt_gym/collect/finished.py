"""The finished episodes in a directory of demos, or of videos without labels."""

from __future__ import annotations

from pathlib import Path

from vpt_gym.collect.rollouts import Episode
from vpt_gym.demos.files.names import REJECTED, list_metadata, read_metadata
from vpt_gym.demos.files.unlabelled import read_videos


def finished_episodes(directory: Path) -> dict[int, Episode]:
    """Returns the episodes in a directory of demos that were played to their end, by the seed of the world."""
    return {seed: episode for seed, (_, episode) in _finished(directory).items()}


def finished_paths(directory: Path) -> dict[int, Path]:
    """Returns the demos in a directory whose episodes were played to their end, by the seed of the world."""
    return {seed: path for seed, (path, _) in _finished(directory).items()}


def finished_videos(directory: Path) -> dict[int, Episode]:
    """Returns the episodes in a directory of videos without labels, by the seed of the world.

    Their success is not known. Neither is their reward, which is 0 here.
    """
    return {
        entry["seed"]: Episode(entry["seed"], None, 0.0, entry["ticks"], entry["ended"] == "truncated")
        for entry in read_videos(directory).values()
        if entry.get("seed") is not None
    }


def seeds_with_demos(directory: Path) -> set[int]:
    """Returns the seeds of the worlds that have a demo in a directory, finished or not, kept or rejected."""
    folders = (directory, directory / REJECTED)
    seeds = (read_metadata(path).get("seed") for folder in folders for path in list_metadata(folder))
    return {seed for seed in seeds if isinstance(seed, int)}


def _finished(directory: Path) -> dict[int, tuple[Path, Episode]]:
    finished = {}
    for path in list_metadata(directory):
        entry = read_metadata(path)
        if isinstance(entry.get("seed"), int) and entry.get("ended") in ("terminated", "truncated"):
            episode = Episode(
                seed=entry["seed"],
                success=entry["success"],
                total_reward=entry["return"],
                ticks=entry["ticks"],
                truncated=entry["ended"] == "truncated",
            )
            finished[episode.seed] = path, episode
    return finished
