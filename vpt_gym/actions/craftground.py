"""CraftGround's ``V2_MINERL_HUMAN``: the human action without three keys, which VPT does not press either.

Facts: ``craftground`` 2.7.4. Its ``V1_MINEDOJO`` space has the shape and the bins of MineDojo's, but only the keys
reach its mod: ``craft``, ``equip``, ``place`` and ``destroy`` do nothing, and every action takes one tick.
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS
from vpt_gym.actions.keyed import KeyedTranslator

PACKAGE = "craftground"
"""Top-level module of CraftGround's environments."""

V1_CAM_INTERVAL = 15.0
"""Degrees per camera bin of ``V1_MINEDOJO``; it cannot be set."""

KEYS = frozenset((*BUTTONS, "camera")) - {"ESC", "pickItem", "swapHands"}
"""The entries of the ``V2_MINERL_HUMAN`` action space."""


class CraftGroundTranslator(KeyedTranslator):
    """Passes the keys of ``V2_MINERL_HUMAN`` on, and reports ESC, pickItem and swapHands, which it lacks.

    Args:
        action_space: The environment's ``Dict`` of ``KEYS``.
    """

    def __init__(self, action_space: spaces.Dict) -> None:
        super().__init__(action_space, "CraftGround V2_MINERL_HUMAN")


def recognise(space: spaces.Space[Any]) -> KeyedTranslator | None:
    """Returns a translator for ``V2_MINERL_HUMAN``, None for another space."""
    if isinstance(space, spaces.Dict) and frozenset(space.spaces) == KEYS:
        return CraftGroundTranslator(space)
    return None
