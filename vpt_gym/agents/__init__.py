"""VPT's policies: the network, its files, and the agent that plays with it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.agents.config import VPTConfig
    from vpt_gym.agents.errors import (
        CheckpointError,
        CheckpointMismatch,
        CorruptCheckpoint,
        DownloadError,
        UnsafeCheckpoint,
        WrongFile,
    )
    from vpt_gym.agents.heads import ActionDistribution
    from vpt_gym.agents.idm import IDMAgent, Labels
    from vpt_gym.agents.idm_config import IDMConfig
    from vpt_gym.agents.idm_model import InverseDynamicsModel
    from vpt_gym.agents.load_report import LoadReport
    from vpt_gym.agents.memory import Memory
    from vpt_gym.agents.policy import PolicyOutput, VPTPolicy
    from vpt_gym.agents.sampling import Sampling

_HOME = {
    "ActionDistribution": "heads",
    "CheckpointError": "errors",
    "CheckpointMismatch": "errors",
    "CorruptCheckpoint": "errors",
    "DownloadError": "errors",
    "IDMAgent": "idm",
    "IDMConfig": "idm_config",
    "InverseDynamicsModel": "idm_model",
    "Labels": "idm",
    "LoadReport": "load_report",
    "Memory": "memory",
    "PolicyOutput": "policy",
    "Sampling": "sampling",
    "UnsafeCheckpoint": "errors",
    "VPTAgent": "agent",
    "VPTConfig": "config",
    "VPTPolicy": "policy",
    "WrongFile": "errors",
}

__all__ = [
    "ActionDistribution",
    "CheckpointError",
    "CheckpointMismatch",
    "CorruptCheckpoint",
    "DownloadError",
    "IDMAgent",
    "IDMConfig",
    "InverseDynamicsModel",
    "Labels",
    "LoadReport",
    "Memory",
    "PolicyOutput",
    "Sampling",
    "UnsafeCheckpoint",
    "VPTAgent",
    "VPTConfig",
    "VPTPolicy",
    "WrongFile",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'vpt_gym.agents' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(f"vpt_gym.agents.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
