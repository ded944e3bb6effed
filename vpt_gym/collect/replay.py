"""Plays a demo's episode again: same env, same seed, same actions; then compares records and frames."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import code_space, encode
from vpt_gym.actions.human import BUTTONS, HumanAction
from vpt_gym.collect.import_here import import_here
from vpt_gym.collect.provenance import LABELLED_BY
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.names import CONTRACTOR_FORMAT, files_of, read_records
from vpt_gym.demos.files.records import EXTRA_KEY, Record
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.frames import FrameKey
from vpt_gym.system.plural import counted
from vpt_gym.system.printable import shown
from vpt_gym.system.temporary import TemporaryDirectory
from vpt_gym.system.user_path import is_there
from vpt_gym.wrappers import HumanActionWrapper, RecorderWrapper

_BY_THE_ENV = ("terminated", "truncated")
_MOST_RESETS = 100_000


class ReplayError(ValueError):
    """A demo cannot be played again: its metadata lack what is needed, or its env cannot be made here."""


@dataclass(frozen=True)
class Replayed:
    """The result of playing a demo again.

    Attributes:
        id: The demo's id.
        ticks: Ticks of the demo.
        played: Ticks of the episode that was played again; fewer if it ended early.
        frames: Ticks whose frames are equal, within the tolerance.
        records: Ticks whose records are equal: state of the game, reward and executed action.
        frame_difference: The largest mean difference of two frames, in grey levels of 255.
        tick: The first tick that differs, None if none does. It is ``ticks`` if only the end does.
        different: What differs: ``"frame"``, keys of the records, ``"ticks"``, ``"ended"`` or ``"success"``.
    """

    id: str
    ticks: int
    played: int
    frames: int
    records: int
    frame_difference: float
    tick: int | None
    different: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.tick is None

    def __str__(self) -> str:
        if self.equal:
            return f"{self.id}: equal: {counted(self.ticks, 'tick')}, all frames, records and the end"
        text = (
            f"{self.id}: different from tick {self.tick} of {self.ticks} on: {', '.join(self.different)}; "
            f"{self.frames} frames and {self.records} records are equal, frames differ by up to "
            f"{self.frame_difference:.2f} of 255 on average"
        )
        if self.different == ("frame",) and self.records == self.ticks:
            text += (
                "; the game itself is equal, so this is another processor, or another version of the encoder or the "
                "renderer (--tolerance)"
            )
        return text

    def as_json(self) -> dict[str, Any]:
        """Returns all fields, and ``equal``, as JSON values."""
        return {**asdict(self), "different": list(self.different), "equal": self.equal}


def replay(
    path: str | os.PathLike[str], *, env: str | None = None, key: FrameKey | None = None, tolerance: float = 0.0
) -> Replayed:
    """Plays a demo's episode again and compares it with the demo.

    The replay is recorded with the same encoder, so frames are compared after the same loss. With the same versions on
    the same type of processor, they are equal bit for bit.

    Args:
        path: Any of the demo's files, or their common stem.
        env: Gymnasium id of the env, or ``module:id`` to import the module that registers it; default: the demo's,
            for which no module is imported.
        key: Key of the frame in the env's observation; default: the one that the demo names, else the usual names.
        tolerance: Mean difference of two frames, in grey levels of 255, up to which they count as equal.

    Raises:
        FileNotFoundError: There is no such demo.
        DemoError: The demo is damaged.
        ReplayError: The demo has no seed or no env, or the env cannot be made here, fails, or refuses its actions.
        DemoWriteError: The disk is full.
        ValueError: ``tolerance`` is not in 0..255.
    """
    if not 0 <= tolerance <= 255:
        raise ValueError(f"tolerance is {tolerance}; it must be in 0..255, grey levels")
    if not any(map(is_there, files_of(path).all)):
        what = (
            "is a directory; name a file of one demo" if os.path.isdir(path) else "is missing; name a file of the demo"
        )
        raise FileNotFoundError(f"{os.fspath(path)} {what}")
    demo = read_demo(path)
    seed, resets = _seed_of(demo)
    base = _make(demo, env)
    with TemporaryDirectory("vpt-gym-replay-") as folder:
        try:
            recorder = RecorderWrapper(
                base,
                folder,
                key=_recorded_key(demo) if key is None else key,
                size=demo.frame_size,
                lossless=bool(demo.metadata.get("lossless")),
            )
            with warnings.catch_warnings():  # of actions that the env cannot express; none was recorded in it
                warnings.simplefilter("ignore", UserWarning)
                player = recorder if base.action_space == code_space() else HumanActionWrapper(recorder)
        except (TypeError, ValueError) as error:
            base.close()
            raise ReplayError(f"{demo.files.metadata}: its env cannot be recorded again: {error}") from error
        try:
            _play(demo, player, recorder, seed, resets)
        except DemoWriteError:
            raise
        except Exception as error:  # whatever a foreign env raises
            raise ReplayError(
                f"{demo.files.metadata}: its env failed while it was played again ({type(error).__name__}: {error})"
            ) from error
        finally:
            player.close()
        if recorder.last_demo is None:
            raise ReplayError(f"{demo.files.metadata}: the replay failed in its first tick")
        return _compare(demo, read_demo(recorder.last_demo), tolerance)


def _recorded_key(demo: Demo) -> Any:
    """Returns the key of the frame that was chosen for the recording, None if none was."""
    key = demo.metadata.get("frame_key")
    return tuple(key) if isinstance(key, list) else key


def _seed_of(demo: Demo) -> tuple[int, int]:
    """Returns the seed of the first ``reset``, and how many resets without a seed follow it."""
    metadata, where = demo.metadata, demo.files.metadata
    if metadata["format"] == CONTRACTOR_FORMAT:
        raise ReplayError(
            f"{demo.files.records}: a contractor recording names no env and no seed, so it cannot be played again; "
            "replay demos of RecorderWrapper, `vpt-gym record` or `vpt-gym play`"
        )
    if LABELLED_BY in metadata:
        raise ReplayError(f"{where}: a model labelled a video here; the actions that were played are not known")
    seed, last, resets = metadata.get("seed"), metadata.get("last_seed"), metadata.get("resets_since_seed")
    chosen, count = (seed, 0) if seed is not None else (last, resets)
    if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in (chosen, count)):
        raise ReplayError(
            f"{where} has no seed (seed is {shown(seed)}, last_seed is {shown(last)}), so its world is not known; "
            "record with env.reset(seed=...)"
        )
    assert isinstance(chosen, int)
    assert isinstance(count, int)
    if count > _MOST_RESETS:
        raise ReplayError(
            f"{where}: its episode began after {shown(count)} resets since the seed, more than {_MOST_RESETS:,}, which "
            "would all be played again"
        )
    return chosen, count


def _make(demo: Demo, env: str | None) -> gym.Env[Any, Any]:
    metadata, where = demo.metadata, demo.files.metadata
    name, kwargs = env or metadata.get("env_id"), metadata.get("env_kwargs") or {}
    if not isinstance(name, str) or not isinstance(kwargs, Mapping):
        raise ReplayError(f"{where} does not name its env (env_id is {shown(name)}); pass --env ID")
    module = name.rpartition(":")[0]
    if module and env is None:  # a file must not choose what is imported
        raise ReplayError(f"{where}: its env {shown(name)} is in a module; if you trust it, pass --env MODULE:ID")
    limit: dict[str, Any] = {}
    if "max_episode_steps" in metadata:
        steps = metadata["max_episode_steps"]
        limit = {"max_episode_steps": -1 if steps is None else steps}  # -1 is Gymnasium's word for none
    try:
        if module:
            import_here(module)
        made: gym.Env[Any, Any] = gym.make(name, **limit, **kwargs)
    except Exception as error:  # whatever a foreign env raises
        what = f"{type(error).__name__}: {error}"
        remedy = "install what it needs; if a module registers it, pass --env MODULE:ID"
        raise ReplayError(
            f"{where}: its env {name} with {shown(dict(kwargs))} cannot be made here ({what}); {remedy}"
        ) from error
    return made


def _play(demo: Demo, player: gym.Env[Any, Any], recorder: RecorderWrapper, seed: int, resets: int) -> None:
    options = demo.metadata.get("options")
    player.reset(seed=seed, **({} if resets else {"options": options}))
    for left in reversed(range(resets)):
        player.reset(**({} if left else {"options": options}))
    codes = player.action_space == code_space()
    labelled = [EXTRA_KEY in record and "executed" in record[EXTRA_KEY] for record in read_records(demo.files.records)]
    for tick in range(len(demo)):
        executed = _action_at(demo.executed, tick)
        if labelled[tick]:
            recorder.label(_action_at(demo.actions, tick))
        if demo.intervention[tick]:
            recorder.mark_intervention()
        _, _, terminated, truncated, info = player.step(encode(executed) if codes else executed)
        if terminated or truncated or "env_error" in info:
            return


def _action_at(actions: Mapping[str, Any], tick: int) -> HumanAction:
    return {name: actions[name][tick] for name in (*BUTTONS, "camera")}


def _compare(demo: Demo, again: Demo, tolerance: float) -> Replayed:
    differences: dict[int, list[str]] = {}
    frames = records = 0
    largest = 0.0
    pairs = zip(demo.frames(), again.frames(), strict=False)
    for tick, (one, other) in enumerate(pairs):
        difference = 0.0 if one.shape == other.shape and np.array_equal(one, other) else _difference(one, other)
        largest = max(largest, difference)
        frames += difference <= tolerance
        if difference > tolerance:
            differences.setdefault(tick, []).append("frame")
    lines = zip_longest(read_records(demo.files.records), read_records(again.files.records), fillvalue=None)
    for tick, (old, new) in enumerate(lines):
        if old == new:
            records += 1
        elif old is not None and new is not None:
            differences.setdefault(tick, []).extend(_different_keys(old, new))
    if len(again) != len(demo):
        differences.setdefault(len(again), []).append("ticks")
    else:
        at_end = [key for key in ("ended", "success") if _end(demo, key) != _end(again, key)]
        if at_end:
            differences.setdefault(len(demo), []).extend(at_end)
    first = min(differences, default=None)
    different = () if first is None else tuple(differences[first])
    return Replayed(demo.id, len(demo), len(again), frames, records, largest, first, different)


def _difference(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return 255.0 if one.shape != other.shape else float(np.abs(one.astype(np.int16) - other).mean())


def _different_keys(old: Record, new: Record) -> list[str]:
    return [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def _end(demo: Demo, key: str) -> Any:
    """Returns how a demo ended, as far as the env decided it; a person's ``close`` is no part of the episode."""
    if key == "ended":
        return demo.metadata.get("ended") if demo.metadata.get("ended") in _BY_THE_ENV else None
    return demo.success if demo.metadata.get("ended") in _BY_THE_ENV else None
