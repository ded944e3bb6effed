"""The network that a part is made from, as users name it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TypeAlias

import torch

from vpt_gym.agents.checkpoints.pretrained import load_pretrained
from vpt_gym.agents.goals.refusal import refuse_goals
from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy as Network

Model: TypeAlias = str | Path | VPTConfig | Network
"""A folder of a saved agent, a published name, or a network, for its weights; a config or a size (``"nano"``, ``"1x"``,
``"2x"``, ``"3x"``) for fresh ones."""


def is_fresh(model: Model) -> bool:
    """Returns whether a network that is made from ``model`` has fresh weights."""
    return isinstance(model, VPTConfig) or (isinstance(model, str) and model in NAMED)


def make_network(model: Model) -> Network:
    """Returns a network of one's own, in float32 on the CPU.

    Raises:
        CheckpointError: A file is unsafe, damaged, or of another model.
        FileNotFoundError: There is no such file, folder or name.
        TypeError: ``model`` is something else.
        ValueError: A network is not in float32, or it acts on goals, which SB3 has no place for.
    """
    network = _made(model)
    refuse_goals(network, "SB3")
    return network


def _made(model: Model) -> Network:
    if isinstance(model, Network):
        if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
            raise ValueError("the parameters of the network must be float32: call its float() first")
        return copy.deepcopy(model).cpu()
    if isinstance(model, VPTConfig):
        return Network(model)
    if not isinstance(model, str | Path):
        raise TypeError(
            f"model is a {type(model).__name__}; it must be a folder, a name, a VPTConfig, or a network (agent.policy)"
        )
    return Network(NAMED[model]) if isinstance(model, str) and model in NAMED else load_pretrained(model)[0]
