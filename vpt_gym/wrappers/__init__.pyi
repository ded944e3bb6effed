from .action import HumanActionWrapper, VPTActionWrapper
from .conversion import as_gymnasium
from .observation import VPTObsWrapper
from .recorder import RecorderWrapper

__all__ = [
    "HumanActionWrapper",
    "RecorderWrapper",
    "VPTActionWrapper",
    "VPTObsWrapper",
    "as_gymnasium",
]
