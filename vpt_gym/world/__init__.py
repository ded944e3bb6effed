"""The embedded voxel world: a first-person game with Minecraft's physics and MineDojo's observations.

``env`` is the Gymnasium environment (registered as ``vpt_gym/Harvest1Log-v0``), ``experts`` the scripted player. Below
them: ``generate`` makes worlds, ``tick`` advances them (``physics`` moves things), ``render`` draws them.
"""
