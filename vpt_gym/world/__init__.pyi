from .env import VoxelEnv
from .vector import make_worlds

__all__ = [
    "VoxelEnv",
    "make_worlds",
]
