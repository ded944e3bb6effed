"""Loads and saves weights: published ``.weights`` files, and this package's own safetensors folders."""

from __future__ import annotations

import json
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.torch_version import TorchVersion

from vpt_gym.agents.config import NAMED, VPTConfig
from vpt_gym.agents.errors import (
    CheckpointMismatch,
    CorruptCheckpoint,
    UnsafeCheckpoint,
    WrongFile,
)
from vpt_gym.agents.memory import N_BIAS_FUNCTIONS
from vpt_gym.agents.policy import VPTPolicy

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"
FORMAT = "vpt-gym/1"
"""Written into ``config.json``; another number means another layout."""

IGNORED_PREFIXES = {"aux_value_head.": "auxiliary value head"}
"""Keys that a published file may carry beyond the model's, by prefix, with the name of the rule that ignores them.

The auxiliary value head served phasic policy gradient while the published RL checkpoints were trained, and
nothing else. They have 139 keys, of which the policy has 134.
"""

_LEGACY_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
"""The number in the first bytes of a file by ``torch.save`` before its zip format."""


@dataclass(frozen=True)
class LoadReport:
    """What became of every key when weights were loaded.

    Attributes:
        source: The file.
        loaded: Keys that are now in the model.
        missing: Keys of the model that the file lacks; they keep their fresh values.
        unexpected: Keys of the file that the model has no place for, and no rule ignores.
        mismatched: Keys in both whose shapes differ, with (shape in the file, shape in the model).
        ignored: Keys of the file that a rule leaves aside, with the name of the rule.
    """

    source: str
    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True if every key of the model was loaded, and every key of the file used or ignored by a rule."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        details = {
            "loaded": list(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "mismatched": [f"{k} {list(a)}, needs {list(b)}" for k, (a, b) in self.mismatched.items()],
            "ignored": [f"{k} (rule {rule})" for k, rule in self.ignored.items()],
        }
        lines = [f"{self.source}: {'ok' if self.ok else 'incomplete'}"]
        for name, keys in details.items():
            lines.append(f"  {name:<11}{len(keys):>4}{'' if name == 'loaded' else _examples(keys)}")
        return "\n".join(lines)


