from .env import VoxelEnv
from .tasks import Task, holds
from .vector import make_worlds

__all__ = [
    "Task",
    "VoxelEnv",
    "holds",
    "make_worlds",
]
