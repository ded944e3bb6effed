from .options import RayArgs
from .play import play_on

__all__ = [
    "RayArgs",
    "play_on",
]
