"""Translators for MineDojo's action spaces (``vpt_gym.actions.minedojo_spaces``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.camera import BIN_DEGREES, N_BINS, to_bin
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.actions.coverage import Coverage
from vpt_gym.actions.human import HOTBAR, CheckedAction, HumanAction, checked, no_op, selected_slot
from vpt_gym.actions.keyed import KeyedTranslator, pressed_by_code
from vpt_gym.actions.minedojo_spaces import (
    AT_REST,
    EXTRA_TICKS,
    SLOW_FUNCTIONS,
    Entry,
    Function,
    is_minedojo_space,
    player_action_space,
)
from vpt_gym.actions.protocol import Translator


class MineDojoPlayerTranslator(KeyedTranslator):
    """Human action <-> the keys and the exact degrees that ``vpt_gym.minedojo`` sends to the game.

    Args:
        action_space: A ``Dict`` of ``PLAYER``; default: ``player_action_space()``.
    """

    def __init__(self, action_space: spaces.Dict | None = None) -> None:
        super().__init__(action_space or player_action_space(), "MineDojo (keys and camera)")


_FUNCTIONS = {"attack": Function.ATTACK, "use": Function.USE, "drop": Function.DROP}  # in order of priority
_POSTURES = {"jump": 1, "sneak": 2, "sprint": 3}  # in order of priority

_FLOAT32_NOISE = 1e-4
"""Degrees: how far the float32 of a human action's camera drifts from multiples of a bin, over many ticks."""

PITCH_LIMIT = 90.0
"""Straight down; Minecraft clamps the player's pitch to +- this many degrees."""


