from .action import HumanActionWrapper, VPTActionWrapper
from .legacy_gym import as_gymnasium
from .observation import VPTObsWrapper
from .recorder import RecorderWrapper

__all__ = [
    "HumanActionWrapper",
    "RecorderWrapper",
    "VPTActionWrapper",
    "VPTObsWrapper",
    "as_gymnasium",
]
