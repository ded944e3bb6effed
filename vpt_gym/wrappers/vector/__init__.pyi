from .episode_starts import EpisodeStarts
from .mineclip_reward import MineCLIPReward
from .thread_vector_env import ThreadVectorEnv

__all__ = [
    "EpisodeStarts",
    "MineCLIPReward",
    "ThreadVectorEnv",
]
