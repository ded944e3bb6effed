"""The embedded world in place of Minecraft: a server that speaks the MalmoEnv 0.37.0 protocol.

The real ``minedojo`` package plays on it without Java, and so does every other client of that protocol. Start it with
``python -m vpt_gym.world.malmo --port 9000``, or call ``serve``.

From the bottom: ``mission`` reads what an episode is to be like, ``commands`` and ``chat`` what is done in a tick,
``episode`` plays it, ``info`` (with ``lidar`` and ``statistics``) tells what came of it;
``connection`` speaks the protocol with one client, ``server`` listens for all.
"""

from vpt_gym.world.malmo.server import MalmoServer, serve

__all__ = ["MalmoServer", "serve"]
