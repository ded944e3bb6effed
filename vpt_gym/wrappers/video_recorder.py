"""Records episodes as videos without labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from vpt_gym.demos.files.unlabelled import UnlabelledVideoWriter
from vpt_gym.demos.files.video import require_encoder
from vpt_gym.demos.files.writer import check_metadata
from vpt_gym.frames import Frame, FrameKey
from vpt_gym.system.flags import checks_flags
from vpt_gym.wrappers.recorded_frames import RecordedFrames, RecordsEpisodes, describe_env, require_unrecorded


class VideoRecorderWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs, RecordsEpisodes):
    """Records what the player sees in each episode, and nothing else: no action, reward, position or inventory.

    Frame t is the one before action t, as in a demo (``RecorderWrapper``). Only episodes that are played to their end
    are kept. ``<id>.json`` has the env, the seed of the episode, the time, and the size and number of the frames.

    Args:
        env: The environment to wrap.
        directory: Folder of the videos; it is created with the first one.
        key: Key of the frame in a ``Dict`` observation; needed only if it is not one of ``vpt_gym.frames.KEYS``.
        metadata: Entries to add to the metadata of every video.
        size: (height, width) of the video, scaled as by ``VPTObsWrapper``. Default: the frames' own.
        lossless: Keep every pixel unchanged.

    Raises:
        TypeError: ``env`` is not an environment, or its frame is not uint8.
        ValueError: The observation has no frame, ``size`` is not positive, ``metadata`` has a key that the
            recorder itself writes, or a ``VideoRecorderWrapper`` is around the environment already.
        RuntimeError: This build of PyAV cannot write such videos.

    Change log: v0.2.0 - added.
    """

    recorder_name = "VideoRecorderWrapper"

    @checks_flags
    def __init__(
        self,
        env: gym.Env[Any, Any],
        directory: str | os.PathLike[str],
        *,
        key: FrameKey | None = None,
        metadata: Mapping[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        lossless: bool = False,
    ) -> None:
        env = require_unrecorded(env, VideoRecorderWrapper)
        check_metadata(metadata or {})
        if "seed" in (metadata or {}):
            raise ValueError("metadata key 'seed' is written by each reset; choose another name")
        self.directory = directory
        gym.utils.RecordConstructorArgs.__init__(
            self, directory=os.fspath(directory), key=key, metadata=metadata, size=size, lossless=lossless
        )
        super().__init__(env)
        described = describe_env(env, key)
        self.frame_key = described["frame_key"]
        self._entries: dict[str, Any] = {**described, **(metadata or {})}
        self._frames = RecordedFrames(env, key, size)
        self._lossless = lossless
        check_metadata(self._entries)
        require_encoder(lossless=lossless)
        self._seed: int | None = None
        self._frame: Frame | None = None
        self._writer: UnlabelledVideoWriter | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Deletes the video of an episode that is still running, and begins a new one."""
        self._discard()
        observation, info = self.env.reset(seed=seed, options=options)
        self._seed = seed
        self._look(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Records the present frame and steps the environment.

        Raises:
            DemoWriteError: The video cannot be written, e.g. because the disk is full.
        """
        if self._frame is None:
            return self.env.step(action)
        try:
            if self._writer is None:
                height, width = self._frame.shape[:2]
                metadata = {**self._entries, "seed": self._seed}
                self._writer = UnlabelledVideoWriter(
                    self.directory, (height, width), metadata=metadata, lossless=self._lossless
                )
            writer = self._writer
            writer.append(self._frame)
            observation, reward, terminated, truncated, info = self.env.step(action)
            if not (terminated or truncated or "env_error" in info):
                self._look(observation)
        except BaseException:  # the next frame would not be the one after this
            self._discard()
            raise
        if "env_error" in info:
            self._discard()
        elif terminated or truncated:
            self._writer = self._frame = None
            writer.close("terminated" if terminated else "truncated")
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Deletes the video of an episode that is still running, and closes the environment."""
        try:
            self._discard()
        finally:
            super().close()

    def _look(self, observation: Any) -> None:
        self._frame = self._frames.of(observation)

    def _discard(self) -> None:
        writer, self._writer, self._frame = self._writer, None, None
        if writer is not None:
            writer.abort()
