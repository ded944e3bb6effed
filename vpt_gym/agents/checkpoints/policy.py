"""Loads and saves weights: published ``.weights`` files, and this package's own safetensors folders."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from vpt_gym.agents.checkpoints.errors import CheckpointMismatch, CorruptCheckpoint, WrongFile
from vpt_gym.agents.checkpoints.finite import not_finite
from vpt_gym.agents.checkpoints.load_report import LoadReport, architecture_of, compare, examples, strip
from vpt_gym.agents.checkpoints.model_file import read_policy_config
from vpt_gym.agents.checkpoints.saved_folder import StoredAs, open_folder, write_folder
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.agents.policy.architecture import MOST
from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.heads import ValueHead
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.system.printable import printable_name

PUBLISHED_PREFIX = "module.policy."
"""A prefix that the keys of published weights may have; STEVE-1's loader removes it."""

FORMAT = "vpt-gym/1"
"""The format in ``config.json``; another number is another layout."""


def load_weights(
    module: nn.Module,
    path: str | Path,
    *,
    include: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    strip_prefix: str = "",
) -> LoadReport:
    """Loads a file of weights into a policy or inverse dynamics model, and reports on each key.

    Keys that the model does not have, a missing value head (behavioural cloning needs none) and values of another
    floating-point type, which are converted, are reported and cause a warning. Anything else that does not fit is an
    error and leaves the model unchanged.

    Args:
        module: The model; parameters on the device ``meta`` are replaced, others are filled in place.
        path: A ``.weights`` or ``.safetensors`` file.
        include: Patterns of the keys to load, as for :mod:`fnmatch`: ``"net.*"`` loads the trunk without the heads.
            Empty means all.
        exclude: Patterns of keys to leave out of these.
        strip_prefix: A prefix, such as ``"module."``, to remove from the keys of the file that have it.

    Returns:
        The report.

    Raises:
        CheckpointMismatch: Chosen keys of ``net.*`` or ``pi_head.*`` are missing, or a shape differs, or a tensor does
            not hold floating-point numbers. The message has the likely cause, ``report`` the details.
        CorruptCheckpoint: The file is damaged, or values are not finite.
        CheckpointError: The file cannot be used (see ``weights_file.read_weights``).
        ValueError: A pattern or ``strip_prefix`` matches no key, or nothing is left to load.
    """
    source = str(path)
    weights = read_weights(path)
    if strip_prefix:
        weights = strip(weights, strip_prefix, source)
    report = compare(module.state_dict(), weights, source, include=include, exclude=exclude, stripped=strip_prefix)
    _load(module, weights, report)
    return report


def check_weights(weights: Mapping[str, Tensor], report: LoadReport) -> None:
    """Raises an error if weights cannot be loaded as reported.

    Raises:
        CheckpointMismatch: The weights are of another model, or are not floating-point numbers.
        CorruptCheckpoint: Values are not finite.
    """
    if not report.fits:
        raise CheckpointMismatch(f"{report.source} does not fit the model: {report.cause}\n{report}", report)
    for key, dtype in report.converted.items():
        if not weights[key].dtype.is_floating_point:
            raise CheckpointMismatch(f"{report.source}: {key} is {dtype}, weights are torch.float32", report)
    for key in report.loaded:  # before anything of that size is made
        if weights[key].numel() * weights[key].element_size() > weights[key].untyped_storage().nbytes():
            raise CorruptCheckpoint(
                f"{report.source}: {key} has {weights[key].numel():,} values, and the file holds fewer: is it damaged?"
            )
    if bad := not_finite((key, weights[key].float()) for key in report.loaded):
        raise CorruptCheckpoint(
            f"{report.source} holds NaN or infinity in {len(bad)} tensor(s){examples(bad)}: "
            "the training run that saved it had diverged, or the file is damaged"
        )


def load_pair(model_path: str | Path, weights_path: str | Path) -> tuple[VPTPolicy, LoadReport]:
    """Makes a policy from a ``.model`` file and its weights, which may be those of STEVE-1.

    Raises:
        CheckpointError: A file is unsafe, damaged, of another kind or of another model.
        ValueError: The ``.model`` file does not describe a policy.
    """
    config, source = read_policy_config(model_path), str(weights_path)
    weights, prefix = unwrapped(read_weights(weights_path), source)
    return _loaded(with_goals_of(config, weights), weights, source, stripped=prefix)


