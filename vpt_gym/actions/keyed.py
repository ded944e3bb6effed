"""Environments whose keys are entries of their action: each key that they share with the human action is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.camera_entry import FLOAT32_NOISE, Axis, Camera, find_axes, nearest_pair
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, VPT_BUTTONS, decode
from vpt_gym.actions.coverage import Coverage, count_coverage, missing_keys, same
from vpt_gym.actions.entries import At, Path, Place, find_place, fresh, path_of, rest_of
from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, CheckedAction, HumanAction, checked, is_checked, no_op
from vpt_gym.actions.protocol import Translator

_CAMERA_REMEDY = (
    "Give the environment a camera that takes ±10° per tick as floats. If its unit is not degrees, pass "
    "camera=vpt_gym.actions.Camera(...) to a KeyedTranslator"
)
_OPPOSITES = ({"forward", "back"}, {"left", "right"})


@dataclass(frozen=True)
class Key:
    """An entry of an env action that is a key, and its value while the key is held.

    Attributes:
        at: The entry (``vpt_gym.actions.entries.At``).
        value: Its value while the key is held. Several keys may be values of one entry.
    """

    at: At
    value: float = 1


def pressed_by_code() -> dict[str, npt.NDArray[np.bool_]]:
    """Returns, for each of VPT's 20 buttons, which of the 8,641 button codes press it, (8641,) bool."""
    codes = np.stack([np.arange(N_BUTTONS), np.zeros(N_BUTTONS, np.int64)], axis=-1)
    human = decode(codes)
    return {name: human[name] == 1 for name in VPT_BUTTONS}


