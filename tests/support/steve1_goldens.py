"""Reads the golden files of STEVE-1's code and rebuilds the networks they were made with."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import torch

from tests.support.paths import DATA
from tests.support.vpt_goldens import config_of, frames_of, procedural_state
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy

_FOLDER = DATA / "steve1"


@cache
def facts(name: str) -> dict[str, Any]:
    return json.loads((_FOLDER / f"{name}.json").read_text())


@cache
def arrays(name: str = "small") -> dict[str, np.ndarray]:
    with np.load(_FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


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
