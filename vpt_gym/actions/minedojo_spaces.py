"""MineDojo's action spaces: the ``MultiDiscrete`` of ``minedojo.make``, and the ``Dict`` of its simulator.

Facts: ``minedojo`` 0.1. MineDojo's forks, CraftGround's ``V1_MINEDOJO`` and the embedded world with
``actions="minedojo"`` have the ``MultiDiscrete`` too.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS, HOTBAR, human_action_space

KEYS = ("attack", "back", "drop", "forward", "jump", "left", "right", "sneak", "sprint", "use")
"""The keys that both levels of the simulator have."""

AT_REST: dict[str, Any] = {
    "craft": "none",
    "craft_with_table": "none",
    "smelt": "none",
    "equip": "none",
    "place": "none",
    "swap_slot": {"source_slot": 0, "target_slot": 0},
}
"""The simulator's entries that are not keys, and their values while nothing is done."""

EVENT_LEVEL = frozenset((*KEYS, "camera", *AT_REST)) - {"swap_slot"}
"""The 16 entries of ``MineDojoSim(event_level_control=True)``."""

KEYBOARD_LEVEL = frozenset((*KEYS, "camera", *AT_REST, *HOTBAR, "pickItem")) - {"equip", "place"}
"""The 25 entries of ``MineDojoSim(event_level_control=False)``."""

PLAYER_KEYS = tuple(name for name in BUTTONS if name not in ("ESC", "inventory", "swapHands"))
"""The 20 keys that a player of MineDojo can press: ``KEYS``, the hotbar and pickItem."""

PLAYER = frozenset((*PLAYER_KEYS, "camera"))
"""The entries of ``player_action_space``."""


def player_action_space() -> spaces.Dict:
    """Returns the human action without the keys that MineDojo cannot press: 20 buttons and ``camera``."""
    human = human_action_space()
    return spaces.Dict({name: human[name] for name in (*PLAYER_KEYS, "camera")})


class Entry(IntEnum):
    """The eight entries of ``MultiDiscrete([3, 3, 4, P, Y, 8, C, S])``."""

    MOVE = 0
    """1 forward, 2 back."""
    STRAFE = 1
    """1 left, 2 right."""
    POSTURE = 2
    """1 jump, 2 sneak, 3 sprint."""
    PITCH = 3
    YAW = 4
    FUNCTION = 5
    """A ``Function``."""
    CRAFT = 6
    """Number of the item to craft."""
    SLOT = 7
    """Inventory slot to equip, place or destroy."""


class Function(IntEnum):
    """The values of ``Entry.FUNCTION``."""

    NONE = 0
    USE = 1
    DROP = 2
    ATTACK = 3
    CRAFT = 4
    EQUIP = 5
    PLACE = 6
    DESTROY = 7


SLOW_FUNCTIONS = frozenset((Function.DROP, Function.CRAFT, Function.EQUIP, Function.PLACE, Function.DESTROY))
"""The functions after which MineDojo plays ``EXTRA_TICKS`` no-ops (``NNActionSpaceWrapper.step``)."""

EXTRA_TICKS = 2
"""Ticks without any key that MineDojo plays after a slow function, for the game to catch up."""


def is_minedojo_space(space: spaces.Space[Any]) -> bool:
    """Returns whether ``space`` is a ``MultiDiscrete([3, 3, 4, P, Y, 8, C, S])``."""
    return (
        isinstance(space, spaces.MultiDiscrete)
        and space.nvec.shape == (8,)
        and space.nvec[[Entry.MOVE, Entry.STRAFE, Entry.POSTURE, Entry.FUNCTION]].tolist() == [3, 3, 4, 8]
        and not space.start.any()
    )
