"""Loads MineCLIP's published checkpoints; nothing in a file is ever executed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vpt_gym.agents.checkpoints.errors import CheckpointMismatch
from vpt_gym.agents.checkpoints.load_report import LoadReport, strip
from vpt_gym.agents.checkpoints.policy import check_weights
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.mineclip.config import MineCLIPConfig
from vpt_gym.mineclip.network import MineCLIPNetwork

PREFIX = "model."
"""The prefix of every key in the published files."""

COPIES = {"image_encoder.": "clip_model.vision_model.", "reward_head.clip_model.": "clip_model."}
"""CLIP's weights are in the published files three times: prefixes of the copies, and of the keys that they repeat."""

ANCHOR = "clip_model.logit_scale"
"""A key that every file of MineCLIP has, without the prefix and the copies."""

_FOREIGN = {
    "visual.conv1.weight": "these are the weights of OpenAI's CLIP, not of MineCLIP",
    "net.img_process.linear.layer.weight": "these are the weights of a VPT policy, not of MineCLIP",
}
"""Keys of other published files, and what these are."""


def load_network(path: str | Path, config: MineCLIPConfig) -> tuple[MineCLIPNetwork, LoadReport]:
    """Makes a network from a checkpoint. Every key must fit, as in the original.

    Args:
        path: A file of ``torch.save``, with the weights under ``"state_dict"`` or by themselves, or ``.safetensors``.
        config: The sizes of the network. Its pooling is taken from the file: ``"avg"`` has no temporal encoder.

    Raises:
        CheckpointMismatch: A key is missing or unknown, has another shape, or is repeated with other values.
        CheckpointError: The file is unsafe, damaged or something else.
        FileNotFoundError: There is no such file.
    """
    network, report = load_state(read_weights(path, inside="state_dict"), str(path), config)
    return network, report


def load_state(
    weights: Mapping[str, Tensor], source: str, config: MineCLIPConfig, *, meta: bool = False
) -> tuple[MineCLIPNetwork, LoadReport]:
    """Makes a network from the tensors of a checkpoint, as :func:`load_network` does.

    Args:
        weights: The tensors.
        source: Their name in an error.
        config: The sizes of the network.
        meta: Only check that they fit: the network is on the device ``meta``.

    Raises:
        CheckpointError: They do not fit.
    """
    single, copies, prefix = unwrapped(weights, source)
    weights = strip(weights, prefix, source) if prefix else weights
    temporal = any(key.startswith("temporal_encoder.") for key in single)
    with torch.device("meta"):
        network = MineCLIPNetwork(dataclasses.replace(config, pooling="attn" if temporal else "avg"))
    ignored = {key: f"copy of {own}" for key, own in copies.items()}
    report = _compare(network.state_dict(), single, LoadReport(source, ignored=ignored, stripped=prefix))
    check_weights(single, report)
    for key, own in copies.items():
        if not _same(weights[key], single[own]):
            report = dataclasses.replace(report, cause=f"{key} and {own} differ, and are one weight in MineCLIP")
            raise CheckpointMismatch(f"{source} does not fit the model: {report.cause}\n{report}", report)
    if not meta:
        network.to_empty(device="cpu").load_state_dict({key: single[key] for key in report.loaded})
    return network.eval().requires_grad_(False), report


def unwrapped(weights: Mapping[str, Tensor], source: str) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """Returns each weight once, the keys that repeat one with the key that they repeat, and the prefix of all keys.

    Neither has the prefix.

    Args:
        weights: The tensors of a file.
        source: Its name in an error.
    """
    prefix = PREFIX if any(key.startswith(PREFIX) for key in weights) else ""
    single, copies = _apart(strip(weights, prefix, source) if prefix else weights)
    return single, copies, prefix


def _apart(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Returns each weight once, and the keys that repeat one with the key that they repeat."""
    single: dict[str, Tensor] = {}
    copies: dict[str, str] = {}
    for key in sorted(weights, key=lambda key: key.startswith(tuple(COPIES))):
        prefix = next((prefix for prefix in COPIES if key.startswith(prefix)), "")
        own = COPIES[prefix] + key.removeprefix(prefix) if prefix else key
        if own in single:
            copies[key] = own
        else:
            single[own] = weights[key]
    return single, copies


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.data_ptr() == other.data_ptr() or torch.equal(one, other)


def _compare(model: Mapping[str, Tensor], weights: Mapping[str, Tensor], report: LoadReport) -> LoadReport:
    """Completes a report on weights that were each found once."""
    mismatched = {
        key: (tuple(weights[key].shape), tuple(value.shape))
        for key, value in model.items()
        if key in weights and weights[key].shape != value.shape
    }
    loaded = tuple(key for key in model if key in weights and key not in mismatched)
    report = dataclasses.replace(
        report,
        loaded=loaded,
        missing=tuple(key for key in model if key not in weights),
        unexpected=tuple(key for key in weights if key not in model),
        mismatched=mismatched,
        converted={key: str(weights[key].dtype) for key in loaded if weights[key].dtype != torch.float32},
    )
    return report if report.ok else dataclasses.replace(report, cause=_likely_cause(report, weights))


def _likely_cause(report: LoadReport, weights: Mapping[str, Tensor]) -> str:
    for key, what in _FOREIGN.items():
        if key in weights:
            return what
    if ANCHOR not in weights:
        return "the keys are not those of MineCLIP"
    if report.mismatched:
        return "the network has other sizes than the file (see config)"
    if report.missing:
        return "keys are missing (is the file incomplete?)"
    return "it has keys of another variant of MineCLIP; supported are the published attn and avg"