class KeyedTranslator(Translator):
    """Passes on the keys that an environment has, reports those that it lacks, and leaves its other entries at rest.

    The camera is clipped to the bounds of the environment's. What this loses is in ``unexpressed["camera_lost"]``; no
    later tick makes up for it. The remainder of a ``Camera`` that is rounded is carried to the next tick
    (``unexpressed["camera_residual"]``). A plain ``"camera"`` of integers loses it.

    Of keys that are values of one entry, the one that ``keys`` names last is passed on and the others are dropped, but
    forward with back, and left with right, cancel. Where the camera is a value of the same entry, turning comes before
    the key.

    Args:
        action_space: The space of the environment's actions: a ``Dict``, or any other of numbers and arrays.
        dialect: Name of the kind of environment, for messages.
        at_rest: Values at which the other entries do nothing: for a ``Dict`` a mapping, else the complete action. The
            rest of an array of which entries are used, and of a space that is no ``Dict``, is 0 by default.
        keys: Where each button is: from names of the 23 buttons to entries (``At``) or ``Key``. Default: the entries of
            a ``Dict`` that have the names of buttons.
        camera: ``"camera"``: the entry of this name is a ``Box`` of (2,) degrees per tick, (pitch, yaw). Else a
            ``Camera``; None if the environment has none.

    Raises:
        ValueError: The space lacks an entry, its camera cannot be at rest, an entry has no value in ``at_rest`` or one
            that the space lacks, or a name is not a button.

    Example:
        >>> from gymnasium import spaces
        >>> keys = {name: spaces.Discrete(2) for name in ("forward", "jump", "attack")}
        >>> space = spaces.Dict({**keys, "camera": spaces.Box(-180, 180, (2,))})
        >>> KeyedTranslator(space, "my game").coverage().buttons_kept
        16
        >>> pad = KeyedTranslator(spaces.Discrete(3), keys={"forward": Key((), 1), "attack": Key((), 2)}, camera=None)
        >>> pad.coverage().buttons_kept
        6
    """

    action_space: spaces.Space[Any]

    def __init__(
        self,
        action_space: spaces.Space[Any],
        dialect: str = "",
        at_rest: Any = None,
        *,
        keys: Mapping[str, At | Key] | None = None,
        camera: Camera | str | None = "camera",
    ) -> None:
        self.action_space = action_space
        self.dialect = dialect or type(self).__name__
        self._simple = keys is None and camera == "camera"
        self._places = _find_keys(action_space, keys)
        self._carries = isinstance(camera, Camera)
        self._axes = _find_camera(action_space, camera)
        pitch, yaw = (axis.place for axis in self._axes)
        self._one_entry = pitch is not None and yaw is not None and pitch.path == yaw.path
        self._template = self._rest(at_rest)
        for name, (place, value) in self._places.items():
            if place.read(self._template) == value:
                raise ValueError(f"{name} would be held at rest: its entry {place.path} is {value:g} there")
        self._keys = tuple(self._places)
        self._missing = tuple(name for name in BUTTONS if name not in self._places)
        bounds = np.array([axis.bounds for axis in self._axes])
        # whether the environment takes every camera movement of a human action unchanged
        self._any_camera = bool((np.abs(bounds) >= CAMERA_LIMIT).all() and not any(axis.rounds for axis in self._axes))
        # whether an env action is a human action
        self._is_human = (
            self._simple
            and self._any_camera
            and not self._missing
            and len(self._template) == len(BUTTONS) + 1
            and self._template["camera"].dtype == np.float32
        )
        self.reset()

    def _rest(self, at_rest: Any) -> Any:
        if isinstance(self.action_space, spaces.Dict):
            places = [place for place, _ in self._places.values()]
            used = {place.path[0] for place in (*places, *(axis.place for axis in self._axes)) if place is not None}
            unknown = [name for name in self.action_space.spaces if name not in used and name not in (at_rest or {})]
            if unknown:
                raise ValueError(
                    f"unknown entries {unknown} in the action space of {self.dialect}; give their values at rest in "
                    "at_rest"
                )
        return rest_of(self.action_space, at_rest)

    def reset(self) -> None:
        """Forgets the episode so far."""
        super().reset()
        self._residual = np.zeros(2)  # degrees, (pitch, yaw)

    def to_env(self, human: HumanAction) -> Any:
        """Returns the env action with the keys and the camera that the environment has, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = checked(human)
        self.unexpressed = {}
        if self._is_human:
            return CheckedAction({**human, "camera": human["camera"].copy()})
        action, holder, dropped = self._press(fresh(self._template), human)
        action, turned = self._turn(action, human["camera"].astype(np.float64))
        dropped += [holder[path] for path in turned if path in holder]  # one entry holds either a key or a turn
        dropped += [name for name in self._missing if human[name]]
        if dropped:
            self.unexpressed["dropped"] = tuple(dropped)
        return action

    def _press(self, action: Any, human: HumanAction) -> tuple[Any, dict[Path, str], list[str]]:
        holder: dict[Path, str] = {}  # by the path of the entry
        dropped: list[str] = []
        for name, (place, value) in self._places.items():
            if not human[name]:
                continue
            other = holder.get(place.path)
            if other is not None and {name, other} in _OPPOSITES:
                action = place.write(action, place.read(self._template))
                del holder[place.path]
                continue
            if other is not None and self._places[other][1] != value:
                dropped.append(other)
            action = place.write(action, value)
            holder[place.path] = name
        return action, holder, dropped

    def _turn(self, action: Any, degrees: npt.NDArray[np.float64]) -> tuple[Any, list[Path]]:
        """Returns the action with the camera in it, and the paths of the entries that turn."""
        moved = []
        wanted = degrees + self._residual if self._carries else degrees
        bounds = np.array([axis.bounds for axis in self._axes])
        clipped = np.clip(wanted, bounds[:, 0], bounds[:, 1])
        numbers: list[float | None]
        if self._one_entry:
            turned, choice = nearest_pair(self._axes, clipped)
            numbers = [choice if turned.any() else None, None]
        else:
            turned = clipped if self._any_camera else self._nearest_camera(clipped)
            pairs = zip(self._axes, turned.tolist(), strict=True)
            numbers = [axis.number(value) if axis.place is not None and value else None for axis, value in pairs]
        for axis, number in zip(self._axes, numbers, strict=True):
            if axis.place is not None and number is not None:
                action = axis.place.write(action, number)
                moved.append(axis.place.path)
        if self._carries:
            self._residual = clipped - turned
            if (np.abs(self._residual) > FLOAT32_NOISE).any():
                self.unexpressed["camera_residual"] = tuple(self._residual.tolist())
        lost = wanted - (clipped if self._carries else turned)
        if (np.abs(lost) > (FLOAT32_NOISE if self._carries else 0.0)).any():
            self.unexpressed["camera_lost"] = tuple(lost.tolist())
        return action, moved

    def _nearest_camera(self, degrees: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the movements, (..., 2) degrees, that the environment takes and that are nearest to ``degrees``."""
        value = np.asarray(degrees, np.float64)
        return np.stack([axis.nearest(value[..., column]) for column, axis in enumerate(self._axes)], axis=-1)

    def to_human(self, env_action: Any) -> HumanAction:
        """Returns the keys and the degrees of an env action, with all other keys not pressed.

        Raises:
            ValueError: ``env_action`` is not an action of this environment, or has no key in the human action.
        """
        if self._is_human and is_checked(env_action):
            return CheckedAction({**env_action, "camera": env_action["camera"].copy()})
        self._check_entries(env_action)
        human = no_op()
        again = fresh(self._template)
        for name, (place, value) in self._places.items():
            given = place.read(env_action)
            if self._simple:  # 0 or 1, which is checked below
                human[name] = given
                again = place.write(again, np.asarray(given).item() if np.size(given) == 1 else -1)
            elif given == value:
                human[name] = 1
                again = place.write(again, value)
        degrees = []
        for axis in self._axes:
            number = 0.0 if axis.place is None else axis.place.read(env_action)
            degrees.append(axis.degrees(number))
            if axis.place is not None:
                again = axis.place.write(again, number)
        human["camera"] = np.array(degrees, np.float32)
        self._check_rest(env_action, again)
        return checked(human)

    def _check_entries(self, env_action: Any) -> None:
        if not isinstance(self.action_space, spaces.Dict):
            template = np.asarray(self._template) if not isinstance(self._template, tuple) else None
            if template is not None and np.shape(env_action) != template.shape:
                raise ValueError(f"{env_action!r} is not in the action space {self.action_space}")
            return
        expected = set(self.action_space.spaces)
        if set(env_action) != expected:
            wrong = sorted(expected.symmetric_difference(env_action))
            raise ValueError(f"the action lacks or should not have {wrong}; its space is {self.action_space}")

    def _check_rest(self, env_action: Any, again: Any) -> None:
        """Raises if ``env_action`` does more than the keys and the camera in ``again``."""
        if isinstance(self.action_space, spaces.Dict):
            for name in again:
                if not same(env_action[name], again[name]):
                    raise ValueError(f"{name}={env_action[name]!r} has no key in the human action")
        elif not same(env_action, again):
            raise ValueError(f"{env_action!r} has no keys in the human action")

    def coverage(self) -> Coverage:
        """Returns the coverage: kept is every code whose keys, or whose camera movement, the environment takes."""
        if not self._simple:  # keys may exclude each other
            if self._counted is None:
                counted = count_coverage(self, self.dialect, notes=self._camera_notes(None))
                off = max(self._most_behind(axis) for axis in self._axes) if self._carries else 0.0
                self._counted = replace(counted, camera_error=off)
            return self._counted
        pressed = pressed_by_code()
        lacks, reached = np.zeros((2, N_BUTTONS), np.bool_)
        for name in VPT_BUTTONS:
            lacks |= pressed[name] & (name in self._missing)
            reached |= pressed[name] & (name in self._reached())
        degrees = np.stack([BIN_DEGREES, BIN_DEGREES], axis=-1).astype(np.float32)
        camera_kept = int(np.prod((self._nearest_camera(degrees) == degrees).sum(axis=0)))
        return Coverage(
            dialect=self.dialect,
            buttons_kept=int((~lacks).sum()),
            buttons_changed=int((lacks & reached).sum()),
            buttons_lost=int((lacks & ~reached).sum()),
            buttons_slow=0,
            camera_kept=camera_kept,
            camera_changed=N_CAMERA - camera_kept,
            notes=(*self._notes(), *self._camera_notes(camera_kept)),
            remedy=_CAMERA_REMEDY if camera_kept < N_CAMERA else "",
        )

    def _most_behind(self, axis: Axis) -> float:
        """Returns the degrees by which the view may lag behind a movement within the bounds."""
        if self._one_entry:  # the other way comes first
            return max(axis.half_step, *map(abs, axis.bounds))
        return axis.half_step

    def _reached(self) -> tuple[str, ...]:
        """Returns the buttons that have some effect on the environment."""
        return self._keys

    def _notes(self) -> tuple[str, ...]:
        return missing_keys(self._missing)

    def _camera_notes(self, camera_kept: int | None) -> tuple[str, ...]:
        """Returns the note on a camera that does not take all of VPT's movements; None counts them."""
        most = float(BIN_DEGREES.max())
        narrow = [axis for axis in self._axes if axis.place is not None and not _reaches(axis, most)]
        if camera_kept == N_CAMERA or (camera_kept is None and not narrow):
            return ()
        bounds = [f"{low:g}° to {high:g}°" for low, high in (axis.bounds for axis in self._axes)]
        rounds = camera_kept is not None and any(axis.rounds for axis in self._axes)
        rounding = " and rounded to whole degrees" if rounds else ""
        return (f"Camera movements are clipped to {bounds[0]} (pitch) and {bounds[1]} (yaw) per tick{rounding}",)


