"""Reports for each key whether it was loaded, and the likely cause if weights do not fit a model."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import N_BIAS_FUNCTIONS
from vpt_gym.system.printable import printable, printable_name

IGNORED_PREFIXES = {"aux_value_head.": "auxiliary value head"}
"""Prefixes of keys that a published file may have in addition to the model's, with the rule that ignores them.

The auxiliary value head was used only by phasic policy gradient, with which the published RL checkpoints were trained.
They have 139 keys, of which the policy has 134.
"""

REQUIRED_PREFIXES = ("net.", "pi_head.")
"""Prefixes of the keys that a model needs to act."""

_ANCHOR = "net.img_process.linear.layer.weight"
"""A key that every VPT network has."""

GOAL_LAYER = "net.mineclip_embed_linear."
"""The prefix of the keys of the layer for goals, as STEVE-1 names it."""

_COMPILED = "_orig_mod."
"""The prefix that ``torch.compile`` adds to the keys of a module."""


@dataclass(frozen=True)
class LoadReport:
    """For each key, whether it was loaded.

    Attributes:
        source: The file.
        loaded: Keys that were loaded into the model.
        missing: Keys of the model that the file lacks; they keep their initial values.
        unexpected: Keys of the file that the model does not have and no rule ignores.
        mismatched: Keys of both whose shapes differ, with (shape in the file, shape in the model).
        ignored: Keys of the file that a rule ignores, with the name of the rule.
        excluded: Keys of the model or of the file that were left out on purpose (``include``, ``exclude``).
        converted: Keys whose values are not float32 in the file, with their type, such as ``"torch.float16"``.
        stripped: The prefix that was removed from the keys of the file on purpose; empty if none.
        cause: The likely cause if required keys are missing or have another shape; empty if they fit.
    """

    source: str
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    converted: dict[str, str] = field(default_factory=dict)
    stripped: str = ""
    cause: str = ""

    @property
    def ok(self) -> bool:
        """True if every key of the model and of the file was loaded, ignored by a rule or left out on purpose."""
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def fits(self) -> bool:
        """True if the model can act with the loaded keys: no required key is missing and no shape differs."""
        return not self.cause

    def __str__(self) -> str:
        details = {
            "loaded": list(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "mismatched": [f"{k} {list(a)}, needs {list(b)}" for k, (a, b) in self.mismatched.items()],
            "ignored": [f"{k} (rule {rule})" for k, rule in self.ignored.items()],
        }
        on_purpose = {"excluded": list(self.excluded), "converted": [f"{k} {t}" for k, t in self.converted.items()]}
        details.update({name: keys for name, keys in on_purpose.items() if keys})
        lines = [f"{self.source}: {'ok' if self.ok else 'incomplete'}"]
        for name, keys in details.items():
            lines.append(f"  {name:<11}{len(keys):>4}{'' if name == 'loaded' else examples(keys)}")
        if self.stripped:
            lines.append(f'  the prefix "{self.stripped}" was removed')
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        return printable("\n".join(lines))


def examples(keys: Sequence[str], limit: int = 3) -> str:
    """Returns the first few keys as text, to be shown after their number."""
    shown = ", ".join(map(printable_name, keys[:limit]))
    return f"  {shown}{', ...' if len(keys) > limit else ''}" if keys else ""


def compare(
    model: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    source: str,
    *,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    stripped: str = "",
) -> LoadReport:
    """Reports for each key whether it would be loaded; changes nothing and reads no values.

    Args:
        model: The state of the model; its tensors may be on the device ``meta``.
        weights: The tensors of the file.
        source: The name of the file in the report.
        include: Patterns (``fnmatch``) of the keys to load; empty means all.
        exclude: Patterns of keys to leave out of these.
        stripped: The prefix that was removed from the keys of the file, for the report.

    Raises:
        ValueError: A pattern matches no key, or nothing is left to load.
    """
    every = dict.fromkeys([*model, *weights])
    chosen = _choose(every, _patterns(include), _patterns(exclude))
    model = {key: value for key, value in model.items() if key in chosen}
    rest = [key for key in weights if key in chosen and key not in model]
    ignored = {key: rule for key in rest for prefix, rule in IGNORED_PREFIXES.items() if key.startswith(prefix)}
    mismatched = {
        key: (tuple(weights[key].shape), tuple(value.shape))
        for key, value in model.items()
        if key in weights and weights[key].shape != value.shape
    }
    missing = tuple(key for key in model if key not in weights)
    loaded = tuple(key for key in model if key in weights and key not in mismatched)
    unfit = bool(mismatched) or any(key.startswith(REQUIRED_PREFIXES) for key in missing)
    return LoadReport(
        source=source,
        loaded=loaded,
        missing=missing,
        unexpected=tuple(key for key in rest if key not in ignored),
        mismatched=mismatched,
        ignored=ignored,
        excluded=tuple(key for key in every if key not in chosen),
        converted={key: str(weights[key].dtype) for key in loaded if weights[key].dtype != torch.float32},
        stripped=stripped,
        cause=_likely_cause(model, weights) if unfit else "",
    )


def strip(weights: Mapping[str, Tensor], prefix: str, source: str) -> dict[str, Tensor]:
    """Removes a prefix from the keys that have it.

    Raises:
        ValueError: No key has the prefix, or removing it gives a key that exists already.
    """
    if not any(key.startswith(prefix) for key in weights):
        raise ValueError(
            f'no key of {printable_name(source)} has the prefix "{prefix}"; they begin{examples(list(weights))}'
        )
    bare = {key.removeprefix(prefix): value for key, value in weights.items()}
    if len(bare) < len(weights):
        raise ValueError(f'{source} has keys both with and without the prefix "{prefix}"')
    return bare


def _patterns(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)  # a generator gives its patterns only once


def _choose(keys: Mapping[str, None], include: Sequence[str], exclude: Sequence[str]) -> set[str]:
    for name, patterns in (("include", include), ("exclude", exclude)):
        for pattern in patterns:
            if not any(fnmatch.fnmatchcase(key, pattern) for key in keys):
                raise ValueError(f"{name}: no key matches {pattern!r}; {printable(_near(pattern, keys))}")
    chosen = {key for key in keys if not include or any(fnmatch.fnmatchcase(key, p) for p in include)}
    chosen -= {key for key in keys if any(fnmatch.fnmatchcase(key, p) for p in exclude)}
    if not chosen:
        raise ValueError(f"include={tuple(include)} and exclude={tuple(exclude)} leave no key to load")
    return chosen


def _near(pattern: str, keys: Mapping[str, None]) -> str:
    folders = dict.fromkeys(f"{key.rsplit('.', n)[0]}.*" for key in keys for n in range(1, key.count(".") + 1))
    if near := difflib.get_close_matches(pattern, [*folders, *keys], n=3, cutoff=0.6):
        return f"similar are {', '.join(near)}"
    return f"there are {', '.join(dict.fromkeys(key.split('.')[0] + '.*' for key in keys))}"


def _likely_cause(model: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    if cause := cause_in_the_keys(weights):
        return cause
    inverse_dynamics = [any("conv3d_layer" in key for key in keys) for keys in (weights, model)]
    if inverse_dynamics == [True, False]:
        return "these are the weights of an inverse dynamics model, not of a policy"
    if inverse_dynamics == [False, True]:
        return "these are the weights of a policy, not of an inverse dynamics model"
    in_file, in_model = architecture_of(weights), architecture_of(model)
    goals_in_file, goals_in_model = in_file.pop("goal size", None), in_model.pop("goal size", None)
    if in_file != in_model:
        file_name, model_name = named_like(in_file), named_like(in_model)
        if file_name and model_name:
            return f"these are {file_name} weights, the model is {model_name}"
        return f"the file has {_differences(in_file, in_model)}; the model has {_differences(in_model, in_file)}"
    if goals_in_model not in (goals_in_file, None):
        if goals_in_file is None:
            return (
                f'the model acts on goals, and the file has no layer for them; exclude="{GOAL_LAYER}*" loads the rest'
            )
        return f"the goals of these weights have {goals_in_file} values, those of the model {goals_in_model}"
    trunk = {key: value.shape for key, value in model.items() if key.startswith("net.")}
    if all(key in weights and weights[key].shape == shape for key, shape in trunk.items()):
        return 'the file has no action head, or one for another action space; exclude="pi_head.*" loads the rest'
    return "some keys are missing or have another shape (is the file incomplete?)"


def cause_in_the_keys(weights: Mapping[str, Tensor]) -> str:
    """Returns the likely reason why the keys are not those of a VPT network; empty if they are."""
    if _ANCHOR in weights:
        return ""
    for key in weights:
        if key.endswith(f".{_ANCHOR}"):
            prefix = printable_name(key.removesuffix(_ANCHOR))
            return f'every key has the prefix "{prefix}"; load them with strip_prefix="{prefix}"'
        if _ANCHOR.endswith(f".{key}"):
            prefix = _ANCHOR.removesuffix(key)
            return f'all keys lack the prefix "{prefix}"; save the state dict of the complete policy'
        if _COMPILED in key and key.replace(_COMPILED, "") == _ANCHOR:
            return (
                f'the keys contain "{_COMPILED}": a part of the policy was compiled when it was saved; '
                f"save the state dict of the policy that is not compiled"
            )
    return "the keys are not those of a VPT policy"


def architecture_of(shapes: Mapping[str, Tensor]) -> dict[str, Any]:
    """Infers the architecture from the shapes of weights; leaves out what the shapes do not determine."""

    def size(key: str, axis: int) -> int | None:
        return shapes[key].shape[axis] if key in shapes and axis < shapes[key].dim() else None

    attention = "net.recurrent_layer.blocks.0.r.orc_block"
    heads = size(f"{attention}.r_layer.weight", 0)
    blocks = {m[1] for key in shapes if (m := re.match(r"net\.recurrent_layer\.blocks\.(\d+)\.", key))}
    width, inner = size(_ANCHOR, 0), size("net.recurrent_layer.blocks.0.mlp0.layer.weight", 0)
    channels = tuple(size(f"net.img_process.cnn.stacks.{i}.n.weight", 0) for i in range(3))
    found = {
        "hidsize": width,
        "channels": None if None in channels else channels,
        "heads": None if heads is None else heads // N_BIAS_FUNCTIONS,
        "layers": len(blocks),
        "mlp ratio": None if not width or inner is None else inner // width,
        "context": size(f"{attention}.b_nd", 1),
        "image features": size("net.img_process.cnn.dense.layer.weight", 1),
        "temporal channels": size("net.conv3d_layer.layer.weight", 0),
        "goal size": size(f"{GOAL_LAYER}weight", 1),
    }
    return {name: value for name, value in found.items() if value is not None}


def named_like(architecture: Mapping[str, object]) -> str:
    """Returns the name of the architecture with these shapes (``"2x"``); empty if it has none."""
    return next((name for name, config in NAMED.items() if _shapes_of(config) == architecture), "")


def _shapes_of(config: VPTConfig) -> dict[str, object]:
    with torch.device("meta"):
        return architecture_of(VPTPolicy(config).state_dict())


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in one.items() if value != other.get(name))
