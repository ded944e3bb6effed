from .env import ResilientEnv

__all__ = [
    "ResilientEnv",
]
