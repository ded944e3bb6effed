from .expert import PLANS, LogExpert, TaskExpert, expert_for, plan_for

__all__ = [
    "PLANS",
    "LogExpert",
    "TaskExpert",
    "expert_for",
    "plan_for",
]