def save_folder(policy: VPTPolicy, folder: str | Path, stored_as: StoredAs = "fp32") -> None:
    """Writes a policy as ``config.json`` and ``model.safetensors``: both or, if this fails, neither.

    Raises:
        ValueError: The policy's parameters are not float32 or not finite, or there is no such number type.
        OSError: The files cannot be written.
    """
    write_folder(folder, policy, policy.config.to_json(), kind=FORMAT, stored_as=stored_as)


def load_folder(folder: str | Path) -> tuple[VPTPolicy, LoadReport]:
    """Makes a policy from a folder that :func:`save_folder` wrote.

    Raises:
        CheckpointError: A file is missing, damaged, or of another format.
    """
    with open_folder(folder) as saved:
        config, path = saved.config(VPTConfig, FORMAT), saved.weights_path
        return _loaded(config, read_weights(path), str(path))


def unwrapped(weights: dict[str, Tensor], source: str) -> tuple[dict[str, Tensor], str]:
    """Removes the prefix that published weights may have.

    Args:
        weights: The weights.
        source: Their name in an error.

    Returns:
        The weights, and the prefix that was removed; empty if none.

    Raises:
        WrongFile: A key is there with the prefix and without.
    """
    if not any(key.startswith(f"{PUBLISHED_PREFIX}net.") for key in weights):
        return weights, ""
    try:
        return strip(weights, PUBLISHED_PREFIX, source), PUBLISHED_PREFIX
    except ValueError as error:  # which would be a mistake of the caller if the prefix were
        raise WrongFile(str(error)) from error


def with_goals_of(config: VPTConfig, weights: Mapping[str, Tensor]) -> VPTConfig:
    """Returns a config with the size of goals that weights have, if it has none itself.

    STEVE-1 is published with VPT's description of 2x, which knows nothing of goals.
    """
    size = architecture_of(weights).get("goal size", 0)
    return replace(config, goal_size=size) if config.goal_size is None and 0 < size <= MOST["goal_size"] else config


def _loaded(
    config: VPTConfig, weights: Mapping[str, Tensor], source: str, *, stripped: str = ""
) -> tuple[VPTPolicy, LoadReport]:
    # On the device meta no time is spent on initial values. Only the value head may be missing in a file.
    with torch.device("meta"):
        policy = VPTPolicy(config)
    policy.value_head = ValueHead(config.hidsize)
    report = compare(policy.state_dict(), weights, source, stripped=stripped)
    _load(policy, weights, report)
    tensors = itertools.chain(policy.named_parameters(), policy.named_buffers())
    if empty := [name for name, tensor in tensors if tensor.is_meta]:
        raise RuntimeError(f"these parameters got no weights: {', '.join(empty)}")
    return policy, report


def _load(module: nn.Module, weights: Mapping[str, Tensor], report: LoadReport) -> None:
    """Loads weights as reported; warns the caller of the function that calls it of what is not as it was published."""
    check_weights(weights, report)
    if not report.ok:
        warnings.warn(f"some keys were not loaded\n{report}", stacklevel=4)
    if report.converted:
        types = ", ".join(dict.fromkeys(report.converted.values()))
        warnings.warn(
            f"{printable_name(report.source)} holds {types} in {len(report.converted)} tensor(s); they were converted",
            stacklevel=4,
        )
    _fill(module, {key: weights[key] for key in report.loaded})


def _fill(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    state = module.state_dict()
    empty = {key: state[key].dtype for key in weights if state[key].is_meta}
    taken: set[int] = set()
    owned = {key: _owned(weights[key], dtype, taken) for key, dtype in empty.items()}
    module.load_state_dict(owned, strict=False, assign=True)
    module.load_state_dict({key: value for key, value in weights.items() if key not in empty}, strict=False)


def _owned(tensor: Tensor, dtype: torch.dtype, taken: set[int]) -> Tensor:
    """Returns a tensor that can become a parameter: of the right type, in memory that it does not share."""
    tensor = tensor.to(dtype)
    storage = tensor.untyped_storage()
    shared = storage.data_ptr() in taken or storage.nbytes() != tensor.numel() * tensor.element_size()
    taken.add(storage.data_ptr())
    return tensor.clone(memory_format=torch.contiguous_format) if shared or not tensor.is_contiguous() else tensor
