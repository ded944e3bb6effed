"""Reads the golden files of STEVE-1's code and rebuilds the networks they were made with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.support.goldens import read_arrays, read_facts
from tests.support.paths import DATA
from tests.support.vpt_goldens import config_of, frames_of, procedural_state
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy

_FOLDER = DATA / "steve1"


def facts(name: str) -> dict[str, Any]:
    return read_facts(_FOLDER, name)


def arrays(name: str = "small") -> dict[str, np.ndarray]:
    return read_arrays(_FOLDER, name)


def goals() -> torch.Tensor:
    """The three goals, float32 (3, 512)."""
    return torch.from_numpy(arrays()["goals"])


def frames() -> torch.Tensor:
    """Two streams of 12 frames."""
    return frames_of(facts("small"))


def small_config() -> VPTConfig:
    return config_of(facts("small")["config"])


def small_policy(dtype: torch.dtype = torch.float32) -> VPTPolicy:
    policy = VPTPolicy(small_config())
    policy.load_state_dict(procedural_state(policy, facts("small")))
    return policy.to(dtype).eval()
