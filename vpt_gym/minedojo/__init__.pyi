from . import shims
from .env import MineDojoEnv
from .factory import make
from .game import GameError

__all__ = [
    "GameError",
    "MineDojoEnv",
    "make",
    "shims",
]
