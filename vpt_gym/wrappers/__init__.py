"""Wrappers that connect any Minecraft-like environment with a VPT policy.

* ``VPTObsWrapper``: observations -> the frames that a policy takes, uint8 ``(128, 128, 3)``.
* ``VPTActionWrapper``: VPT codes -> the environment's actions.
* ``ChoicesActionWrapper``: what a policy with heads for the environment's action space returns -> these actions.
* ``HumanActionWrapper``: human actions (keyboard and mouse) -> the environment's actions.
* ``RecorderWrapper``: writes a demo of every episode.
* ``label_next_step``: makes the demo store another action than the executed one (``RecordsLabels``).
* ``EpisodeSeeds``: gives each episode the next seed of a sequence.
* ``ItemRewardWrapper``: rewards items, such as VPT's on the way to a diamond pickaxe (``DIAMOND_PICKAXE``).
* ``MineCLIPReward``: rewards how well the last frames fit a text.
* ``as_gymnasium``: environments of the old gym, such as MineDojo's, as Gymnasium environments.
* ``vector``: wrappers for vector environments.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
