from .agent import VPTAgent
from .checkpoints.errors import (
    CheckpointError,
    CheckpointMismatch,
    CorruptCheckpoint,
    DownloadError,
    UnsafeCheckpoint,
    WrongFile,
)
from .checkpoints.load_report import LoadReport
from .goals.prior import GoalPrior
from .goals.text import TextGoals
from .goals.video import video_goals
from .idm.agent import IDMAgent, Labels
from .idm.config import IDMConfig
from .idm.model import InverseDynamicsModel
from .onnx_export import OnnxExport, export_onnx
from .policy.config import VPTConfig
from .policy.heads import ActionDistribution
from .policy.policy import PolicyOutput, VPTPolicy
from .policy.transformer import Memory
from .sampling import Sampling

__all__ = [
    "ActionDistribution",
    "CheckpointError",
    "CheckpointMismatch",
    "CorruptCheckpoint",
    "DownloadError",
    "GoalPrior",
    "IDMAgent",
    "IDMConfig",
    "InverseDynamicsModel",
    "Labels",
    "LoadReport",
    "Memory",
    "OnnxExport",
    "PolicyOutput",
    "Sampling",
    "TextGoals",
    "UnsafeCheckpoint",
    "VPTAgent",
    "VPTConfig",
    "VPTPolicy",
    "WrongFile",
    "export_onnx",
    "video_goals",
]
