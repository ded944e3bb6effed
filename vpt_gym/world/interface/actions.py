"""The three action interfaces. Each converts its actions to ``Controls``, which one function applies in a tick.

- ``human``: the action of MineRL 1.0 (23 buttons and camera), one tick per step, exact camera degrees.
- ``native``: the ``Dict`` of MineDojo's simulator with ``event_level_control=True``.
- ``minedojo``: the ``MultiDiscrete`` of ``minedojo.make``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, checked, human_action_space, is_checked, selected_slot
from vpt_gym.actions.minedojo_spaces import EXTRA_TICKS, SLOW_FUNCTIONS, Function
from vpt_gym.spaces import Choice
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown
from vpt_gym.world.catalog.blocks import WATER
from vpt_gym.world.catalog.items import ITEMS
from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.rules.crafting import CRAFT_ACTIONS, CRAFT_INDEX, CRAFT_NAMES, craft_of_number

Array = np.ndarray[Any, Any]

CAM_INTERVAL = 0.15
"""Degrees between neighbouring camera bins, unless an env is given others."""
_BITS = frozenset((0, 1))


class Interface(Protocol):
    """Converts actions of one space to controls."""

    action_space: spaces.Space[Any]

    def controls(self, action: Any, inventory: Array) -> tuple[Controls, int]:
        """Converts an action.

        Args:
            action: An action of ``action_space``.
            inventory: (SLOTS, 3) int64, ``World.inventory``.

        Returns:
            The controls of the step's first tick, and the number of ticks without input that follow it.

        Raises:
            ValueError: The action is not in the space.
        """


def _camera(camera: Any) -> tuple[float, float]:
    """Returns (pitch, yaw), degrees, of an action's camera."""
    try:
        pitch, yaw = (float(degrees) for degrees in camera)
    except (TypeError, ValueError):  # not two numbers
        pitch = yaw = math.nan
    if not (abs(pitch) <= CAMERA_LIMIT and abs(yaw) <= CAMERA_LIMIT):
        raise ValueError(
            f"camera is {camera!r}; it must be two finite numbers (pitch, yaw), degrees per tick, within "
            f"+-{CAMERA_LIMIT:g}"
        )
    return pitch, yaw


def _held(action: Mapping[str, Any]) -> dict[str, int]:
    """Returns the controls of the keys that all dict actions share; opposite keys cancel."""
    return {
        "forward": int(action["forward"]) - int(action["back"]),
        "strafe": int(action["left"]) - int(action["right"]),
        **{name: int(action[name]) for name in ("jump", "sneak", "sprint", "attack", "use", "drop")},
    }


class HumanInterface:
    """The action of MineRL 1.0: 23 buttons and camera.

    Opposite keys cancel. ``drop`` throws one item of the selected slot, ``use`` uses the item in the hand or opens the
    table or furnace in the cross-hairs, and ``hotbar.N`` selects a slot (of several: see ``selected_slot``).
    ``inventory`` opens and closes the inventory screen, and ``ESC`` closes any screen. For keys and camera on a screen
    see ``vpt_gym.world.player.screens``. ``pickItem`` and ``swapHands`` have no effect.
    """

    def __init__(self) -> None:
        self.action_space: spaces.Space[Any] = human_action_space()

    def controls(self, action: Any, inventory: Array) -> tuple[Controls, int]:
        """See ``Interface``."""
        if not is_checked(action):
            action = _checked_human(action)
        pitch, yaw = _camera(action["camera"])
        return (
            Controls(
                **_held(action),
                slot=selected_slot(action),
                pitch=pitch,
                yaw=yaw,
                inventory=int(action["inventory"]),
                escape=int(action["ESC"]),
            ),
            0,
        )


def _checked_human(action: Any) -> Mapping[str, Any]:
    if not isinstance(action, Mapping):
        raise ValueError(
            f"the action is {action!r}; actions='human' takes a dict of camera and buttons (make the env with "
            "actions='minedojo' for MultiDiscrete actions)"
        )
    try:
        plain = len(action) == 24 and _BITS.issuperset([action[name] for name in BUTTONS])
    except (KeyError, TypeError):  # a key is absent, or a value is an array
        plain = False
    return action if plain and "camera" in action else checked(dict(action))


ITEM_NAMES: tuple[str, ...] = tuple(sorted({kind.name for item, kind in ITEMS.items() if item != WATER}))
"""Names of all items of this world in actions (with underscores for spaces)."""


def slot_of(name: str, inventory: Array) -> int:
    """Returns the first slot of an inventory (SLOTS, 3) that holds an item of a name, or -1."""
    for slot in range(SLOTS):
        if inventory[slot, 1] > 0 and ITEMS[int(inventory[slot, 0])].name == name:
            return slot
    return -1


