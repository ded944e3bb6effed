from .action import HumanActionWrapper, VPTActionWrapper
from .conversion import as_gymnasium
from .labels import RecordsLabels, label_next_step
from .observation import VPTObsWrapper
from .recorder import RecorderWrapper

__all__ = [
    "HumanActionWrapper",
    "RecorderWrapper",
    "RecordsLabels",
    "VPTActionWrapper",
    "VPTObsWrapper",
    "as_gymnasium",
    "label_next_step",
]
