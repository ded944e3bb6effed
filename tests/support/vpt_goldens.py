"""Reads the golden files of the published network and rebuilds the networks they were made with."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np
import torch

from tests.support.goldens import read_arrays, read_facts
from tests.support.paths import DATA
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import PolicyOutput, VPTPolicy

GOLDENS = DATA / "vpt"


def arrays(name: str) -> dict[str, np.ndarray]:
    return read_arrays(GOLDENS, name)


def facts(name: str) -> dict[str, Any]:
    return read_facts(GOLDENS, name)


def config_of(description: dict[str, Any]) -> VPTConfig:
    return VPTConfig.from_published(description["policy_kwargs"], description["pi_head_kwargs"])


def tiny_policy(dtype: torch.dtype = torch.float32) -> VPTPolicy:
    policy = VPTPolicy(config_of(facts("state_dict_tiny")["config"]))
    weights = arrays("tiny_weights_fp16")
    policy.load_state_dict({key: torch.from_numpy(value.astype(np.float32)) for key, value in weights.items()})
    return policy.to(dtype)


def procedural_weight(key: str, shape: list[int], seed: int, g_qk: float) -> np.ndarray:
    x = np.random.RandomState((seed + zlib.crc32(key.encode())) & 0x7FFFFFFF).standard_normal(shape)
    if key.endswith("running_mean"):
        x = np.full(shape, 0.37 * 1.7)
    elif key.endswith("running_mean_sq"):
        x = np.full(shape, 0.37 * (1.7**2 + 6.25))
    elif key.endswith("debiasing_term"):
        x = np.full(shape, 0.37)
    elif key.endswith("b_nd"):
        x = 0.5 * x
    elif len(shape) == 1:
        x = 1 + 0.2 * x if key.endswith("weight") else 0.2 * x
    else:
        if ".q_layer" in key or ".k_layer" in key:
            gain = g_qk
        elif any(name in key for name in (".v_layer", ".proj_layer", ".r_layer", "value_head")):
            gain = 1.0
        else:
            gain = 4.0 if key.startswith("pi_head") else 1.4
        x = x * gain / np.sqrt(np.prod(shape[1:]))
    return x.astype(np.float32)


def procedural_policy(name: str, dtype: torch.dtype = torch.float32) -> VPTPolicy:
    """A network with the weights of the recipe; the file's own checks show that the recipe was followed."""
    description = facts(f"proc_{name}")
    policy = VPTPolicy(config_of(description["config"]))
    policy.load_state_dict(procedural_state(policy, description))
    return policy.to(dtype)


def procedural_state(network: torch.nn.Module, description: dict[str, Any]) -> dict[str, torch.Tensor]:
    state = {}
    for key, value in network.state_dict().items():
        weight = procedural_weight(key, list(value.shape), description["seed"], description.get("g_qk", 1.0))
        total, leading = description["weight_checks"][key]
        np.testing.assert_allclose(weight.sum(dtype=np.float64), total, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(weight.ravel()[: len(leading)], leading, rtol=1e-7)
        state[key] = torch.from_numpy(weight)
    return state


def procedural_frames(name: str) -> torch.Tensor:
    return frames_of(facts(f"proc_{name}"))


def frames_of(description: dict[str, Any]) -> torch.Tensor:
    batch, steps, seed = description["B"], description["T"], description["seed"]
    frames = np.empty((batch, steps, 128, 128, 3), np.uint8)
    for b in range(batch):
        for t in range(steps):
            rng = np.random.RandomState((seed * 1000003 + b * 10007 + t) % 2**32)
            block = [4, 8, 16, 32, 64][rng.randint(0, 5)]
            low = rng.randint(0, 128)
            high = rng.randint(low + 1, 257)
            grid = rng.randint(low, high, (128 // block, 128 // block, 3)).astype(np.uint8)
            frames[b, t] = grid.repeat(block, 0).repeat(block, 1)
    frames[0, 5] = 0
    if steps > 6:
        frames[0, 6] = 255
    if batch > 1 and steps > 7:
        frames[1, 7] = np.random.RandomState(77).randint(0, 256, (128, 128, 3))
    assert hashlib.sha256(frames.tobytes()).hexdigest() == description["frames_sha256"]
    return torch.from_numpy(frames)


def run_chunks(
    policy: VPTPolicy, frames: torch.Tensor, first: torch.Tensor, chunks: list[int]
) -> tuple[dict[str, np.ndarray], list[PolicyOutput]]:
    """Runs a sequence in chunks, memory carried; returns the outputs over all of it, and those of each chunk."""
    assert sum(chunks) == frames.shape[1]
    outputs: list[PolicyOutput] = []
    memory = None
    with torch.no_grad():
        for part, part_first in zip(frames.split(chunks, 1), first.split(chunks, 1), strict=True):
            outputs.append(policy(part, part_first, memory))
            memory = outputs[-1].memory
    joined = {
        "buttons": torch.cat([o.pi.buttons for o in outputs], 1).numpy(),
        "camera": torch.cat([o.pi.camera for o in outputs], 1).numpy(),
        "vpred": torch.cat([o.value for o in outputs], 1).numpy(),
    }
    return joined, outputs
