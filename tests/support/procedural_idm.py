"""The inverse dynamics model of the golden data, with weights from the recipe that they were made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tests.support.vpt_goldens import facts, procedural_weight
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel


def published(name: str = "idm_tiny") -> dict[str, Any]:
    return facts(f"state_dict_{name}")["config"]


def published_config(**changes: Any) -> IDMConfig:
    config = published()
    return IDMConfig.from_published({**config["policy_kwargs"], **changes}, config["pi_head_kwargs"])


def procedural_model(dtype: torch.dtype, *, use_last_layer: bool = False) -> InverseDynamicsModel:
    description = facts("proc_idm_tiny")
    model = InverseDynamicsModel(replace(published_config(), use_last_layer=use_last_layer))
    state = {}
    for key, value in model.state_dict().items():
        weight = procedural_weight(key, list(value.shape), description["seed"], description["g_qk"])
        total, leading = description["weight_checks"][key]
        np.testing.assert_allclose(weight.sum(dtype=np.float64), total, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(weight.ravel()[: len(leading)], leading, rtol=1e-7)
        state[key] = torch.from_numpy(weight)
    model.load_state_dict(state)
    return model.to(dtype)