class NativeInterface:
    """The action of ``MineDojoSim`` with ``event_level_control=True``: 8 keys, camera, and events by item name.

    ``equip`` swaps the named item into the hand and ``place`` places it, both within the tick; they have no effect if
    the inventory has no such item. ``craft``, ``craft_with_table`` and ``smelt`` make an item at once if its
    requirements are met, see ``vpt_gym.world.rules.crafting``; of several, the first counts. No key opens a screen.
    """

    KEYS = ("attack", "back", "drop", "forward", "jump", "left", "right", "sneak", "sprint", "use")

    def __init__(self) -> None:
        items = ("none", *ITEM_NAMES)
        self.action_space: spaces.Space[Any] = spaces.Dict(
            {
                **{key: spaces.Discrete(2) for key in self.KEYS},
                "camera": spaces.Box(-CAMERA_LIMIT, CAMERA_LIMIT, (2,), np.float64),
                **{verb: Choice(("none", *names)) for verb, names in CRAFT_NAMES.items()},
                "equip": Choice(items),
                "place": Choice(items),
            }
        )

    def controls(self, action: Any, inventory: Array) -> tuple[Controls, int]:
        """See ``Interface``. All 16 keys are required, as in MineDojo."""
        if not isinstance(action, Mapping):
            raise ValueError(f"the action is {action!r}; actions='native' takes a dict with 16 keys")
        space: Any = self.action_space
        if set(action) != set(space.keys()):
            missing, unknown = sorted(set(space.keys()) - set(action)), sorted(set(action) - set(space.keys()))
            raise ValueError(f"the action's keys are wrong: missing {missing}, unknown {unknown}")
        for key in self.KEYS:
            if getattr(action[key], "ndim", 0) or action[key] not in (0, 1):  # an array of one element is none either
                raise ValueError(f"{key!r} is {action[key]!r}; it must be 0 or 1")
        for key in ("craft", "craft_with_table", "smelt", "equip", "place"):
            if not space[key].contains(str(action[key])):
                raise ValueError(f"{key!r} is {action[key]!r}; it must be one of {', '.join(space[key].values)}")
        pitch, yaw = _camera(action["camera"])
        crafts = [CRAFT_INDEX[verb, str(action[verb])] for verb in CRAFT_NAMES if action[verb] != "none"]
        return (
            Controls(
                **_held(action),
                equip=slot_of(str(action["equip"]), inventory),
                place=slot_of(str(action["place"]), inventory),
                pitch=pitch,
                yaw=yaw,
                craft=crafts[0] if crafts else -1,
                opens=0,
            ),
            0,
        )


class MineDojoInterface:
    """The ``MultiDiscrete([3, 3, 4, P, Y, 8, 244, 36])`` of ``minedojo.make``.

    ``vpt_gym.actions.minedojo_spaces`` defines its entries and functions; pitch and yaw turn by index *
    ``cam_interval`` - 180 degrees. ``EXTRA_TICKS`` ticks follow a slow function. For crafts see
    ``vpt_gym.world.rules.crafting``; the craft of an item that this world lacks only takes that time. As in MineDojo,
    equip and place use the name of the item in the slot: of several slots with such an item they take the first. Equip,
    place and destroy of an empty slot have no effect (MineDojo raises an error in its default strict mode). No key
    opens a screen.

    Args:
        cam_interval: Degrees between neighbouring camera bins.

    Raises:
        ValueError: 180 is not a multiple of ``cam_interval``, so that a no-op would turn the camera.
    """

    def __init__(self, cam_interval: float) -> None:
        bins = 180.0 / cam_interval if is_real(cam_interval) and 0.01 <= cam_interval <= 180 else math.nan
        if not (bins >= 1 and abs(bins - round(bins)) < 1e-6):
            raise ValueError(
                f"cam_interval is {shown(cam_interval)}; 180 / cam_interval must be a whole number, or the middle bin "
                "is not a camera at rest: use for example 0.15, 0.5, 1, 5, 7.5, 10 or 15"
            )
        self._interval = float(cam_interval)
        self._middle = round(bins)
        camera = 2 * self._middle + 1
        self.action_space: spaces.Space[Any] = spaces.MultiDiscrete([3, 3, 4, camera, camera, 8, CRAFT_ACTIONS, SLOTS])

    def controls(self, action: Any, inventory: Array) -> tuple[Controls, int]:
        """See ``Interface``."""
        array = np.asarray(action)
        if array.dtype.kind not in "iu" or not self.action_space.contains(array.astype(np.int64)):
            raise ValueError(f"the action is {action!r}; it must be 8 integers of {self.action_space}")
        move, strafe, stance, pitch, yaw, function, craft, slot = (int(n) for n in array)
        has = slot if inventory[slot, 1] > 0 else -1
        named = (
            slot_of(ITEMS[int(inventory[slot, 0])].name, inventory)
            if has >= 0 and function in (Function.EQUIP, Function.PLACE)
            else -1
        )
        return (
            Controls(
                forward=(0, 1, -1)[move],
                strafe=(0, 1, -1)[strafe],
                jump=int(stance == 1),
                sneak=int(stance == 2),
                sprint=int(stance == 3),
                attack=int(function == Function.ATTACK),
                use=int(function == Function.USE),
                drop=int(function == Function.DROP),
                equip=named if function == Function.EQUIP else -1,
                place=named if function == Function.PLACE else -1,
                destroy=has if function == Function.DESTROY else -1,
                pitch=(pitch - self._middle) * self._interval,
                yaw=(yaw - self._middle) * self._interval,
                craft=craft_of_number(craft) if function == Function.CRAFT else -1,
                opens=0,
            ),
            EXTRA_TICKS if function in SLOW_FUNCTIONS else 0,
        )


def make_interface(actions: str, cam_interval: float) -> Interface:
    """Returns an action interface.

    Args:
        actions: ``"human"``, ``"minedojo"`` or ``"native"``.
        cam_interval: See ``MineDojoInterface``; the others have no bins.

    Raises:
        ValueError: An unknown name, a ``cam_interval`` that ``MineDojoInterface`` rejects, or one for actions without
            bins.
    """
    if actions in ("human", "native") and cam_interval != CAM_INTERVAL:
        raise ValueError(
            f"cam_interval is {shown(cam_interval)}, but the camera of {actions!r} actions is in degrees, not in bins: "
            'leave cam_interval out, or use actions="minedojo"'
        )
    if actions == "human":
        return HumanInterface()
    if actions == "native":
        return NativeInterface()
    if actions == "minedojo":
        return MineDojoInterface(cam_interval)
    raise ValueError(f"actions is {actions!r}; it must be 'human', 'minedojo' or 'native'")
