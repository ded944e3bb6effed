from .episode_starts import EpisodeStarts
from .thread_vector_env import ThreadVectorEnv

__all__ = [
    "EpisodeStarts",
    "ThreadVectorEnv",
]