def _examples(keys: list[str], limit: int = 3) -> str:
    shown = ", ".join(keys[:limit])
    return f"  {shown}{', ...' if len(keys) > limit else ''}" if keys else ""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Reads the tensors of a ``.weights`` file (``torch.save``) or of a ``.safetensors`` file, on the CPU.

    Raises:
        UnsafeCheckpoint: The file would import or call something. Nothing in it has been executed.
        CorruptCheckpoint: It is truncated or damaged.
        WrongFile: It is not a file of tensors by name.
        RuntimeError: The installed PyTorch is older than 2.6.
        FileNotFoundError: There is no such file.
    """
    path = Path(path)
    if path.is_dir():
        raise WrongFile(f"{path} is a folder; VPTAgent.from_pretrained reads folders")
    with path.open("rb") as file:
        head = file.read(64)
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except safetensors.SafetensorError as error:
            raise CorruptCheckpoint(f"{path} is no readable safetensors file ({error}): truncated?") from error
    if head.startswith(b"PK"):
        _check_archive(path)
    elif _LEGACY_TORCH_MAGIC not in head:
        if head.startswith(b"\x80") or head[:1] in (b"(", b"c", b"}"):
            raise WrongFile(
                f"{path} is a pickle, but not one by torch.save. Is it the .model file? "
                "That comes first: from_pretrained(model_path, weights_path)"
            )
        raise CorruptCheckpoint(f"{path} is no weight file: it begins with {head[:8]!r}. Truncated or damaged?")
    content = _torch_load(path)
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        hint = ""
        if isinstance(content, Mapping):
            inner = [str(k) for k, v in content.items() if isinstance(v, Mapping)]
            hint = f"; it holds {', '.join(inner)}: save that alone" if inner else ""
        raise WrongFile(f"{path} is not a dictionary of tensors by name (a state dict){hint}")
    return {str(key): value for key, value in content.items()}


def load_weights(policy: VPTPolicy, path: str | Path) -> LoadReport:
    """Loads a file of weights into a policy, and says what became of every key.

    Keys that the model does not know, and a missing value head (behavioural cloning needs none), are
    reported and warned of. Everything else that does not fit is an error, and leaves the policy unchanged.

    Returns:
        The report.

    Raises:
        CheckpointMismatch: Keys of ``net.*`` or ``pi_head.*`` are missing, or a shape or type differs. The
            message says the likely cause.
        CheckpointError: The file cannot be used at all (see :func:`read_weights`).
    """
    return _assign(policy, read_weights(path), str(path))


def save_folder(policy: VPTPolicy, folder: str | Path) -> None:
    """Writes a policy as ``config.json`` and ``model.safetensors``; each file appears whole or not at all.

    Raises:
        ValueError: The policy's parameters are not float32.
    """
    state = {key: value.detach().cpu().contiguous() for key, value in policy.state_dict().items()}
    if other := {str(value.dtype) for value in state.values()} - {"torch.float32"}:
        raise ValueError(f"the policy's parameters are {', '.join(other)}; files hold float32: save policy.float()")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    description = {"format": FORMAT, "config": json.loads(policy.config.to_json())}
    for name in (WEIGHTS_NAME, CONFIG_NAME):
        temporary = folder / f".{name}.partial"
        if name == WEIGHTS_NAME:
            save_file(state, temporary)
        else:
            temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, folder / name)


def load_folder(folder: str | Path) -> tuple[VPTPolicy, LoadReport]:
    """Makes the policy that :func:`save_folder` wrote.

    Raises:
        CheckpointError: A file is missing, damaged, or of another format.
    """
    folder = Path(folder)
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        if not (folder / name).is_file():
            raise WrongFile(f"{folder} has no {name}: it is not a folder written by save_pretrained")
    try:
        description = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorruptCheckpoint(f"{folder / CONFIG_NAME} is no readable JSON: {error}") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise WrongFile(f'{folder / CONFIG_NAME} is not of the format "{FORMAT}"')
    try:
        config = VPTConfig.from_json(json.dumps(description.get("config")))
    except (ValueError, TypeError) as error:
        raise CorruptCheckpoint(f"{folder / CONFIG_NAME} holds no usable config: {error}") from error
    policy = VPTPolicy(config)
    return policy, load_weights(policy, folder / WEIGHTS_NAME)


def _check_archive(path: Path) -> None:
    """Verifies the checksums of a zip archive, which PyTorch's reader does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise CorruptCheckpoint(
            f"{path} is no readable archive ({error}): truncated or damaged. Download it again and compare its size"
        ) from error
    if damaged is not None:
        raise CorruptCheckpoint(
            f"{path} is damaged: the checksum of {damaged} is wrong. Download it again (or save it again, if it was "
            "saved under torch.serialization.set_crc32_options(False))"
        )


def require_safe_torch(version: str = torch.__version__) -> None:
    """Raises RuntimeError where ``weights_only=True`` can be escaped (PyTorch before 2.6, CVE-2025-32434)."""
    if TorchVersion(version) < "2.6":
        raise RuntimeError(
            f"PyTorch {version} can be made to execute code by a weight file even with weights_only=True "
            "(CVE-2025-32434): install torch>=2.6"
        )


def _torch_load(path: Path) -> Any:
    require_safe_torch()
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+\.\w+)(?![\w.])", str(error))
        if found is None:
            raise CorruptCheckpoint(f"{path}: its index of tensors is damaged ({error})") from error
        raise UnsafeCheckpoint(
            f"{path} asks for the global '{found[1]}', which no file of tensors needs. "
            "Nothing was executed; do not load it with weights_only=False"
        ) from error
    except Exception as error:  # a damaged file can fail in any way that a pickle or an archive can
        raise CorruptCheckpoint(f"{path} cannot be read ({type(error).__name__}: {error})") from error


