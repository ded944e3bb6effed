"""What the two recorders have in common: where their frames are, what they say of the env, and no recorder twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.demos.files.names import checked_directory
from vpt_gym.frames import Frame, FrameKey, checked_size, declared_frame, find_declared_frame, packed_copy, to_size
from vpt_gym.legacy_gym import env_name
from vpt_gym.system.output_directory import check_not_a_file
from vpt_gym.wrappers._wrapped_env import require_resets
from vpt_gym.wrappers.frame_key import FrameKeyWrapper


class RecordedFrames:
    """Takes the frame of each observation, in the size of the video.

    Args:
        env: The environment that is recorded.
        key: Key of the frame in a ``Dict`` observation; None: the usual names.
        size: (height, width) of the video; None: the frames' own.

    Raises:
        TypeError: The frame is not uint8.
        ValueError: The observation has no frame, or ``size`` is not two positive integers.
    """

    def __init__(self, env: gym.Env[Any, Any], key: FrameKey | None, size: tuple[int, int] | None) -> None:
        self._where, self._named = declared_frame(env.observation_space, key), key is not None
        self._size = None if size is None else checked_size(size, more=", or None for the frames' own")

    def of(self, observation: Any) -> Frame:
        """Returns the frame, (H, W, 3). It is a copy: an env may draw the next frame into the same memory."""
        frame = find_declared_frame(observation, self._where, named=self._named)
        return packed_copy(frame) if self._size is None else to_size(frame, self._size)


def require_unrecorded(env: Any, recorder: type[gym.Wrapper[Any, Any, Any, Any]]) -> gym.Env[Any, Any]:
    """Returns an environment to record, converted if it is one of the old gym.

    Raises:
        TypeError: It is not an environment.
        ValueError: It is in a recorder of this class already, which would write each episode a second time; or a
            wrapper resets it by itself, so that only the first episode would be seen.
    """
    wrapped = require_resets(env, recorder.__name__)
    for name, directory in recorders_of(wrapped):
        if name == recorder.__name__:
            raise ValueError(
                f"a {name} below records this environment already, to {directory}; a second one would write "
                "each episode again, without its labels. Remove one of them"
            )
    return wrapped


def recorders_of(env: gym.Env[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Returns the class and the directory of each recorder around an environment, from the top.

    Those that ``ResilientEnv`` runs in another process are included: recorders have the attribute ``recorders``.
    """
    found: list[tuple[str, str]] = []
    while isinstance(env, gym.Wrapper):
        if isinstance(env, RecordsEpisodes):
            found.append((env.recorder_name, str(env.directory)))
        env = env.env
    if getattr(env, "stands_for_wrappers", False) and env.has_wrapper_attr("recorders"):
        found += env.get_wrapper_attr("recorders")
    return tuple(found)


class RecordsEpisodes:
    """The base of recorders: what others ask them.

    Attributes:
        recorder_name: The name of the recorder's class, not of a subclass by a user.
        frame_key: Key of the frame in the observations, None if none was chosen.
    """

    recorder_name: str
    frame_key: FrameKey | None
    _directory: Path

    @property
    def directory(self) -> Path:
        """Folder of what it records. It may be changed between episodes.

        Raises:
            NotADirectoryError: It is set to a file.
            TypeError: It is set to something that is neither text nor a path.
            ValueError: It is set to an empty text.
        """
        return self._directory

    @directory.setter
    def directory(self, directory: str | os.PathLike[str]) -> None:
        folder = checked_directory(directory)
        check_not_a_file(folder)  # it is made with the first demo, which would be too late to say so
        self._directory = folder

    @property
    def recorders(self) -> tuple[tuple[str, str], ...]:
        """The class and the directory of this recorder and of those below."""
        assert isinstance(self, gym.Wrapper)
        return recorders_of(self)


def describe_env(env: gym.Env[Any, Any], key: FrameKey | None) -> dict[str, Any]:
    """Returns what metadata says about the environment: its id, arguments, limit of steps, task, and key of the frame.

    Args:
        env: The environment.
        key: The key that the recorder was given; None: that of ``chosen_key``.
    """
    spec = env.spec
    kwargs = {} if spec is None else dict(spec.kwargs)
    return {
        "env_id": env_name(env),
        "env_kwargs": kwargs,
        "max_episode_steps": None if spec is None else spec.max_episode_steps,
        "task": kwargs.get("task", kwargs.get("task_id")),
        "frame_key": chosen_key(env) if key is None else key,
    }


def chosen_key(env: gym.Env[Any, Any]) -> FrameKey | None:
    """Returns the key of the frame that a recorder or a ``FrameKeyWrapper`` around an environment was given, if any."""
    while isinstance(env, gym.Wrapper):
        if isinstance(env, RecordsEpisodes):
            return env.frame_key
        if isinstance(env, FrameKeyWrapper) and env.key is not None:
            return env.key
        env = env.env
    return None
