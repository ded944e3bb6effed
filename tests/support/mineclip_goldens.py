"""Reads MineCLIP's golden files and makes the reduced network that they were made with."""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.support.goldens import read_arrays, read_facts
from tests.support.paths import DATA
from vpt_gym.mineclip import MineCLIPConfig
from vpt_gym.mineclip.network import MineCLIPNetwork

GOLDENS = DATA / "mineclip"
SEED = 2024
SMALL = MineCLIPConfig(
    resolution=(48, 80),
    embed=64,
    image_width=128,
    image_layers=2,
    text_width=64,
    text_heads=4,
    text_layers=2,
    temporal_heads=3,
)
COPIED = {"image_encoder.": "clip_model.vision_model.", "reward_head.clip_model.": "clip_model."}


def arrays(name: str) -> dict[str, np.ndarray]:
    return read_arrays(GOLDENS, name)


def facts(name: str) -> dict[str, Any]:
    return read_facts(GOLDENS, name)


def procedural_weight(key: str, shape: tuple[int, ...]) -> np.ndarray:
    x = np.random.RandomState((SEED + zlib.crc32(key.encode())) & 0x7FFFFFFF).standard_normal(shape)
    if key.endswith("logit_scale"):
        x = np.log(1 / 0.07) + 0.5 * x
    elif not shape or key.endswith("cls_token"):
        x = 0.5 * x
    elif len(shape) == 1:
        x = 1 + 0.2 * x if key.endswith(".weight") else 0.2 * x
    else:
        x = 1.4 * x / np.sqrt(np.prod(shape[1:]))
    return np.asarray(x, np.float32)


@cache
def small_weights(pooling: str = "attn") -> dict[str, torch.Tensor]:
    """Each weight once; the golden file's checks show that its recipe was followed."""
    with torch.device("meta"):
        shapes = MineCLIPNetwork(MineCLIPConfig(**{**SMALL.__dict__, "pooling": pooling})).state_dict()
    weights = {}
    for key, value in shapes.items():
        weight = procedural_weight(key, tuple(value.shape))
        total, leading = facts("mineclip_small")["canonical_weight_checks"][key]
        np.testing.assert_allclose(weight.sum(dtype=np.float64), total, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(weight.ravel()[: len(leading)], leading, rtol=1e-7)
        weights[key] = torch.from_numpy(weight)
    return weights


def small_network(pooling: str = "attn", dtype: torch.dtype = torch.float32) -> MineCLIPNetwork:
    network = MineCLIPNetwork(MineCLIPConfig(**{**SMALL.__dict__, "pooling": pooling}))
    network.load_state_dict(small_weights(pooling))
    return network.eval().to(dtype)


def published_layout(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Every key with the prefix of the published files, CLIP's three times; copies share their memory."""
    single = dict(weights)
    for copy, own in reversed(COPIED.items()):
        single |= {copy + key.removeprefix(own): value for key, value in weights.items() if key.startswith(own)}
    return {f"model.{key}": value for key, value in single.items()}


def save_published(path: Path, pooling: str = "attn", **changes: torch.Tensor) -> Path:
    """Writes a checkpoint as the published ones; ``changes`` by keys with ``__`` for dots."""
    weights = published_layout(small_weights(pooling))
    weights |= {key.replace("__", "."): value for key, value in changes.items()}
    torch.save({"state_dict": weights}, path)
    return path


@cache
def frames() -> np.ndarray:
    """uint8 (2, 16, 3, 48, 80)."""
    height, width = SMALL.resolution
    made = np.empty((2, 16, 3, height, width), np.uint8)
    for b in range(2):
        for t in range(16):
            rng = np.random.RandomState((SEED * 1000003 + b * 10007 + t) % 2**32)
            block = [4, 8, 16][rng.randint(0, 3)]
            low = rng.randint(0, 128)
            high = rng.randint(low + 1, 257)
            grid = rng.randint(low, high, (height // block, width // block, 3)).astype(np.uint8)
            made[b, t] = grid.repeat(block, 0).repeat(block, 1).transpose(2, 0, 1)
    made[0, 5] = 0
    made[0, 6] = 255
    assert hashlib.sha256(made.tobytes()).hexdigest() == facts("mineclip_small")["frames_sha256"]
    return made


def prompts() -> list[str]:
    """The three prompts of the goldens' texts."""
    return [facts("tokens")["prompts"][index] for index in (4, 12, 20)]