class MineDojoTranslator(Translator):
    """Human action <-> ``MultiDiscrete([3, 3, 4, P, Y, 8, C, S])``, as nearly as this space allows.

    P and Y are the numbers of pitch and yaw bins, which span ±180 degrees per tick; C is the number of items to craft,
    and S that of inventory slots.

    * **Camera**: nearest bins. The rounding remainder is carried to the next tick, so that the view is never off by
      more than half a bin. If the observation contains the player's pitch, this also holds at straight up and down;
      if not, the pitch can be off by up to a bin from there on.
    * **jump, sneak, sprint** share one entry. In the game a sprint lasts while forward is held, so jump with sprint
      becomes a jump once the player sprints. In the first such tick, which must start the sprint, the jump is
      dropped. Otherwise jump comes before sneak before sprint.
    * **attack, use, drop, hotbar keys** share one entry: a hotbar key (``selected_slot``) before attack before use
      before drop. A hotbar key is pressed for one tick; attack is held for many and would hide it. Changing the item
      in the hand interrupts digging in the game as well.
    * **hotbar.N** becomes ``equip`` of slot N - 1. Unlike the key, that swaps the slot's item with the one in the main
      hand, and it takes MineDojo 3 ticks. If the observation shows that the slot is empty, the key is dropped.
    * **inventory, ESC, pickItem, swapHands** cannot be expressed. Opposite movement keys cancel, as in the game.

    ``unexpressed["dropped"]`` names the dropped keys.

    Args:
        action_space: The environment's space.
        cam_interval: Degrees per camera bin, as given to ``minedojo.make``; default: ``360 / (P - 1)`` and
            ``360 / (Y - 1)``.
        equips: Whether the environment carries out ``equip``, and spends MineDojo's extra ticks on it and on
            ``drop``. False for CraftGround.

    Raises:
        ValueError: Not such a space; the bins are not those of ``cam_interval``; or the no-op of these bins would
            turn the camera.
    """

    action_space: spaces.MultiDiscrete

    def __init__(
        self, action_space: spaces.MultiDiscrete, cam_interval: float | None = None, equips: bool = True
    ) -> None:
        if not is_minedojo_space(action_space):
            raise ValueError(
                "not a MultiDiscrete([3, 3, 4, P, Y, 8, C, S]), with P pitch bins, Y yaw bins, C items to craft and S "
                f"inventory slots: {action_space}"
            )
        self.action_space = action_space
        self._bins: npt.NDArray[np.int64] = action_space.nvec[[Entry.PITCH, Entry.YAW]].astype(np.int64)
        self._intervals = np.array([_interval(int(bins), cam_interval) for bins in self._bins])
        self._no_op = np.zeros(8, np.int64)
        self._no_op[[Entry.PITCH, Entry.YAW]] = (self._bins - 1) // 2
        self._equips = equips
        self.reset()

    def reset(self) -> None:
        """Forgets the episode so far."""
        super().reset()
        self._residual = np.zeros(2)  # degrees, (pitch, yaw): the requested view minus the actual one
        self._pitch: float | None = None  # of the player in the environment, degrees; None until it is observed
        self._sprinting = False
        self._slots: tuple[str, ...] | None = None

    def observe(self, observation: Any) -> None:
        """Reads the player's pitch and the items of the hotbar, if the observation has them as MineDojo's does."""
        pitch = _entry(observation, "location_stats", "pitch")
        self._pitch = None if pitch is None else float(np.asarray(pitch).reshape(-1)[0])
        self._slots = _hotbar_items(observation)

    def to_env(self, human: HumanAction) -> npt.NDArray[np.int64]:
        """Returns the nearest env action, (8,) int64, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = checked(human)
        action = self._no_op.copy()
        action[Entry.MOVE] = {1: 1, -1: 2, 0: 0}[human["forward"] - human["back"]]
        action[Entry.STRAFE] = {1: 1, -1: 2, 0: 0}[human["left"] - human["right"]]

        kept = {"forward", "back", "left", "right"}
        kept |= self._set_posture(action, human)
        kept |= self._set_function(action, human)
        action[[Entry.PITCH, Entry.YAW]] += self._turn(human["camera"].astype(np.float64))

        runs = action[Entry.POSTURE] == _POSTURES["sprint"] or (
            self._sprinting and action[Entry.POSTURE] != _POSTURES["sneak"]
        )
        released = self._equips and action[Entry.FUNCTION] in SLOW_FUNCTIONS  # no key is held in the extra ticks
        self._sprinting = bool(runs and action[Entry.MOVE] == 1 and not released)

        self.unexpressed = {}
        dropped = tuple(name for name, held in human.items() if name != "camera" and held and name not in kept)
        if dropped:
            self.unexpressed["dropped"] = dropped
        if (np.abs(self._residual) > _FLOAT32_NOISE).any():
            self.unexpressed["camera_residual"] = tuple(self._residual.tolist())
        return action

    def _set_posture(self, action: npt.NDArray[np.int64], human: HumanAction) -> set[str]:
        held = [name for name in _POSTURES if human[name]]
        if held == ["jump", "sprint"] and action[Entry.MOVE] == 1:
            if self._sprinting:
                action[Entry.POSTURE] = _POSTURES["jump"]
                return {"jump", "sprint"}
            held = ["sprint"]
        if not held:
            return set()
        action[Entry.POSTURE] = _POSTURES[held[0]]
        return {held[0]}

    def _set_function(self, action: npt.NDArray[np.int64], human: HumanAction) -> set[str]:
        slot = selected_slot(human)
        if slot >= 0 and self._equips and (self._slots is None or self._slots[slot] != "air"):
            action[Entry.FUNCTION], action[Entry.SLOT] = Function.EQUIP, slot
            return {HOTBAR[slot]}
        for name, value in _FUNCTIONS.items():
            if human[name]:
                action[Entry.FUNCTION] = value
                return {name}
        return set()

    def _turn(self, degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Returns by how many bins to turn, (pitch, yaw), and keeps the rounding remainder."""
        wanted = self._residual + degrees
        if self._pitch is not None:
            wanted[0] = _clamped(self._pitch + wanted[0]) - self._pitch
        half = (self._bins - 1) // 2
        turn: npt.NDArray[np.int64] = np.clip(np.rint(wanted / self._intervals), -half, half).astype(np.int64)
        turned = turn * self._intervals
        if self._pitch is not None:
            pitch = _clamped(self._pitch + turned[0])
            turned[0], self._pitch = pitch - self._pitch, pitch
        self._residual = wanted - turned
        return turn

    def to_human(self, env_action: npt.ArrayLike) -> HumanAction:
        """Returns the keys and the degrees of an env action.

        Args:
            env_action: (8,) integers.

        Raises:
            ValueError: ``env_action`` is not in the space, or it is ``craft``, ``place``, ``destroy`` or an
                ``equip`` from outside the hotbar, for which there is no key.
        """
        action: npt.NDArray[Any] = np.asarray(env_action)
        if action.dtype.kind not in "iu" or not self.action_space.contains(action.astype(np.int64)):
            raise ValueError(f"{env_action!r} is not in the action space {self.action_space}")
        human = no_op()
        for entry, names in (
            (Entry.MOVE, ("forward", "back")),
            (Entry.STRAFE, ("left", "right")),
            (Entry.POSTURE, _POSTURES),
        ):
            if action[entry]:
                human[tuple(names)[action[entry] - 1]] = 1
        function = int(action[Entry.FUNCTION])
        if function in _FUNCTIONS.values():
            human[next(name for name, value in _FUNCTIONS.items() if value == function)] = 1
        elif function == Function.EQUIP and action[Entry.SLOT] < len(HOTBAR):
            human[HOTBAR[action[Entry.SLOT]]] = 1
        elif function:
            raise ValueError(
                f"no key of a keyboard does {env_action!r}: its function {function} is craft (4), place (6), "
                "destroy (7), or equip (5) from outside the hotbar"
            )
        turn = action[[Entry.PITCH, Entry.YAW]].astype(np.int64) - (self._bins - 1) // 2
        human["camera"] = (turn * self._intervals).astype(np.float32)
        return human

    def by_other_means(self, env_action: Any) -> bool:
        """Returns whether the action is an ``equip``, which stands for a hotbar key."""
        return bool(env_action[Entry.FUNCTION] == Function.EQUIP)

    def ticks(self, env_action: Any) -> int:
        """Returns 3 for a slow function of MineDojo, else 1."""
        return 1 + EXTRA_TICKS if self._equips and env_action[Entry.FUNCTION] in SLOW_FUNCTIONS else 1

    def coverage(self) -> Coverage:
        """Returns the coverage; for stock MineDojo: 288 button codes and 9 camera codes."""
        pressed = pressed_by_code()
        hotbar = np.any([pressed[name] for name in HOTBAR], axis=0)
        functions = np.sum([pressed[name] for name in _FUNCTIONS], axis=0)
        postures = np.sum([pressed[name] for name in _POSTURES], axis=0)
        moves = np.any([pressed[name] for name in ("forward", "back", "left", "right")], axis=0)
        kept = (functions <= 1) & (postures <= 1) & ~hotbar & ~pressed["inventory"]
        silent = ~moves & (postures == 0) & (functions == 0)
        lost = silent & (pressed["inventory"] | (hotbar & (not self._equips)))
        drops = pressed["drop"] & (functions == 1)
        slow = (hotbar | drops) & self._equips

        rounded = [np.rint(BIN_DEGREES / interval) * interval for interval in self._intervals]
        camera_kept = int(np.prod([(to_bin(axis) == np.arange(N_BINS)).sum() for axis in rounded]))
        notes = [
            "Of jump, sneak and sprint, and of attack, use and drop, one at a time reaches the game (jump with sprint "
            "once the player sprints)"
        ]
        if self._equips:
            notes.append(
                f"Hotbar keys become equip, which takes {1 + EXTRA_TICKS} ticks; drop takes {1 + EXTRA_TICKS} ticks"
            )
        else:
            notes.append("It has no hotbar keys")
        notes.append("It has no inventory key")
        remedy = ""
        if camera_kept < N_CAMERA:
            still = [int((axis == 0).sum()) for axis in rounded]
            notes.append(
                f"{still[0]} (pitch) and {still[1]} (yaw) of the {N_BINS} camera values become 0° and move the view "
                "only as they add up"
            )
            if self._equips:
                remedy = "Make the environment with cam_interval=0.15 (2,401 bins), which keeps every camera code"
            else:
                remedy = "Make the environment with ActionSpaceVersion.V2_MINERL_HUMAN, which keeps every code"
        return Coverage(
            dialect=f"MineDojo-style MultiDiscrete({self.action_space.nvec.tolist()})",
            buttons_kept=int(kept.sum()),
            buttons_changed=N_BUTTONS - int(kept.sum()) - int(lost.sum()),
            buttons_lost=int(lost.sum()),
            buttons_slow=int(slow.sum()),
            camera_kept=camera_kept,
            camera_changed=N_CAMERA - camera_kept,
            camera_error=float(self._intervals.max() / 2),
            notes=tuple(notes),
            remedy=remedy,
        )


