from .episode_starts import EpisodeStarts
from .thread_env import ThreadVectorEnv

__all__ = [
    "EpisodeStarts",
    "ThreadVectorEnv",
]
