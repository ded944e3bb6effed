from . import actions, agents, collect, demos, hub, learning, mineclip, minedojo, resilient, world, wrappers
from .agents.agent import VPTAgent
from .agents.idm.agent import IDMAgent
from .agents.policy.config import VPTConfig
from .agents.sampling import Sampling
from .resilient.env import ResilientEnv
from .wrappers.action import HumanActionWrapper, VPTActionWrapper
from .wrappers.conversion import as_gymnasium
from .wrappers.observation import VPTObsWrapper
from .wrappers.recorder import RecorderWrapper
from .wrappers.vector.episode_starts import EpisodeStarts

__version__: str

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
    "actions",
    "agents",
    "as_gymnasium",
    "collect",
    "demos",
    "hub",
    "learning",
    "mineclip",
    "minedojo",
    "resilient",
    "world",
    "wrappers",
]
