"""What identifies an agent in the metadata of demos: a digest of its weights, and how it acts."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from vpt_gym.agents.agent import VPTAgent


def weights_digest(network: nn.Module) -> str:
    """Returns 16 hexadecimal digits that depend on every bit of a network's weights, and on their names and shapes."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def agent_identity(agent: VPTAgent) -> dict[str, Any]:
    """Returns all that an agent's actions depend on besides frames and random numbers, as JSON values.

    Returns:
        ``"weights"``, the digest; ``"precision"``, in which it acts; the fields of its sampling that are not at
        their defaults, except ``"temperature"``, which is always there; and, if it has a goal, ``"goal"``, a digest of
        that, and ``"guidance"``.
    """
    sampling, default = asdict(agent.sampling), asdict(type(agent.sampling)())
    changed = {key: value for key, value in sampling.items() if key == "temperature" or value != default[key]}
    goal: dict[str, Any] = {}
    if agent.goal is not None:
        goal = {"goal": hashlib.sha256(agent.goal.tobytes()).hexdigest()[:16], "guidance": agent.guidance}
    return {"weights": weights_digest(agent.policy), "precision": agent.precision, **changed, **goal}
