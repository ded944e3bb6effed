from .server import MalmoServer, serve

__all__ = [
    "MalmoServer",
    "serve",
]
