"""A policy that is small enough to train in milliseconds, of the same architecture as all others."""

from __future__ import annotations

from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy

SMALL = VPTConfig(
    hidsize=32,
    attention_heads=2,
    impala_width=1,
    impala_chans=(4, 4, 4),
    n_recurrence_layers=2,
    attention_memory_size=12,
    timesteps=4,
    stem_pool=8,
)


def small_policy(seed: int = 0) -> VPTPolicy:
    return VPTAgent.from_config(SMALL, seed=seed).policy
