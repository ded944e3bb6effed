"""What the demos of a directory have in common: env, player and settings. A directory never mixes two kinds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.demos.files.names import list_demos, list_metadata, read_metadata
from vpt_gym.demos.files.unlabelled import read_videos
from vpt_gym.system.json_text import as_read
from vpt_gym.wrappers.recorded_frames import chosen_key

RECORDED_BY = "recorded_by"
"""Key of a demo's metadata that describes the player and the recording."""
LABELLED_BY = "labelled_by"
"""Key of the metadata of a demo that was made from a video; it describes the model."""


def check_same_env(directory: Path, env: gym.Env[Any, Any]) -> None:
    """Checks that the demos in a directory were recorded in ``env``, so that no directory mixes two tasks.

    Raises:
        ValueError: A demo has another env id, the env was made with other arguments or another limit of ticks, or its
            frames have another key.
    """
    if env.spec is None:
        return
    mine = {
        "env_id": env.spec.id,
        "env_kwargs": as_read(dict(env.spec.kwargs), repr),
        "max_episode_steps": env.spec.max_episode_steps,
        "frame_key": as_read(chosen_key(env)),
    }
    entries = {path: read_metadata(path) for path in list_metadata(directory)} | read_videos(directory)
    for path, entry in entries.items():
        theirs = {key: entry[key] for key in mine if key in entry}
        if theirs.get("env_id") is not None and theirs != {key: mine[key] for key in theirs}:
            raise ValueError(f"{path} was recorded in {theirs}, this env is {mine}; record into another directory")


def check_same_recording(
    directory: Path, recorded_by: Mapping[str, Any], *, required: bool = False, key: str = RECORDED_BY
) -> None:
    """Checks that the demos in a directory were recorded by the same player with the same settings.

    Args:
        directory: The directory.
        recorded_by: The description that demos of this recording have in their metadata.
        required: Whether demos without such a description are an error too.
        key: Key of the description in their metadata.

    Raises:
        ValueError: A demo has another description. The error names what differs, with both values.
    """
    mine: dict[str, Any] = as_read(recorded_by)
    demos = list_demos(directory) if directory.is_dir() else []
    entries = {path: read_metadata(path) if path.suffix == ".json" else {} for path in demos} | read_videos(directory)
    for path, entry in entries.items():
        theirs = entry.get(key)
        if theirs == mine or (theirs is None and not required):
            continue
        if isinstance(theirs, dict):
            differing = [name for name in {**theirs, **mine} if theirs.get(name) != mine.get(name)]
            theirs, expected = ({name: these[name] for name in differing if name in these} for these in (theirs, mine))
        else:
            expected = mine
        raise ValueError(
            f"{path} was recorded with {theirs}, this recording is {expected}; record into another directory"
        )
