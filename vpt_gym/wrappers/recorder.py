"""Record every episode of an environment as a demo on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import code_space, decode
from vpt_gym.actions.human import HumanAction, checked
from vpt_gym.actions.translate import Translator, translator_for
from vpt_gym.demos.files.writer import DemoWriter, Ending, EpisodeSummary
from vpt_gym.frames import Frame, find_frame, find_frame_space, packed_copy, to_size
from vpt_gym.wrappers._source_observation import source_observation
from vpt_gym.wrappers._wrapped_env import require_gymnasium
from vpt_gym.wrappers.labels import RecordsLabels
from vpt_gym.wrappers.success import success_of


class RecorderWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs, RecordsLabels):
    """Records each episode as one demo: video, human actions, metadata (``vpt_gym.demos``).

    It stands at any depth and changes nothing that passes through. What it records is what it sees there: the frame
    of the wrapped environment's observation *before* each action, at its own size, and the action as a human action.
    An episode that ``reset`` or ``close`` breaks off is kept too; the metadata's ``"ended"`` says so. Under a
    ``TimeLimit`` that stands *above* it, that is how an episode in time ends. Put it low in the stack, so that the
    video has the native size::

        env = gym.make("vpt_gym/Harvest1Log-v0")
        env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(env, "demos/harvest_1_log")))

    In a vector environment it stands around each of its parts, in any autoreset mode::

        envs = gym.vector.AsyncVectorEnv([lambda: RecorderWrapper(gym.make(env_id), "demos")] * 4, context="spawn")

    Several recorders, in any number of processes, may share a directory. A process that is killed leaves finished
    demos untouched, and of the unfinished one all but the last second (``vpt_gym.demos.repair``).

    Where a game breaks (``info["env_error"]``, or ``step`` raises), it is not known what became of the action: the
    demo ends with the tick before, and ``"ended"`` says "error".

    Success is taken from ``info["success"]``, ``info["is_success"]``, or the environment's ``is_successful``
    (MineDojo), whichever is there; without any of them it is recorded as unknown (None).

    Args:
        env: The environment to wrap; one of the old gym goes through ``as_gymnasium``.
        directory: Where the demos go; it is created with the first one.
        keep: Called with the ``EpisodeSummary`` when an episode is over; the demo is thrown away if it returns
            False. Default: keep all. ``keep=lambda episode: episode.success`` keeps the successes. If it raises, the
            demo is kept.
        translator: Turns actions of the wrapped environment into human actions; default: the one that
            ``vpt_gym.actions.translate.translator_for`` chooses. VPT codes and human actions need none.
        key: Key of the frame in a ``Dict`` observation; needed only if it is an unusual one.
        metadata: More for the metadata of every demo (who played, which policy).
        size: (height, width) of the video: frames are scaled as ``VPTObsWrapper`` does, (128, 128) is what policies
            take. Default: the frames' own.
        lossless: Keep every pixel as it is. The files are five to ten times larger, and not all browsers show them.

    The metadata say which env (``env_id``, ``env_kwargs``, ``task``) and which episode of it: ``seed`` is what
    ``reset`` was given. Where it was given none, as by a vector environment that resets by itself, it was the
    ``resets_since_seed``-th ``reset`` after the one with ``last_seed``.

    Attributes:
        last_demo: The ``<id>.json`` of the demo finished last, None before the first.

    Raises:
        TypeError: ``env`` is no environment, or its frame is not uint8.
        ValueError: The observation has no frame, or it is unknown how to read the wrapped environment's actions as
            human actions. Also: ``size`` is not positive.
        RuntimeError: This build of PyAV cannot write such videos.

    Change log: v0.1.0 - added.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        directory: str | os.PathLike[str],
        *,
        keep: Callable[[EpisodeSummary], bool | None] | None = None,
        translator: Translator | None = None,
        key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        lossless: bool = False,
    ) -> None:
        env = require_gymnasium(env, type(self).__name__)
        gym.utils.RecordConstructorArgs.__init__(
            self,
            directory=os.fspath(directory),
            keep=keep,
            translator=translator,
            key=key,
            metadata=metadata,
            size=size,
            lossless=lossless,
        )
        super().__init__(env)
        self._directory = Path(directory)
        self._keep = keep
        self._metadata: dict[str, Any] = {**_describe(env), **(metadata or {})}
        self._where = find_frame_space(env.observation_space, key)
        self._translator: Translator | None = None
        if translator is not None or env.action_space != code_space():
            self._translator = translator if translator is not None else translator_for(env)
        if size is not None and (len(size) != 2 or min(size) < 1):
            raise ValueError(f"size is {size}; it must be (height, width) in pixels, or None for the frames' own")
        self._size = size
        self._lossless = lossless
        self._new_writer({})  # a bad metadata key shows now, not at the first step
        self._last_seed: int | None = None
        self._resets = 0
        self._writer: DemoWriter | None = None
        self._frame: Frame | None = None
        self._state: dict[str, Any] = {}
        self._label: HumanAction | None = None
        self._success: bool | None = None
        self.last_demo: Path | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Finishes the demo of an episode that is still running, resets the environment, and begins a new demo."""
        self._finish("reset")
        observation, info = self.env.reset(seed=seed, options=options)
        if self._translator is not None:
            self._translator.reset()
        self._label = None
        self._success = None
        self._last_seed, self._resets = (seed, 0) if seed is not None else (self._last_seed, self._resets + 1)
        self._writer = self._new_writer(
            {
                "seed": seed,
                "options": options,
                "last_seed": self._last_seed,
                "resets_since_seed": None if self._last_seed is None else self._resets,
            }
        )
        self._look(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment and records the tick: the frame before the action, and the action.

        Steps between the end of an episode and the next ``reset`` are not recorded.

        Raises:
            ValueError: No human action says ``action`` (the environment has not been stepped), or the reward or the
                frame cannot be recorded.
            DemoWriteError: The demo cannot be written, e.g. for want of disk space.

        After an error in recording, or in the environment, the demo ends there, and later steps of this episode are
        not recorded.
        """
        if self._writer is None or self._frame is None:
            return self.env.step(action)
        executed = decode(action) if self._translator is None else self._translator.to_human(action)
        writer, label, self._label = self._writer, self._label, None
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            if "env_error" not in info:  # else it is not known what became of this action
                writer.append(
                    self._frame,
                    executed if label is None else label,
                    reward=float(reward),
                    executed=None if label is None else executed,
                    state=self._state,
                )
                success = success_of(self.env, info)
                if success is not None:
                    self._success = success or bool(self._success)
                self._look(observation)
        except BaseException:  # an interrupt too: the next frame would not be the one after this action
            self._finish("error")
            raise
        if "env_error" in info:
            self._finish("error")
        elif terminated or truncated:
            self._finish("terminated" if terminated else "truncated")
        return observation, reward, terminated, truncated, info

    def label(self, action: HumanAction) -> None:
        """Labels the next step: see ``vpt_gym.wrappers.labels.RecordsLabels``."""
        self._label = checked(dict(action))

    def close(self) -> None:
        """Finishes the demo of an episode that is still running, and closes the environment."""
        try:
            self._finish("close")
        finally:
            super().close()

    def _new_writer(self, metadata: Mapping[str, Any]) -> DemoWriter:
        return DemoWriter(self._directory, metadata={**self._metadata, **metadata}, lossless=self._lossless)

    def _look(self, observation: Any) -> None:
        # copied, since an environment may draw the next frame into the same memory
        frame = find_frame(observation, self._where.key, self._where.layout)
        self._frame = packed_copy(frame) if self._size is None else to_size(frame, self._size)
        source = source_observation(self.env, observation)
        if self._translator is not None:
            self._translator.observe(source)
        self._state = _state_of(source)

    def _finish(self, ended: Ending) -> None:
        writer, self._writer = self._writer, None
        if writer is None or writer.closed:
            return
        try:
            keep = self._keep is None or self._keep(writer.summary(success=self._success, ended=ended))
        except BaseException:
            writer.close(success=self._success, ended=ended)
            raise
        if not keep:
            writer.abort()
            return
        self.last_demo = writer.close(success=self._success, ended=ended) or self.last_demo


