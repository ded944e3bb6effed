"""MineRL: 1.0 takes the human action, as do MCio's ``MinerlEnv`` and the embedded world; 0.4 takes some of its keys.

Facts: the documentation of ``minerl`` 1.0 and the source of ``minerl`` 0.4.4.
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS, CAMERA_LIMIT, human_action_space
from vpt_gym.actions.keyed import KeyedTranslator

KEYS = frozenset((*BUTTONS, "camera"))
"""The entries of MineRL 1.0's action space."""

CHAT = "chat"
"""The entry that ``ChatAction`` adds to MineRL 1.0's: a message or command; an empty text sends none."""

_OLD_KEYS = frozenset(("attack", "back", "forward", "jump", "left", "right", "sneak", "sprint", "camera"))
_OLD_ITEMS = frozenset(("craft", "equip", "nearbyCraft", "nearbySmelt", "place"))


class MineRLTranslator(KeyedTranslator):
    """The identity on the human action, with a check.

    Args:
        action_space: The environment's ``Dict`` of ``KEYS``; default: ``human_action_space()``.
    """

    def __init__(self, action_space: spaces.Dict | None = None) -> None:
        super().__init__(action_space or human_action_space(), "MineRL 1.0 (human action)")


def recognise(space: spaces.Space[Any]) -> KeyedTranslator | None:
    """Returns a translator for an action space of MineRL, None for another.

    MineRL 0.4 has eight keys and ``camera``, in some tasks ``use``, and entries that craft, equip or place an item,
    which stay at ``"none"``.
    """
    if not isinstance(space, spaces.Dict):
        return None
    keys = frozenset(space.spaces)
    if keys == KEYS:
        return MineRLTranslator(space)
    if keys == KEYS | {CHAT}:
        return KeyedTranslator(space, "MineRL 1.0 with chat", {CHAT: ""})
    if _turns_in_degrees(space) and _OLD_KEYS <= keys <= _OLD_KEYS | _OLD_ITEMS | {"use"}:
        return KeyedTranslator(space, "MineRL 0.4", dict.fromkeys(keys & _OLD_ITEMS, "none"))
    return None


def recognise_some_keys(space: spaces.Space[Any]) -> KeyedTranslator | None:
    """Returns a translator for a part of the human action's keys, None for another space.

    Forks of MineRL, and versions of MineStudio, leave keys out. The eight keys of movement, and a camera of half a turn
    in each direction, show that the names and the degrees are Minecraft's.
    """
    if isinstance(space, spaces.Dict) and _OLD_KEYS <= space.spaces.keys() <= KEYS and _turns_in_degrees(space):
        return KeyedTranslator(space, "some keys of the human action")
    return None


def _turns_in_degrees(space: spaces.Dict) -> bool:
    camera = space.spaces.get("camera")
    return isinstance(camera, spaces.Box) and bool((camera.high == CAMERA_LIMIT).all())
