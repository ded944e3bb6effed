"""VPT in Stable-Baselines3: a policy, a features extractor, and a vector environment that remembers.

It needs ``pip install "vpt-gym[sb3]"``.
"""

from __future__ import annotations

from vpt_gym.system.require import require

require("stable_baselines3", "sb3", purpose="vpt_gym.integrations.sb3")

# after the check above, whose error says what to install
from vpt_gym.integrations.sb3.features import VPTFeatures  # noqa: E402
from vpt_gym.integrations.sb3.policy import VPTPolicy  # noqa: E402
from vpt_gym.integrations.sb3.remembering import RememberingVecEnv  # noqa: E402

__all__ = ["RememberingVecEnv", "VPTFeatures", "VPTPolicy"]
