"""Writes files in the layout of the published models, and files that only pretend to be."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy

SMALL_1X = VPTConfig(
    hidsize=64, attention_heads=4, impala_width=0.25, impala_chans=(16, 32, 32), attention_memory_size=20, timesteps=12
)
"""The layout of 1x (four blocks, 134 keys), narrow enough for a test."""


def published_kwargs(config: VPTConfig) -> dict[str, Any]:
    """The keyword arguments of a published policy, with the entries that nothing reads any more."""
    return {
        "attention_heads": config.attention_heads,
        "attention_mask_style": "clipped_causal",
        "attention_memory_size": config.attention_memory_size,
        "diff_mlp_embedding": False,
        "hidsize": config.hidsize,
        "img_shape": [128, 128, 3],
        "impala_chans": list(config.impala_chans),
        "impala_kwargs": {"post_pool_groups": 1},
        "impala_width": config.impala_width,
        "init_norm_kwargs": {"batch_norm": False, "group_norm_groups": 1},
        "n_recurrence_layers": config.n_recurrence_layers,
        "only_img_input": True,
        "pointwise_ratio": config.pointwise_ratio,
        "pointwise_use_activation": False,
        "recurrence_is_residual": True,
        "recurrence_type": "transformer",
        "timesteps": config.timesteps,
        "use_pointwise_layer": True,
        "use_pre_lstm_ln": False,
        "some_argument_of_the_training_code": 3,
    }


def model_content(config: VPTConfig, **more: Any) -> dict[str, Any]:
    return {
        "model": {
            "args": {
                "net": {"args": published_kwargs(config)},
                "pi_head_opts": {"temperature": config.pi_head_temperature},
            },
            **more,
        }
    }


def write_model(path: Path, config: VPTConfig, protocol: int = 4) -> Path:
    """Pickles a description whose ``extra_args`` holds objects of gym3's classes, by their real names."""
    package, types = ModuleType("gym3"), ModuleType("gym3.types")
    classes = {}
    for name in ("Discrete", "TensorType", "DictType"):
        classes[name] = type(
            name, (), {"__module__": "gym3.types", "__init__": lambda self, **kw: vars(self).update(kw)}
        )
        setattr(types, name, classes[name])
    sys.modules.update({"gym3": package, "gym3.types": types})
    try:
        head = classes["TensorType"](eltype=classes["Discrete"](n=8641, dtype_name="int64"), shape=(1,))
        extra = {
            "ac_space": classes["DictType"](buttons=head),
            "seen": {1, 2},
            "fraction": torch.tensor(0.5).numpy()[()],
        }
        path.write_bytes(pickle.dumps(model_content(config, extra_args=extra), protocol=protocol))
    finally:
        del sys.modules["gym3"], sys.modules["gym3.types"]
    return path


def published_state(config: VPTConfig, seed: int = 0, aux: bool = True) -> dict[str, torch.Tensor]:
    """Weights as a released file holds them: the policy's, and those of an auxiliary value head."""
    torch.manual_seed(seed)
    state = dict(VPTPolicy(config).state_dict())
    if aux:
        state.update(
            {f"aux_{key}": value.clone() for key, value in list(state.items()) if key.startswith("value_head.")}
        )
    return state


class Payload:
    """Pickles into a call of ``os.system`` that leaves a file behind."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, (f"touch {self.witness}",)


class EvalPayload(Payload):
    """Pickles into a call of ``eval``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"open({str(self.witness)!r}, 'w')",)
