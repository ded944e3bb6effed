"""The finished episodes in a directory of demos, or of videos without labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpt_gym.collect.provenance import RECORDED_BY
from vpt_gym.collect.rollouts import Episode
from vpt_gym.demos.files.made import made_demos, rejected_demos
from vpt_gym.demos.files.names import list_metadata, read_metadata
from vpt_gym.demos.files.unlabelled import read_videos
from vpt_gym.system.json_text import as_read


def finished_episodes(directory: Path) -> dict[int, Episode]:
    """Returns the episodes in a directory of demos that were played to their end, by the seed of the world.

    A reward that the metadata do not state, as those of another program need not, is 0.
    """
    return {seed: episode for seed, (_, episode) in _finished(_kept(directory)).items()}


def rejected_episodes(directory: Path, recorded_by: Mapping[str, Any]) -> dict[int, Episode]:
    """Returns the episodes of a recording that were played to their end and then rejected, by the seed of the world.

    Args:
        directory: The directory from which they were rejected.
        recorded_by: The description that demos of the recording have in their metadata.
    """
    mine = as_read(recorded_by)
    demos = {path: entry for path, entry in rejected_demos(directory).items() if entry.get(RECORDED_BY) == mine}
    return {seed: episode for seed, (_, episode) in _finished(demos).items()}


def finished_paths(directory: Path) -> dict[int, Path]:
    """Returns the demos in a directory whose episodes were played to their end, by the seed of the world."""
    return {seed: path for seed, (path, _) in _finished(_kept(directory)).items()}


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
    return _seeds(made_demos(directory))


def rejected_seeds(directory: Path) -> set[int]:
    """Returns the seeds of the worlds whose demos were rejected from a directory."""
    return _seeds(rejected_demos(directory))


def _seeds(demos: Mapping[Path, Mapping[str, Any]]) -> set[int]:
    seeds = (metadata.get("seed") for metadata in demos.values())
    return {seed for seed in seeds if isinstance(seed, int)}


def _kept(directory: Path) -> dict[Path, dict[str, Any]]:
    return {path: read_metadata(path) for path in list_metadata(directory)}


def _finished(demos: Mapping[Path, Mapping[str, Any]]) -> dict[int, tuple[Path, Episode]]:
    finished = {}
    for path, entry in demos.items():
        if isinstance(entry.get("seed"), int) and entry.get("ended") in ("terminated", "truncated"):
            episode = Episode(
                seed=entry["seed"],
                success=entry["success"],
                total_reward=entry.get("return") or 0.0,
                ticks=entry["ticks"],
                truncated=entry["ended"] == "truncated",
            )
            finished[episode.seed] = path, episode
    return finished
