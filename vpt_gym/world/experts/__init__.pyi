from .expert import PLANS, LogExpert, TaskExpert, expert_for, plan_for
from .play import PlayExpert

__all__ = [
    "PLANS",
    "LogExpert",
    "PlayExpert",
    "TaskExpert",
    "expert_for",
    "plan_for",
]
