"""The real MineDojo: ``make``, which takes what ``minedojo.make`` takes and returns a Gymnasium environment.

MineDojo is installed with ``pip install "vpt-gym[minedojo]" && pip install --no-deps minedojo==0.1``; importing this
package imports nothing of it, and changes nothing. ``docs/minedojo.md`` tells what is mended, and how.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.minedojo.env import MineDojoEnv
    from vpt_gym.minedojo.factory import make
    from vpt_gym.minedojo.game import GameError

_HOME = {
    "GameError": "vpt_gym.minedojo.game",
    "MineDojoEnv": "vpt_gym.minedojo.env",
    "make": "vpt_gym.minedojo.factory",
}

__all__ = ["GameError", "MineDojoEnv", "make"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vpt_gym.minedojo' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
