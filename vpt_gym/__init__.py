"""OpenAI's VPT (Video PreTraining) Minecraft policies in any Gymnasium environment, MineDojo first.

Importing this package registers the embedded environments (``vpt_gym/...``) and starts nothing else:
the public names below are imported when they are first used, so that neither torch nor OpenCV is
loaded by ``import vpt_gym`` itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from gymnasium.envs.registration import register

from vpt_gym.world.ids import ANY_TASK, STEP_LIMITS, env_id

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.agents.config import VPTConfig
    from vpt_gym.agents.idm import IDMAgent
    from vpt_gym.agents.sampling import Sampling
    from vpt_gym.minedojo.resilient import ResilientEnv
    from vpt_gym.wrappers.action import HumanActionWrapper, VPTActionWrapper
    from vpt_gym.wrappers.legacy_gym import as_gymnasium
    from vpt_gym.wrappers.observation import VPTObsWrapper
    from vpt_gym.wrappers.recorder import RecorderWrapper
    from vpt_gym.wrappers.vector.episode_starts import EpisodeStarts

_HOME = {
    "EpisodeStarts": "vpt_gym.wrappers.vector.episode_starts",
    "HumanActionWrapper": "vpt_gym.wrappers.action",
    "IDMAgent": "vpt_gym.agents.idm",
    "RecorderWrapper": "vpt_gym.wrappers.recorder",
    "ResilientEnv": "vpt_gym.minedojo.resilient",
    "Sampling": "vpt_gym.agents.sampling",
    "VPTActionWrapper": "vpt_gym.wrappers.action",
    "VPTAgent": "vpt_gym.agents.agent",
    "VPTConfig": "vpt_gym.agents.config",
    "VPTObsWrapper": "vpt_gym.wrappers.observation",
    "as_gymnasium": "vpt_gym.wrappers.legacy_gym",
}

__all__ = [
    "EpisodeStarts",
    "HumanActionWrapper",
    "IDMAgent",
    "RecorderWrapper",
    "ResilientEnv",
    "Sampling",
    "VPTActionWrapper",
    "VPTAgent",
    "VPTConfig",
    "VPTObsWrapper",
    "__version__",
    "as_gymnasium",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vpt_gym' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


_WORLD, _WORLDS = "vpt_gym.world.env:VoxelEnv", "vpt_gym.world.vector:make_worlds"
for _task, _limit in STEP_LIMITS.items():
    register(env_id(_task), _WORLD, vector_entry_point=_WORLDS, kwargs={"task": _task}, max_episode_steps=_limit)
register(ANY_TASK, _WORLD, vector_entry_point=_WORLDS)
register(id="vpt_gym/MineDojo-v0", entry_point="vpt_gym.minedojo.factory:make")
