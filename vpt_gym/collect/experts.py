"""Experts: what they must offer, and how one is found by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym

from vpt_gym.actions.human import HumanAction

if TYPE_CHECKING:
    pass


def load_expert(path: str) -> Callable[[], Expert]:
    """Returns what makes an expert, named as ``module:attribute``, for example a class.

    Raises:
        ValueError: It is not of that form, or not there.
    """
    module, _, name = path.partition(":")
    try:
        maker: Callable[[], Expert] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"no expert {path!r} ({error}); name it as module:attribute, like {LOG_EXPERT!r}") from error
    return maker


LOG_EXPERT = "vpt_gym.world.experts:LogExpert"
"""The expert for harvesting logs in the embedded world."""
TASK_EXPERT = "vpt_gym.world.experts:TaskExpert"
"""The expert for whatever task the embedded world has."""


class Expert(Protocol):
    """Who can say what to do in any state of an env."""

    def reset(self) -> None:
        """Forgets the episode that went before."""

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        """Returns the human action to take in the state that ``env`` is in."""
