"""The protocol of scripted experts, and loading one by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gymnasium as gym

from vpt_gym.actions.human import HumanAction
from vpt_gym.collect.import_here import import_here


def load_expert(path: str) -> Callable[[], Expert]:
    """Imports the factory of an expert, for example its class.

    Args:
        path: ``module:attribute``.

    Raises:
        ValueError: The path has another form, or there is no such module or attribute.
    """
    module, _, name = path.partition(":")
    try:
        maker: Callable[[], Expert] = getattr(import_here(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"no expert {path!r} ({error}); name it as module:attribute, like {LOG_EXPERT!r}") from error
    return maker


LOG_EXPERT = "vpt_gym.world.experts:LogExpert"
"""The expert for harvesting logs in the embedded world."""
TASK_EXPERT = "vpt_gym.world.experts:TaskExpert"
"""The expert for every task of the embedded world."""
PLAY_EXPERT = "vpt_gym.world.experts:PlayExpert"
"""The scripted player without a task, for ``vpt_gym/Play-v0``."""


class Expert(Protocol):
    """Chooses an action in any state of an env."""

    def reset(self) -> None:
        """Prepares for a new episode."""

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        """Returns the human action to take in the current state of ``env``."""
