"""How many of VPT's codes an environment keeps: the counts, and counting them by trying every code."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, NULL_CAMERA, VPT_BUTTONS, canonical, decode, encode
from vpt_gym.actions.human import HOTBAR, CheckedAction, HumanAction, human_action, no_op


@dataclass(frozen=True)
class Coverage:
    """How many of VPT's 8,641 button codes and 121 camera codes a translator keeps, each sent alone after a reset.

    ``buttons_kept + buttons_changed + buttons_lost`` is 8,641, ``camera_kept + camera_changed`` is 121.
    """

    dialect: str
    """The kind of environment, e.g. ``"MineDojo MultiDiscrete"``."""
    buttons_kept: int
    """Button codes whose keys all reach the environment: ``encode(to_human(to_env(decode(code))))`` gives their
    canonical code back."""
    buttons_changed: int
    """Button codes that reach the environment in part, or by other means than these keys."""
    buttons_lost: int
    """Button codes that press something and reach the environment as a no-op."""
    buttons_slow: int
    """Button codes, kept or changed, that take the environment more than one tick."""
    camera_kept: int
    """Camera codes that the environment's rounding and bounds leave the same."""
    camera_changed: int
    """Camera codes that rounding or the environment's bounds change."""
    camera_error: float = 0.0
    """Largest distance between the requested and the actual view, degrees on each axis."""
    notes: tuple[str, ...] = ()
    """Sentences on what is changed or lost, and how."""
    remedy: str = ""
    """What to do about it; empty if nothing can or need be done."""

    def __post_init__(self) -> None:
        if self.buttons_kept + self.buttons_changed + self.buttons_lost != N_BUTTONS:
            raise ValueError(f"the button codes must add up to {N_BUTTONS}: {self!r}")
        if self.camera_kept + self.camera_changed != N_CAMERA:
            raise ValueError(f"the camera codes must add up to {N_CAMERA}: {self!r}")

    @property
    def complete(self) -> bool:
        """Whether every code is kept."""
        return self.buttons_kept == N_BUTTONS and self.camera_kept == N_CAMERA

    def __str__(self) -> str:
        # these are counted among the kept or the changed ones already
        slow = f"; of those kept or changed, {self.buttons_slow:,} take extra ticks" if self.buttons_slow else ""
        text = (
            f"{self.dialect} keeps {self.buttons_kept:,} of VPT's {N_BUTTONS:,} button codes "
            f"({self.buttons_changed:,} changed, {self.buttons_lost:,} lost{slow}) "
            f"and {self.camera_kept} of its {N_CAMERA} camera codes"
        )
        if self.camera_error:
            text += f"; the view is at most {self.camera_error:g}° off"
        for part in (*self.notes, self.remedy):
            text += f". {part}" if part else ""
        return text


class Translates(Protocol):
    """What counting needs of a translator: see ``vpt_gym.actions.Translator``."""

    unexpressed: dict[str, Any]

    def reset(self) -> None:
        """Forgets the episode so far."""

    def to_env(self, human: HumanAction) -> Any:
        """Returns the env action of a human action, and sets ``unexpressed``."""

    def to_human(self, env_action: Any) -> HumanAction:
        """Returns the human action of an env action; raises a ``ValueError`` if there is none."""

    def by_other_means(self, env_action: Any) -> bool:
        """Returns whether an env action does the same as a key without pressing it."""

    def ticks(self, env_action: Any) -> int:
        """Returns how many ticks an env action takes."""


