"""OpenAI's VPT (Video PreTraining) Minecraft policies in MineDojo and any other Gymnasium environment.

Importing this package registers the embedded environments (``vpt_gym/...``) and starts nothing else. The names and
subpackages below are imported when they are first used, so ``import vpt_gym`` loads neither torch nor OpenCV.
"""

from __future__ import annotations

from vpt_gym._lazy import attach
from vpt_gym._version import __version__ as __version__
from vpt_gym.registration import register_envs

__getattr__, __dir__, __all__ = attach(__name__, __file__, "__version__")

register_envs()
