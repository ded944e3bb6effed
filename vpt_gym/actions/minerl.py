"""MineRL 1.0 and all others that take the human action unchanged (MCio, the embedded world): the identity."""

from __future__ import annotations

from gymnasium import spaces

from vpt_gym.actions.human import BUTTONS, human_action_space
from vpt_gym.actions.keyed import KeyedTranslator

KEYS = frozenset((*BUTTONS, "camera"))
"""The entries of MineRL 1.0's action space."""


class MineRLTranslator(KeyedTranslator):
    """The identity on the human action, with a check.

    Args:
        action_space: The environment's ``Dict`` of ``KEYS``; default: ``human_action_space()``.
    """

    def __init__(self, action_space: spaces.Dict | None = None) -> None:
        super().__init__(action_space or human_action_space(), "MineRL 1.0 (human action)")