def count_coverage(translator: Translates, dialect: str, *, notes: Iterable[str] = (), remedy: str = "") -> Coverage:
    """Counts what a translator keeps, by sending each of VPT's codes through it and back.

    It takes about half a second. The translator is copied, so that its episode is not disturbed.

    Args:
        translator: The translator.
        dialect: The kind of environment, for messages.
        notes: Sentences to add to those on missing keys.
        remedy: What to do about what is lost.
    """
    translator = copy.deepcopy(translator)
    translator.reset()
    rest = translator.to_env(no_op())
    kept = changed = lost = slow = 0
    # the camera's digit of a button code says nothing while the camera does not move: two codes, one human action
    buttons = np.append(np.arange(0, N_BUTTONS - 1, 2), N_BUTTONS - 1)
    weights = np.append(np.full(len(buttons) - 1, 2), 1)
    codes = np.stack([buttons, np.full_like(buttons, NULL_CAMERA)], axis=-1)
    back = _Returned(len(codes))
    silent = np.zeros(len(codes), np.bool_)
    takes = np.ones(len(codes), np.int64)
    for row, human in enumerate(_humans(codes)):
        translator.reset()
        action = translator.to_env(human)
        takes[row] = translator.ticks(action)
        silent[row] = same(action, rest)
        if not translator.by_other_means(action):
            back.put(row, translator, action)
    comes_back = back.equal(canonical(codes))
    kept = int(weights[comes_back].sum())
    lost = int(weights[~comes_back & silent].sum())
    changed = N_BUTTONS - kept - lost
    slow = int(weights[(takes > 1) & (comes_back | ~silent)].sum())

    cameras = np.stack([np.ones(N_CAMERA, np.int64), np.arange(N_CAMERA)], axis=-1)
    back, error, moved = _Returned(N_CAMERA), 0.0, False
    for row, human in enumerate(_humans(cameras)):
        translator.reset()
        action = translator.to_env(human)
        moved |= not same(action, rest)
        residual = translator.unexpressed.get("camera_residual", (0.0, 0.0))
        error = max(error, float(np.abs(residual).max()))
        back.put(row, translator, action)
    camera_kept = int(back.equal(canonical(cameras)).sum())
    return Coverage(
        dialect=dialect,
        buttons_kept=kept,
        buttons_changed=changed,
        buttons_lost=lost,
        buttons_slow=slow,
        camera_kept=camera_kept,
        camera_changed=N_CAMERA - camera_kept,
        camera_error=error,
        notes=(*missing_keys(_unheard(translator, rest)), *(() if moved else ("It has no camera",)), *notes),
        remedy=remedy,
    )


def _humans(codes: npt.NDArray[np.int64]) -> Iterator[HumanAction]:
    """Yields the human action of each code (N, 2)."""
    batch = decode(codes)
    camera = batch.pop("camera")
    rows = zip(*(values.tolist() for values in batch.values()), strict=True)
    for held, degrees in zip(rows, camera, strict=True):
        yield CheckedAction({**dict(zip(batch, held, strict=True)), "camera": degrees.copy()})


class _Returned:
    """The human actions that came back, as one batch for ``encode``."""

    def __init__(self, rows: int) -> None:
        self._held = {name: np.zeros(rows, np.int64) for name in VPT_BUTTONS}
        self._camera = np.zeros((rows, 2), np.float32)
        self._valid = np.zeros(rows, np.bool_)

    def put(self, row: int, translator: Translates, env_action: Any) -> None:
        try:
            human = translator.to_human(env_action)
        except ValueError:  # no key does the same
            return
        self._valid[row] = True
        self._camera[row] = human["camera"]
        for name, values in self._held.items():
            values[row] = human[name]

    def equal(self, codes: Any) -> Any:
        """Returns which rows came back as these codes (N, 2), (N,) bool."""
        return self._valid & (encode({**self._held, "camera": self._camera}) == codes).all(axis=-1)


def _unheard(translator: Translates, rest: Any) -> list[str]:
    """Returns the buttons of VPT that do nothing when they are pressed alone."""
    unheard = []
    for name in VPT_BUTTONS:
        translator.reset()
        if same(translator.to_env(human_action(name)), rest):
            unheard.append(name)
    return unheard


def missing_keys(names: Iterable[str]) -> tuple[str, ...]:
    """Returns the note on keys that an environment lacks; empty if it lacks none."""
    given = list(names)
    listed = [name for name in given if name not in HOTBAR]
    hotbar = len(given) - len(listed)
    if hotbar:
        listed += ["hotbar keys"] if hotbar == len(HOTBAR) else [name for name in given if name in HOTBAR]
    return (f"It has no {', '.join(listed)}",) if listed else ()


def same(one: Any, other: Any) -> bool:
    """Returns whether two env actions are equal: numbers, arrays, texts, and mappings of these."""
    if type(one) in (int, str) and type(one) is type(other):  # the usual case, without an array
        return bool(one == other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other))