def _describe(env: gym.Env[Any, Any]) -> dict[str, Any]:
    spec = env.spec
    kwargs = {} if spec is None else dict(spec.kwargs)
    return {
        "env_id": type(env.unwrapped).__qualname__ if spec is None else spec.id,
        "env_kwargs": kwargs,
        "max_episode_steps": None if spec is None else spec.max_episode_steps,
        "task": kwargs.get("task", kwargs.get("task_id")),
    }


def _state_of(observation: Any) -> dict[str, Any]:
    """Returns what MineDojo's observation (and the embedded world's) says of the player, in the contractors' words."""
    if not isinstance(observation, Mapping):
        return {}
    state: dict[str, Any] = {}
    place = observation.get("location_stats")
    if place is not None:
        state["xpos"], state["ypos"], state["zpos"] = np.asarray(place["pos"], np.float64).tolist()
        for name in ("yaw", "pitch"):
            state[name] = float(np.asarray(place[name]).reshape(()))
    inventory = observation.get("inventory")
    if inventory is not None:
        names, quantities = np.asarray(inventory["name"]).tolist(), np.asarray(inventory["quantity"]).tolist()
        state["inventory"] = [
            {"type": str(name).replace(" ", "_"), "quantity": int(quantity)}
            for name, quantity in zip(names, quantities, strict=True)
            if name != "air" and quantity > 0
        ]
    return state