def _assign(policy: VPTPolicy, weights: dict[str, Tensor], source: str) -> LoadReport:
    model = policy.state_dict()
    report = _compare(model, weights, source)
    fatal = [key for key in report.missing if key.startswith(("net.", "pi_head."))]
    if fatal or report.mismatched:
        cause = _likely_cause(policy.config, model, weights)
        raise CheckpointMismatch(f"{source} does not fit the model: {cause}\n{report}")
    for key in report.loaded:
        if weights[key].dtype != torch.float32:
            raise CheckpointMismatch(
                f"{source}: {key} is {weights[key].dtype}, weights are torch.float32; convert them with .float()"
            )
    if bad := [key for key in report.loaded if not weights[key].isfinite().all()]:
        raise CorruptCheckpoint(
            f"{source} holds NaN or infinity in {len(bad)} tensor(s){_examples(bad)}: "
            "the training run that saved it had diverged, or the file is damaged"
        )
    if not report.ok:
        warnings.warn(f"not every weight has found its place\n{report}", stacklevel=4)
    policy.load_state_dict({key: weights[key] for key in report.loaded}, strict=False)
    return report


def _compare(model: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str) -> LoadReport:
    mismatched = {
        key: (tuple(weights[key].shape), tuple(value.shape))
        for key, value in model.items()
        if key in weights and weights[key].shape != value.shape
    }
    extra = [key for key in weights if key not in model]
    ignored = {key: rule for key in extra for prefix, rule in IGNORED_PREFIXES.items() if key.startswith(prefix)}
    return LoadReport(
        source=source,
        loaded=tuple(key for key in model if key in weights and key not in mismatched),
        missing=tuple(key for key in model if key not in weights),
        unexpected=tuple(key for key in extra if key not in ignored),
        mismatched=mismatched,
        ignored=ignored,
    )


def _likely_cause(config: VPTConfig, model: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    if any("conv3d_layer" in key for key in weights):
        return "these are the weights of an inverse dynamics model, not of a policy"
    anchor = "net.img_process.linear.layer.weight"
    if anchor not in weights:
        for key in weights:
            if key.endswith(f".{anchor}"):
                return f'every key carries the prefix "{key.removesuffix(anchor)}"; save the policy\'s own state dict'
            if anchor.endswith(f".{key}"):
                return f'all keys lack the prefix "{anchor.removesuffix(key)}"; save the whole policy\'s state dict'
        return "the keys are not those of a VPT policy"
    there, here = _architecture(weights), _architecture(model)
    if there != here:
        names = [name for name, known in NAMED.items() if _has_shapes(known, there)]
        own = [name for name, known in NAMED.items() if known == config]
        if names and own:
            return f"these are {names[0]} weights, the model is {own[0]}"
        return f"the file has {_differences(there, here)}; the model has {_differences(here, there)}"
    return "some keys are missing or have another shape (a file that was cut down?)"


def _architecture(shapes: Mapping[str, Tensor]) -> dict[str, object]:
    """Reads the architecture off the shapes of weights; what cannot be read is left out."""

    def size(key: str, axis: int) -> int | None:
        return shapes[key].shape[axis] if key in shapes and axis < shapes[key].dim() else None

    attention = "net.recurrent_layer.blocks.0.r.orc_block"
    heads = size(f"{attention}.r_layer.weight", 0)
    blocks = {int(m[1]) for key in shapes if (m := re.match(r"net\.recurrent_layer\.blocks\.(\d+)\.", key))}
    found: dict[str, object] = {
        "hidsize": size("net.img_process.linear.layer.weight", 0),
        "channels": tuple(size(f"net.img_process.cnn.stacks.{i}.n.weight", 0) for i in range(3)),
        "heads": None if heads is None else heads // N_BIAS_FUNCTIONS,
        "layers": len(blocks),
        "context": size(f"{attention}.b_nd", 1),
        "image features": size("net.img_process.cnn.dense.layer.weight", 1),
    }
    return {name: value for name, value in found.items() if value is not None}


def _has_shapes(config: VPTConfig, architecture: Mapping[str, object]) -> bool:
    with torch.device("meta"):
        return _architecture(VPTPolicy(config).state_dict()) == architecture


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in one.items() if value != other.get(name))
