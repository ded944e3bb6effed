from .envs import EnvArgs
from .experts import Expert, load_expert
from .rollouts import Episode
from .seeds import SEEDS

__all__ = [
    "SEEDS",
    "EnvArgs",
    "Episode",
    "Expert",
    "load_expert",
]
