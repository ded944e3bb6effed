"""The finished episodes in a directory of demos, and a check that they come from the same env."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.collect.rollouts import Episode
from vpt_gym.demos.files.names import list_demos, read_metadata


def finished_episodes(directory: Path) -> dict[int, Episode]:
    """Returns the episodes in a directory of demos that were played to their end, by the seed of the world."""
    episodes = {}
    for path in list_demos(directory) if directory.is_dir() else ():
        entry = read_metadata(path)
        if entry.get("seed") is not None and entry.get("ended") in ("terminated", "truncated"):
            episodes[entry["seed"]] = Episode(
                seed=entry["seed"],
                success=bool(entry["success"]),
                total_reward=entry["return"],
                ticks=entry["ticks"],
                truncated=entry["ended"] == "truncated",
            )
    return episodes


def check_same_env(directory: Path, env: gym.Env[Any, Any]) -> None:
    """Checks that the demos in a directory were recorded in ``env``, so that no directory mixes two tasks.

    Raises:
        ValueError: A demo has another env id, or the env was made with other arguments.
    """
    if env.spec is None:
        return
    for path in list_demos(directory) if directory.is_dir() else ():
        entry = read_metadata(path)
        theirs = {key: entry.get(key) for key in ("env_id", "env_kwargs")}
        mine = {"env_id": env.spec.id, "env_kwargs": json.loads(json.dumps(dict(env.spec.kwargs), default=repr))}
        if theirs["env_id"] is not None and theirs != mine:
            raise ValueError(f"{path} was recorded in {theirs}, this env is {mine}; record into another directory")
