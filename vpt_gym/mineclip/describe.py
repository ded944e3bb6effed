"""Describes the weights of a MineCLIP network: its sizes, and whether they load or why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from torch import Tensor

from vpt_gym.agents.checkpoints.errors import CheckpointError
from vpt_gym.agents.describe import Description
from vpt_gym.mineclip.checkpoint import ANCHOR, load_state, unwrapped
from vpt_gym.mineclip.config import HEAD_WIDTH, MineCLIPConfig

_LAYERS = "temporal_encoder.attn.model.attn_layers.layers."


def describe_mineclip(weights: Mapping[str, Tensor], source: str) -> Description | None:
    """Describes weights of MineCLIP; returns None for all others.

    Args:
        weights: The tensors of a file, with the prefix of the published files or without.
        source: Its name.
    """
    single, _, _ = unwrapped(weights, source)
    if ANCHOR not in single:
        return None
    description = Description(source, holds="weights", kind="MineCLIP scorer", loaded_by="MineCLIP.from_pretrained")
    for key, value in single.items():
        part = key.partition(".")[0]
        description.parameters[part] = description.parameters.get(part, 0) + value.numel()
    description.parameters["total"] = sum(description.parameters.values())
    config = _config_by_shapes(single)
    description.config = dataclasses.asdict(config)
    if config == MineCLIPConfig(pooling=config.pooling):
        description.architecture = config.pooling
    description.compared_with = "the architecture that the shapes imply; they do not tell height from width"
    try:
        _, description.report = load_state(weights, source, config, meta=True)
    except CheckpointError as error:
        description.report = getattr(error, "report", None)
        description.problem = str(error).partition("\n")[0]
    return description


def _config_by_shapes(weights: Mapping[str, Tensor]) -> MineCLIPConfig:
    """Returns the sizes that the shapes of weights imply; the published ones where they imply none."""
    found = MineCLIPConfig(pooling="attn" if any(key.startswith(_LAYERS) for key in weights) else "avg")

    def shape(key: str, axes: int) -> tuple[int, ...] | None:
        value = weights.get(key)
        return tuple(value.shape) if value is not None and value.dim() == axes and value.numel() else None

    if (conv := shape("clip_model.vision_model.conv1.weight", 4)) is not None:
        found = _changed(found, image_width=conv[0], patch=conv[3], resolution=(10 * conv[3], 16 * conv[3]))
    if (positions := shape("clip_model.vision_model.pos_embed", 2)) is not None:
        rows, columns = _grid(positions[0] - 1)
        found = _changed(found, resolution=(rows * found.patch, columns * found.patch))
    if (projection := shape("clip_model.vision_model.projection", 2)) is not None:
        found = _changed(found, embed=projection[1])
    if (text := shape("clip_model.text_model.pos_embed", 2)) is not None:
        found = _changed(found, text_width=text[1])
    if (queries := shape(f"{_LAYERS}0.1.to_q.weight", 2)) is not None:
        found = _changed(found, temporal_heads=max(1, queries[0] // HEAD_WIDTH))
    return _changed(
        found,
        image_layers=_count(weights, "clip_model.vision_model.blocks."),
        text_layers=_count(weights, "clip_model.text_model.blocks."),
        temporal_layers=_count(weights, _LAYERS) // 2 or found.temporal_layers,
    )


def _changed(config: MineCLIPConfig, **changes: object) -> MineCLIPConfig:
    """Returns a config with other sizes, or as it is if no network has them."""
    try:
        return dataclasses.replace(config, **changes)  # type: ignore[arg-type]
    except ValueError:
        return config


def _count(weights: Mapping[str, Tensor], prefix: str) -> int:
    """Returns the number of different names that follow a prefix."""
    return len({key.removeprefix(prefix).partition(".")[0] for key in weights if key.startswith(prefix)})


def _grid(patches: int) -> tuple[int, int]:
    """Returns rows and columns of a number of patches, as near as possible to the 10 to 16 of MineCLIP's frames."""
    rows = [n for n in range(1, min(patches, 4096) + 1) if patches % n == 0] or [1]
    best = min(rows, key=lambda n: abs(n * n / max(1, patches) - 10 / 16))
    return best, max(1, patches) // best
