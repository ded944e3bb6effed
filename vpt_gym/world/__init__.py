"""The embedded voxel world: a first-person game with Minecraft's physics and MineDojo's observations.

``env`` is the Gymnasium environment (registered as ``vpt_gym/Harvest1Log-v0``), ``malmo`` the server that puts the same
world under the real MineDojo, ``experts`` the scripted player. Below them: ``game`` plays; ``generate`` makes worlds,
``tick`` advances them (``physics`` moves things), ``edit`` changes them from outside, ``render`` draws them.
"""