class MineDojoSimTranslator(KeyedTranslator):
    """Human action <-> the ``Dict`` of MineDojo's simulator, event level (16 entries) or keyboard level (25).

    Keys and camera degrees are exact. The keyboard level has the hotbar keys. On the event level ``hotbar.N`` becomes
    ``equip`` of the item in slot N - 1 of the last observation, which moves it into the main hand; if that slot is
    empty or unknown, the key is dropped.

    Args:
        action_space: A ``Dict`` of ``EVENT_LEVEL`` or ``KEYBOARD_LEVEL``.
    """

    def __init__(self, action_space: spaces.Dict) -> None:
        at_rest = {name: rest for name, rest in AT_REST.items() if name in action_space.spaces}
        super().__init__(action_space, "MineDojo's simulator Dict", at_rest)
        self._equips = "equip" in action_space.spaces

    def reset(self) -> None:
        """Forgets the episode so far."""
        super().reset()
        self._slots: tuple[str, ...] | None = None

    def observe(self, observation: Any) -> None:
        """Reads the items of the hotbar, if the observation has them as MineDojo's does."""
        self._slots = _hotbar_items(observation)

    def to_env(self, human: HumanAction) -> Any:
        """Returns the simulator's entries, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """
        human = CheckedAction(checked(human))
        action = super().to_env(human)
        dropped: tuple[str, ...] = self.unexpressed.get("dropped", ())
        slot = selected_slot(human)
        if slot >= 0 and self._equips and self._slots is not None:
            item = self._slots[slot]
            if item != "air":
                action["equip"] = item
                dropped = tuple(name for name in dropped if name != HOTBAR[slot])
                if dropped:
                    self.unexpressed["dropped"] = dropped
                else:
                    self.unexpressed.pop("dropped", None)
        return action

    def to_human(self, env_action: dict[str, Any]) -> HumanAction:
        """Returns the same keys; ``equip`` of an item in the hotbar of the last observation becomes its hotbar key.

        Raises:
            ValueError: ``env_action`` is not an action of this environment, or has no key in the human action.
        """
        item = env_action.get("equip", "none")
        if item == "none" or self._slots is None or item not in self._slots:
            return super().to_human(env_action)
        human = super().to_human({**env_action, "equip": "none"})
        human[HOTBAR[self._slots.index(item)]] = 1
        return human

    def by_other_means(self, env_action: Any) -> bool:
        """Returns whether the action equips an item, which stands for a hotbar key."""
        return bool(env_action.get("equip", "none") != "none")

    def _reached(self) -> tuple[str, ...]:
        return (*self._keys, *HOTBAR) if self._equips else self._keys

    def _notes(self) -> tuple[str, ...]:
        note = "Hotbar keys become equip of the slot's item"
        return (*super()._notes(), note) if self._equips else super()._notes()


