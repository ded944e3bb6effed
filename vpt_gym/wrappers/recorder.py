"""Records every episode of an environment as a demo on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from vpt_gym.actions.codec import code_space, decode
from vpt_gym.actions.human import HumanAction, checked
from vpt_gym.actions.translate import Translator, translator_for
from vpt_gym.demos.files.writer import DemoWriter, Ending, EpisodeSummary, check_metadata
from vpt_gym.frames import Frame, FrameKey
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.printable import shown
from vpt_gym.wrappers._own_translator import own_translator
from vpt_gym.wrappers._source_observation import source_observation
from vpt_gym.wrappers.labels import RecordsLabels
from vpt_gym.wrappers.player_state import recorded_state
from vpt_gym.wrappers.recorded_frames import RecordedFrames, RecordsEpisodes, describe_env, require_unrecorded
from vpt_gym.wrappers.success import success_of, success_so_far, truth_of

_MENU = {"isGuiOpen": ("is_gui_open", "isGuiOpen"), "isGuiInventory": ("is_gui_inventory", "isGuiInventory")}
"""Where infos say whether a menu is open: the embedded world's key, and that of MineRL 1.0 and MineStudio."""

_OF_RESET = ("seed", "options", "last_seed", "resets_since_seed")
"""Keys of the metadata that each ``reset`` writes."""


class RecorderWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs, RecordsLabels, RecordsEpisodes):
    """Records each episode as one demo: video, human actions, metadata (``vpt_gym.demos``).

    It can be at any depth of a stack of wrappers and changes nothing that passes through. It records the frame of the
    wrapped environment's observation *before* each action, at its own size, and the action as a human action. An
    episode that ``reset`` or ``close`` ends early is kept too, and ``"ended"`` in its metadata says so; with a
    ``TimeLimit`` *above* the recorder, every episode that reaches the limit ends that way. Put the recorder low in the
    stack, so that the video has the native size::

        env = gym.make("vpt_gym/Harvest1Log-v0")
        env = VPTActionWrapper(VPTObsWrapper(RecorderWrapper(env, "demos/harvest_1_log")))

    In a vector environment it wraps each of the environments, in any autoreset mode::

        envs = gym.vector.AsyncVectorEnv([lambda: RecorderWrapper(gym.make(env_id), "demos")] * 4, context="spawn")

    Several recorders, in any number of processes, may share a directory. If the process is killed, finished demos are
    unaffected, and the unfinished one keeps all but its last second (``vpt_gym.demos.repair``).

    If a game fails (``info["env_error"]``, or ``step`` raises), it is unknown whether the action took effect: the
    demo ends with the tick before, and ``"ended"`` is "error".

    Success is read from ``info["success"]``, ``info["is_success"]``, or the environment's ``is_successful``
    (MineDojo); without any of them it is recorded as unknown (None).

    Whether a menu is open in a frame is read from ``info["is_gui_open"]`` or ``info["isGuiOpen"]`` (MineRL,
    MineStudio), whether it is the inventory from ``info["is_gui_inventory"]``, and where its cursor is from
    ``info["gui_cursor"]``, (x, y) as fractions of the frame's width and height. What the environment does not report,
    or reports as None, is recorded as unknown (null).

    Args:
        env: The environment to wrap; one of the old gym is converted by ``as_gymnasium``.
        directory: Folder of the demos; it is created with the first one.
        keep: Called with the ``EpisodeSummary`` when an episode is over; the demo is deleted if it returns False.
            Default: keep all. ``keep=lambda episode: episode.success`` keeps the successes. If it raises, the demo is
            kept.
        translator: Converts actions of the wrapped environment to human actions; default: the one that
            ``vpt_gym.actions.translate.translator_for`` chooses. VPT codes and human actions need none.
        key: Key of the frame in a ``Dict`` observation; needed only if it is not one of ``vpt_gym.frames.KEYS``.
        metadata: Entries to add to the metadata of every demo (who played, which policy).
        size: (height, width) of the video. Frames are scaled as by ``VPTObsWrapper``; policies take (128, 128).
            Default: the frames' own.
        lossless: Keep every pixel unchanged. The files are about five times larger, and not all browsers show them.

    The metadata name the env (``env_id``, ``env_kwargs``, ``task``) and its episode: ``seed`` is the argument of
    ``reset``. If that was None, as in a vector environment that resets by itself, the episode began with the
    ``resets_since_seed``-th ``reset`` after the one with ``last_seed``.

    Attributes:
        last_demo: The ``<id>.json`` of the last finished demo, None before the first.

    Raises:
        TypeError: ``env`` is not an environment, its frame is not uint8, or ``keep`` is not a function.
        ValueError: The observation has no frame, the wrapped environment's actions cannot be converted to human
            actions, ``translator`` is for another action space, ``metadata`` has a key that the recorder writes,
            ``size`` is not positive, or a ``RecorderWrapper`` is around the environment already, in this process or in
            that of a ``ResilientEnv``.
        RuntimeError: This build of PyAV cannot write such videos.

    Change log: v0.1.0 - added.
    """

    recorder_name = "RecorderWrapper"

    @checks_flags
    def __init__(
        self,
        env: gym.Env[Any, Any],
        directory: str | os.PathLike[str],
        *,
        keep: Callable[[EpisodeSummary], bool | None] | None = None,
        translator: Translator | None = None,
        key: FrameKey | None = None,
        metadata: Mapping[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        lossless: bool = False,
    ) -> None:
        env = require_unrecorded(env, RecorderWrapper)
        if keep is not None and not callable(keep):
            raise TypeError(
                f"keep is {keep!r}; it must be a function of the EpisodeSummary that returns whether to keep the demo, "
                "or None to keep all"
            )
        if translator is not None and not isinstance(translator, Translator):
            raise TypeError(f"translator is {shown(translator)}; it must be a vpt_gym.actions.Translator, or None")
        _check_entries(metadata or {})
        self.directory = directory
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
        self._keep = keep
        described = describe_env(env, key)
        self.frame_key = described["frame_key"]
        self._entries: dict[str, Any] = {**described, **(metadata or {})}
        self._frames = RecordedFrames(env, key, size)
        self._translator: Translator | None = None
        if translator is not None or env.action_space != code_space():
            self._translator = translator_for(env) if translator is None else own_translator(translator, env)
        self._lossless = lossless
        self._new_writer({})  # so that a bad metadata key fails now, not at the first step
        self._last_seed: int | None = None
        self._resets = 0
        self._writer: DemoWriter | None = None
        self._frame: Frame | None = None
        self._state: dict[str, Any] = {}
        self._cursor: tuple[float, float] | None = None
        self._label: HumanAction | None = None
        self._intervention = False
        self._success: bool | None = None
        self.last_demo: Path | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Finishes the demo of an episode that is still running, resets the environment, and begins a new demo."""
        self._finish("reset")
        observation, info = self.env.reset(seed=seed, options=options)
        if self._translator is not None:
            self._translator.reset()
        self._label, self._intervention = None, False
        self._success = None
        self._last_seed, self._resets = (seed, 0) if seed is not None else (self._last_seed, self._resets + 1)
        resets = None if self._last_seed is None else self._resets
        self._writer = self._new_writer(dict(zip(_OF_RESET, (seed, options, self._last_seed, resets), strict=True)))
        self._look(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment and records the tick: the frame before the action, and the action.

        Steps between the end of an episode and the next ``reset`` are not recorded. After an error in recording, or in
        the environment, the demo ends, and later steps of this episode are not recorded.

        Raises:
            ValueError: No human action does the same as ``action`` (the environment has not been stepped), or the
                reward or the frame cannot be recorded.
            DemoWriteError: The demo cannot be written, e.g. because the disk is full.
        """
        if self._writer is None or self._frame is None:
            return self.env.step(action)
        executed = decode(action) if self._translator is None else self._translator.to_human(action)
        writer, label, self._label = self._writer, self._label, None
        intervention, self._intervention = self._intervention, False
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            if "env_error" not in info:  # else it is unknown whether this action took effect
                writer.append(
                    self._frame,
                    executed if label is None else label,
                    reward=float(reward),
                    executed=None if label is None else executed,
                    intervention=intervention,
                    state=self._state,
                    cursor=self._cursor,
                )
                self._success = success_so_far(self._success, success_of(self.env, info))
                self._look(observation, info)
        except BaseException:  # also for an interrupt: the next frame would not be the one after this action
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

    def mark_intervention(self) -> None:
        """Marks the next step: in it a person takes over from an agent, or corrects it (``Demo.intervention``)."""
        self._intervention = True

    def annotate(self, metadata: Mapping[str, Any]) -> None:
        """Adds entries to the metadata of every demo that begins from now on, as the argument ``metadata`` does."""
        _check_entries(metadata)
        self._entries = {**self._entries, **metadata}

    def close(self) -> None:
        """Finishes the demo of an episode that is still running, and closes the environment."""
        try:
            self._finish("close")
        finally:
            super().close()

    def _new_writer(self, metadata: Mapping[str, Any]) -> DemoWriter:
        return DemoWriter(self.directory, metadata={**self._entries, **metadata}, lossless=self._lossless)

    def _look(self, observation: Any, info: Mapping[str, Any]) -> None:
        self._frame = self._frames.of(observation)
        source = source_observation(self.env, observation)
        if self._translator is not None:
            self._translator.observe(source)
        self._state = {**recorded_state(info), **recorded_state(source)}  # MineRL 1.0 has the place in its info
        for key, names in _MENU.items():
            known = (truth_of(info.get(name), name) for name in names)
            if (open_ := next((truth for truth in known if truth is not None), None)) is not None:
                self._state[key] = open_
        self._cursor = info.get("gui_cursor")

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


def _check_entries(metadata: Mapping[str, Any]) -> None:
    check_metadata(metadata)
    if taken := sorted(set(metadata) & set(_OF_RESET)):
        raise ValueError(f"metadata keys {taken} are written by each reset; choose other names")