def _reaches(axis: Axis, degrees: float) -> bool:
    low, high = axis.bounds
    return low <= -degrees and high >= degrees


def _find_keys(space: spaces.Space[Any], keys: Mapping[str, At | Key] | None) -> dict[str, tuple[Place, float]]:
    """Returns, for each button that an environment has, its place and the value while it is held."""
    if keys is None:
        named = space.spaces if isinstance(space, spaces.Dict) else {}
        keys = {name: name for name in BUTTONS if name in named}
    places = {}
    for name, given in keys.items():
        if name not in BUTTONS:
            raise ValueError(f"keys names {name!r}, which is no button; the buttons are {', '.join(BUTTONS)}")
        key = given if isinstance(given, Key) else Key(given)
        place = find_place(space, key.at)
        if not place.takes(key.value):
            raise ValueError(f"{name} is to be {key.value:g} in {key.at!r}, which is {place.low:g} to {place.high:g}")
        places[name] = (place, key.value)
    return places


def _find_camera(space: spaces.Space[Any], camera: Camera | str | None) -> tuple[Axis, Axis]:
    if camera is None:
        return Axis(None), Axis(None)
    if isinstance(camera, Camera):
        return find_axes(space, camera)
    path = path_of(camera)
    box: Any = space
    for step in path:
        box = box.spaces.get(str(step)) if isinstance(box, spaces.Dict) else None
    if not isinstance(box, spaces.Box) or box.shape != (2,):
        raise ValueError(
            f"camera must be a Box of shape (2,), (pitch, yaw) degrees, got {box}. Pass camera=vpt_gym.actions.Camera"
            "(...) for another, or camera=None if there is none"
        )
    if (box.low > 0).any() or (box.high < 0).any():
        raise ValueError(f"camera must be able to be 0, which is no movement, got {box}")
    return find_axes(space, Camera(pitch=(*path, 0), yaw=(*path, 1)))