def _interval(bins: int, cam_interval: float | None) -> float:
    """Returns the degrees per bin, or raises if the bins are not MineDojo's or their no-op would turn the camera."""
    interval = cam_interval
    if interval is None:
        interval = 360.0 / (bins - 1) if bins > 2 else 0.0
    if not 0 < interval <= 180:
        raise ValueError(f"cam_interval={cam_interval!r} with {bins} bins; it must be in (0, 180] degrees")
    # ceil(360 / interval) + 1 bins, with a tolerance for the last bits of 360 / 0.15
    needed = int(np.ceil(360.0 / interval - 1e-6)) + 1
    if needed != bins:
        own = f"; {bins} bins are {360.0 / (bins - 1):g}° apart" if bins > 1 else ""
        raise ValueError(
            f"the action space has {bins} camera bins, but cam_interval={interval:g} needs {needed}: a bin for every "
            f"{interval:g}° from -180° to 180°. Change one of the two{own}"
        )
    turn = (bins - 1) // 2 * interval - 180.0
    if abs(turn) > 1e-6:
        raise ValueError(
            f"with {bins} camera bins of {interval:g}° the no-op turns the camera by {turn:+g}° per tick. Make the "
            "environment with a cam_interval that divides 180, e.g. 0.15"
        )
    return interval


def _clamped(pitch: float) -> float:
    return min(max(pitch, -PITCH_LIMIT), PITCH_LIMIT)


def _entry(observation: Any, *path: str) -> Any:
    """Returns a nested entry of an observation, or None where there is none."""
    for key in path:
        if not isinstance(observation, Mapping) or key not in observation:
            return None
        observation = observation[key]
    return observation


def _hotbar_items(observation: Any) -> tuple[str, ...] | None:
    """Returns the items of the nine hotbar slots by their names in actions, or None if the observation has none."""
    names = _entry(observation, "inventory", "name")
    if names is None or len(names) < len(HOTBAR):
        return None
    # "crafting table" in observations is "crafting_table" in actions
    return tuple(str(name).replace(" ", "_") for name in names[: len(HOTBAR)])
