"""Describes a checkpoint: its architecture, and whether it loads or why not; executes nothing in it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from vpt_gym.agents.checkpoints.errors import CheckpointError, WrongFile
from vpt_gym.agents.checkpoints.load_report import LoadReport, architecture_of, cause_in_the_keys, compare
from vpt_gym.agents.checkpoints.model_file import read_model_file
from vpt_gym.agents.checkpoints.policy import FORMAT, check_weights, unwrapped, with_goals_of
from vpt_gym.agents.checkpoints.saved_folder import open_folder
from vpt_gym.agents.checkpoints.sources.bundled import find_bundled
from vpt_gym.agents.checkpoints.sources.download import cache_folder
from vpt_gym.agents.checkpoints.sources.published import find_published, suggestion
from vpt_gym.agents.checkpoints.weights_file import is_tensor_file, read_weights
from vpt_gym.agents.goals.prior import GoalPrior
from vpt_gym.agents.idm import checkpoint as idm_checkpoint
from vpt_gym.agents.idm import config as inverse
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.agents.policy import config as policies
from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import count_parameters
from vpt_gym.system.user_path import is_there, user_path

Config = VPTConfig | IDMConfig


@dataclass
class Description:
    """The properties of a checkpoint, or of one of its files.

    Attributes:
        source: The file, folder or name.
        holds: ``"description"`` (a ``.model`` file), ``"weights"`` or ``"both"`` (a folder).
        kind: ``"policy"``, ``"inverse dynamics model"``, ``"prior of goals"`` (of STEVE-1) or what a recogniser says;
            like everything below, empty if unknown.
        architecture: ``"1x"`` and so on; empty if it has no name.
        config: The architecture in numbers.
        heads: The choices of the action head.
        temperature: Divides the logits of the action head; weights alone do not determine it.
        parameters: Number of parameters of each part, and ``"total"``: of the network for a description, in the file
            for weights.
        compared_with: The description that weights were compared with.
        report: For each key, whether it would be loaded.
        loaded_by: What loads it, if that is not an agent; empty otherwise.
        problem: Why it cannot be loaded; empty if it can.
    """

    source: str
    holds: str = ""
    kind: str = ""
    architecture: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    heads: str = ""
    temperature: float | None = None
    parameters: dict[str, int] = field(default_factory=dict)
    compared_with: str = ""
    report: LoadReport | None = None
    loaded_by: str = ""
    problem: str = ""

    @property
    def ok(self) -> bool:
        """True if it can be loaded."""
        return not self.problem

    def to_dict(self) -> dict[str, Any]:
        """Returns all attributes and ``"ok"`` as values for JSON."""
        return {"ok": self.ok, **asdict(self)}


Recogniser: TypeAlias = Callable[[Mapping[str, Tensor], str], Description | None]
"""Describes the tensors of a file, given its name too, or returns None: they are of another kind of model."""


def describe(sources: str | Path | Iterable[str | Path], *, others: Iterable[Recogniser] = ()) -> list[Description]:
    """Describes files, folders and published names.

    Weights are compared with the last ``.model`` file before them in the list; otherwise with the published one next to
    them, under its own name; otherwise with the architecture that their shapes imply.

    Args:
        sources: Paths of ``.model``, ``.weights`` and ``.safetensors`` files and of folders of saved models; or names
            of published checkpoints that are in the cache. One may be given alone.
        others: What to ask about weights that are of no agent.

    Returns:
        One description for each file or folder, two for each name.
    """
    recognisers = tuple(others)  # all of them are asked about each source
    described: list[Description] = []
    model: tuple[str, Config] | None = None
    for source in _expanded([sources] if isinstance(sources, str | Path) else sources):
        if isinstance(source, Description):
            described.append(source)
            continue
        description = Description(str(source))
        described.append(description)
        try:
            if source.is_dir():
                _describe_folder(description, source)
            elif source.suffix == ".model" or not (
                source.suffix in (".weights", ".safetensors") or is_tensor_file(source)
            ):
                model = (str(source), _describe_model(description, source))
            else:
                _describe_weights(description, source, model)
        except (CheckpointError, ValueError, OSError, RuntimeError) as error:
            description.problem = str(error).partition("\n")[0]  # the rest is the report
            if description.holds == "weights" and (other := _of_no_agent(description.source, recognisers)) is not None:
                described[-1] = other
    return described


def _of_no_agent(source: str, others: Sequence[Recogniser]) -> Description | None:
    """Describes weights that are of no agent, or returns None."""
    try:
        weights = read_weights(source, inside="state_dict")
    except (CheckpointError, OSError, RuntimeError):
        return None
    try:
        return next(filter(None, (recognise(weights, source) for recognise in (_prior, *others))), None)
    except ValueError:  # keys with a prefix and without
        return None


def _prior(weights: Mapping[str, Tensor], source: str) -> Description | None:
    """Describes weights of a prior of goals."""
    if not {"encoder.0.weight", "decoder.0.weight"} <= set(weights):
        return None
    description = Description(source, holds="weights", kind="prior of goals", loaded_by="GoalPrior.from_pretrained")
    _count(description, weights)
    try:
        prior = GoalPrior.from_weights(weights, source)
    except CheckpointError as error:
        description.problem = str(error).partition("\n")[0]
    else:
        description.config = {"size": prior.size, "latent": prior.latent_size}
        description.report = prior.report
    return description


def _expanded(sources: Iterable[str | Path]) -> Iterable[Path | Description]:
    for source in sources:
        path = user_path(source)
        if not str(source).strip():
            yield Description(str(source), problem="the source is empty: name a file, a folder or a checkpoint")
        elif is_there(path):
            yield path
        elif (bundled := find_bundled(str(source))) is not None:
            yield bundled
        elif (published := find_published(str(source))) is None:
            yield Description(
                str(source), problem=f"there is no such file or folder; as a name: {suggestion(str(source))}"
            )
        else:
            files = [cache_folder() / file.name for file in (published.model, published.weights)]
            if all(map(os.path.isfile, files)):
                yield from files
            else:
                problem = f"not in {cache_folder()}: vpt-gym download {published.name}"
                yield Description(str(source), problem=problem)


def _describe_model(description: Description, path: Path) -> Config:
    description.holds = "description"
    content = read_model_file(path)
    cls = VPTConfig if content["policy"].get("conv3d_params") is None else IDMConfig
    config = cls.from_published(content["policy"], content["pi_head"])
    _describe_config(description, config)
    description.temperature = config.pi_head_temperature
    counted = count_parameters(_network(config))
    description.parameters = {**{name: total for name, (total, _) in counted.parts.items()}, "total": counted.total}
    return config


def _describe_weights(description: Description, path: Path, model: tuple[str, Config] | None) -> None:
    description.holds = "weights"
    as_stored = read_weights(path)
    weights, _ = unwrapped(as_stored, description.source)
    _count(description, weights)
    if model is not None:
        description.compared_with, config = model
    elif (published := find_published(path.name)) is not None and (
        model_path := path.with_name(published.model.name)
    ).exists():
        description.compared_with, config = str(model_path), _describe_model(Description(str(model_path)), model_path)
        description.temperature = config.pi_head_temperature
    else:
        guess = config_by_shapes(weights)
        if guess is None:
            if cause_in_the_keys(weights):
                _judge(description, weights, policies.NAMED["1x"])  # any published policy has these keys
            raise CheckpointError("the architecture of these weights cannot be inferred from the keys")
        config = guess
        description.compared_with = "the architecture that the shapes imply; the temperature is in the .model file"
    if isinstance(config, VPTConfig):
        config = with_goals_of(config, weights)
    else:
        weights = as_stored  # no prefix is removed when an inverse dynamics model is loaded
    _describe_config(description, config)
    _judge(description, weights, config)


def _describe_folder(description: Description, path: Path) -> None:
    description.holds = "both"
    config: Config
    with open_folder(path) as saved:
        try:
            config = saved.config(VPTConfig, FORMAT)
        except WrongFile as error:
            try:
                config = saved.config(IDMConfig, idm_checkpoint.FORMAT)
            except WrongFile:
                raise error from None
        _describe_config(description, config)
        description.temperature = config.pi_head_temperature
        weights = read_weights(saved.weights_path)
    _count(description, weights)
    description.compared_with = "config.json"
    _judge(description, weights, config)


def _describe_config(description: Description, config: Config) -> None:
    description.config = asdict(config)
    description.config.pop("pi_head_temperature")
    if isinstance(config, VPTConfig):
        description.kind = "policy"
        sizes = config.action_sizes
        description.heads = (
            "buttons 8641, camera 121" if sizes is None else f"choices among {', '.join(map(str, sizes))}"
        )
    else:
        description.kind = "inverse dynamics model"
        description.heads = "buttons 20 of 2, camera 2 of 11"
    description.architecture = _name(config)


def _judge(description: Description, weights: Mapping[str, Tensor], config: Config) -> None:
    description.report = compare(_network(config).state_dict(), weights, description.source)
    check_weights(weights, description.report)


def _count(description: Description, weights: Mapping[str, Tensor]) -> None:
    for key, value in weights.items():
        part = key.split(".")[0]
        description.parameters[part] = description.parameters.get(part, 0) + value.numel()
    description.parameters["total"] = sum(description.parameters.values())


def _network(config: Config) -> nn.Module:
    with torch.device("meta"):
        return VPTPolicy(config) if isinstance(config, VPTConfig) else InverseDynamicsModel(config)


def _name(config: Config) -> str:
    """Returns the name of an architecture; settings that do not change the shapes are ignored."""
    named: Mapping[str, Config] = policies.NAMED if isinstance(config, VPTConfig) else inverse.NAMED
    shapes = architecture_of(_network(config).state_dict())
    shapes.pop("goal size", None)
    return next((name for name, known in named.items() if architecture_of(_network(known).state_dict()) == shapes), "")


def config_by_shapes(weights: Mapping[str, Tensor]) -> Config | None:
    """Infers the architecture of weights; settings that shapes do not determine are as in the published models.

    Returns None if the keys do not determine it.
    """
    found = architecture_of(weights)
    if not {"hidsize", "channels", "heads", "layers", "context", "image features", "mlp ratio"} <= set(found):
        return None
    channels = found["channels"]
    features = found["image features"] // max(1, channels[2])
    values: dict[str, Any] = {
        "hidsize": found["hidsize"],
        "attention_heads": found["heads"],
        "impala_width": 1,
        "impala_chans": channels,
        "n_recurrence_layers": found["layers"],
        "pointwise_ratio": found["mlp ratio"],
        # the three stacks halve the frame three times
        "stem_pool": FRAME_SIZE // 8 // max(1, math.isqrt(features)),
    }
    config: Config
    try:
        if "temporal channels" in found:
            config = IDMConfig(**values, conv3d_channels=found["temporal channels"])
        else:
            context = found["context"]
            config = VPTConfig(**values, timesteps=context, attention_memory_size=2 * context)
    except ValueError:
        return None
    named: Mapping[str, Config] = policies.NAMED if isinstance(config, VPTConfig) else inverse.NAMED
    return named.get(_name(config), config)
