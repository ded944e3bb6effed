"""Wrappers that bring any Minecraft-like environment and a VPT policy together.

* ``VPTObsWrapper``: observations -> the frames a policy takes, uint8 ``(128, 128, 3)``.
* ``VPTActionWrapper``: VPT codes -> the environment's actions.
* ``HumanActionWrapper``: human actions (keyboard and mouse) -> the environment's actions.
* ``RecorderWrapper``: writes a demo of every episode.
* ``as_gymnasium``: environments of the old gym, MineDojo's among them.

The classes are imported when they are first used, so that importing this package loads neither OpenCV nor a video
library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.wrappers.action import HumanActionWrapper, VPTActionWrapper
    from vpt_gym.wrappers.legacy_gym import as_gymnasium
    from vpt_gym.wrappers.observation import VPTObsWrapper
    from vpt_gym.wrappers.recorder import RecorderWrapper

_HOME = {
    "HumanActionWrapper": "vpt_gym.wrappers.action",
    "RecorderWrapper": "vpt_gym.wrappers.recorder",
    "VPTActionWrapper": "vpt_gym.wrappers.action",
    "VPTObsWrapper": "vpt_gym.wrappers.observation",
    "as_gymnasium": "vpt_gym.wrappers.legacy_gym",
}

__all__ = ["HumanActionWrapper", "RecorderWrapper", "VPTActionWrapper", "VPTObsWrapper", "as_gymnasium"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vpt_gym.wrappers' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
