"""Deterministic networks and frames: real sizes without weight files, and logits as sharp as those of trained ones."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy

SEED = 2222


def procedural_policy(config: VPTConfig) -> VPTPolicy:
    """Returns a policy with the weights that the golden data in ``tests/data/vpt`` were computed with."""
    policy = VPTPolicy(config).eval()
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if ".normalizer." not in name:
                parameter.copy_(torch.from_numpy(_weight(name, tuple(parameter.shape))))
    return policy


def _weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    x = np.random.RandomState((SEED + zlib.crc32(name.encode())) & 0x7FFFFFFF).standard_normal(shape)
    if name.endswith("b_nd"):
        x *= 0.5
    elif len(shape) == 1:
        x = 1 + 0.2 * x if name.endswith("weight") else 0.2 * x
    else:
        gain = 4.0 if any(part in name for part in (".q_layer", ".k_layer", "pi_head")) else 1.4
        if any(part in name for part in (".v_layer", ".proj_layer", ".r_layer", "value_head")):
            gain = 1.0
        x *= gain / np.sqrt(np.prod(shape[1:]))
    return x.astype(np.float32)


def procedural_frames(streams: int, steps: int) -> torch.Tensor:
    """Returns frames (B, T, 128, 128, 3) uint8 of coloured squares of different sizes and contrasts."""
    frames = np.empty((streams, steps, 128, 128, 3), np.uint8)
    for stream, step in np.ndindex(streams, steps):
        rng = np.random.RandomState((SEED * 1000003 + stream * 10007 + step) % 2**32)
        block = (4, 8, 16, 32, 64)[rng.randint(0, 5)]
        low = rng.randint(0, 128)
        grid = rng.randint(low, rng.randint(low + 1, 257), (128 // block, 128 // block, 3)).astype(np.uint8)
        frames[stream, step] = grid.repeat(block, 0).repeat(block, 1)
    return torch.from_numpy(frames)
