"""Writes one step of a policy as an ONNX file, which plays without PyTorch."""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vpt_gym._version import __version__
from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.codec import GROUPS, INVENTORY_CODE, N_BUTTONS, N_CAMERA
from vpt_gym.agents.policy.config import FRAME_SIZE, VPTConfig
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.system.durable import sync
from vpt_gym.system.file_lock import folder_lock
from vpt_gym.system.output_file import check_output_file
from vpt_gym.system.require import require
from vpt_gym.system.temporary import TemporaryDirectory
from vpt_gym.system.user_path import user_path

FORMAT = "vpt-gym-onnx/1"

METADATA = "vpt_gym"
"""Key of the metadata in the file; the value is JSON."""

TOLERANCE = 1e-3
"""Largest difference of a probability between ONNX Runtime and PyTorch; with float32 in both it is below 1e-5."""

_MEMORY = ("keys", "values", "valid")
_CHECKED_TICKS, _CHECKED_STREAMS = 8, 3
_EXTRA = {"extra": "onnx", "purpose": "exporting to ONNX"}


@dataclass(frozen=True)
class OnnxExport:
    """An exported policy.

    Attributes:
        files: The ``.onnx`` file; and for weights of more than 1.5 GB, which do not fit into one,
            ``NAME.<12 hexadecimal digits>.onnx.data`` beside it.
        difference: Largest difference of a probability between ONNX Runtime and PyTorch in the check.
    """

    files: tuple[Path, ...]
    difference: float


def require_onnx() -> None:
    """Imports what exporting needs besides PyTorch.

    Raises:
        DependencyNotInstalled: A package is missing; the message has the ``pip install`` line.
    """
    for package in ("onnx", "onnxruntime", "onnxscript"):
        require(package, **_EXTRA)


def export_onnx(policy: VPTPolicy, path: str | os.PathLike[str], *, source: str = "") -> OnnxExport:
    """Writes one step of a policy to an ONNX file, in float32, and checks the file against the policy.

    The step maps a frame of each of N environments and their memory to the policy's outputs and the next memory. N is
    free. Inputs:

    - ``frame``: uint8 (N, 128, 128, 3), RGB, as :class:`vpt_gym.wrappers.VPTObsWrapper` makes it;
    - ``first``: bool (N,), True where the frame is the first of an episode: what the memory holds is then not seen;
    - ``keys``, ``values``: float32 (N, L, M - 1, D), and ``valid``: bool (N, M - 1), the memory (:class:`Memory`);
      zeros at first;
    - ``goal``: float32 (N, G), only for a policy that acts on goals; zeros are no goal.

    Outputs:

    - ``buttons`` (N, 8641) and ``camera`` (N, 121), the log-probabilities of VPT codes; for a policy with another
      action space ``choice_0``, ``choice_1``, ..., one for each entry of an action;
    - ``value``: float32 (N,), the expected return;
    - ``next_keys``, ``next_values``, ``next_valid``: the memory for the next frame.

    The file's metadata has, under ``"vpt_gym"``, a JSON object with all that a player needs: the format, the config,
    the frame, the memory, and how a code becomes keys and a camera movement.

    The check plays a few ticks in ONNX Runtime and in PyTorch, with the memory carried and an episode that begins
    within them. The file is at its place only when it has passed. A file of that name is replaced. Weights in a
    second file have a new name each time, which is in the ``.onnx`` file: a kill at any moment leaves the old export or
    the new one.

    Args:
        policy: The policy; it is not changed.
        path: The file to write, ``NAME.onnx``.
        source: What the policy was loaded from, for the metadata.

    Raises:
        DependencyNotInstalled: onnx, onnxruntime or onnxscript is not installed.
        OSError: The file cannot be written.
        RuntimeError: ONNX Runtime's output differs from the policy's.
        ValueError: The path does not end in ``.onnx``, or the parameters are not float32.
    """
    path = user_path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"{path} must end in .onnx")
    check_output_file(path)
    if other := {str(weight.dtype) for weight in policy.parameters()} - {"torch.float32"}:
        raise ValueError(f"the parameters are {', '.join(sorted(other))}; export policy.float()")
    require_onnx()
    if policy.device.type != "cpu":
        policy = deepcopy(policy).cpu()
    inputs = _inputs(policy, batch_size=2)
    with torch.no_grad(), _quiet():
        # Given a module, torch.onnx.export would try several ways, of which some fix the number of environments.
        batch = torch.export.Dim("batch")
        step = torch.export.export(
            _Step(policy), tuple(inputs.values()), dynamic_shapes=tuple({0: batch} for _ in inputs), strict=False
        )
        program = torch.onnx.export(
            step,
            dynamo=True,
            input_names=list(inputs),
            output_names=[*_heads(policy.config), "value", *(f"next_{name}" for name in _MEMORY)],
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props[METADATA] = json.dumps(_metadata(policy.config, source))
    with TemporaryDirectory(f".{path.name}.", parent=path.parent) as folder:
        graph = folder / f"{path.stem}.{uuid.uuid4().hex[:12]}.onnx"
        program.save(graph)
        difference = _check(policy, graph)
        return OnnxExport(put_in_place(graph, path), difference)


def put_in_place(graph: Path, path: Path) -> tuple[Path, ...]:
    """Moves an export to its place, and removes the weights of the one that it replaces.

    The weights, if they are apart, come first: until the graph is replaced, the old one has its own weights.

    Args:
        graph: The ``.onnx`` file in its temporary folder, ``NAME.<12 hexadecimal digits>.onnx``; weights apart are in
            the file of that name with ``.data`` added.
        path: Its place, ``NAME.onnx``.

    Returns:
        The files at their places, the graph first.
    """
    weights = graph.with_name(f"{graph.name}.data")
    files = [path]
    for file in (weights, graph):
        if file.exists():
            sync(file)
    # Without the lock, another export to this place would remove these weights before their graph is there.
    with folder_lock(path.parent):
        if weights.exists():
            os.replace(weights, path.parent / weights.name)
            files.append(path.parent / weights.name)
        os.replace(graph, path)
        ours = re.compile(rf"{re.escape(path.stem)}\.[0-9a-f]{{12}}\.onnx\.data")
        for file in path.parent.iterdir():
            if ours.fullmatch(file.name) and file not in files:
                file.unlink(missing_ok=True)
    return tuple(files)


class _Step(nn.Module):
    """One frame of each stream, with plain tensors as inputs and outputs."""

    def __init__(self, policy: VPTPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self, frame: Tensor, first: Tensor, keys: Tensor, values: Tensor, valid: Tensor, goal: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Returns the log-probabilities of each head, the expected return and the next memory."""
        policy, images = self.policy, self.policy.net.img_process
        # ONNX Runtime adds no 16-bit integers, with which the image network pools. Sums of bytes are exact in float32.
        size, pool = FRAME_SIZE // images.pool, images.pool
        sums = frame.float().reshape(-1, size, pool, size, pool, 3).sum((2, 4)) if pool > 1 else frame.float()
        features = images.linear(images.cnn((sums / (255 * pool * pool)).permute(0, 3, 1, 2)))
        out = policy(features[:, None], first[:, None], Memory(keys, values, valid), goal)
        heads, value = out.pi.at_time(0).log_probs, policy.value_head.denormalise(out.value[:, 0])
        return *heads, value, out.memory.keys, out.memory.values, out.memory.valid


def _inputs(policy: VPTPolicy, batch_size: int) -> dict[str, Tensor]:
    """Returns inputs of the step by name: black frames that begin episodes, and an empty memory."""
    memory = policy.initial_memory(batch_size)
    inputs = {
        "frame": torch.zeros(batch_size, FRAME_SIZE, FRAME_SIZE, 3, dtype=torch.uint8),
        "first": torch.ones(batch_size, dtype=torch.bool),
        **{name: getattr(memory, name) for name in _MEMORY},
    }
    if policy.config.goal_size is not None:
        inputs["goal"] = torch.zeros(batch_size, policy.config.goal_size)
    return inputs


def _heads(config: VPTConfig) -> list[str]:
    """Returns the names of the outputs that are log-probabilities."""
    return (
        ["buttons", "camera"]
        if config.action_sizes is None
        else [f"choice_{k}" for k in range(len(config.action_sizes))]
    )


def _metadata(config: VPTConfig, source: str) -> dict[str, Any]:
    action: dict[str, Any] = {
        "outputs": _heads(config),
        "sizes": [N_BUTTONS, N_CAMERA] if config.action_sizes is None else list(config.action_sizes),
        "meaning": "log-probabilities of the alternatives; draw one of each output",
    }
    if config.action_sizes is None:
        action["buttons"] = {
            "groups": [list(group) for group in GROUPS],
            "inventory": INVENTORY_CODE,
            "meaning": "a mixed-radix number with one digit for each group, the last group fastest: digit 0 is none of "
            "its keys, digit k the k-th; the number in 'inventory' is that key alone",
        }
        action["camera"] = {
            "degrees": BIN_DEGREES.tolist(),
            "meaning": "degrees[n // 11] is the change of pitch (down is positive), degrees[n % 11] of yaw (right is "
            "positive); the camera moves only if the group 'camera' of the buttons is 1, or with the inventory key",
        }
    return {
        "format": FORMAT,
        "vpt_gym": __version__,
        "source": source,
        "config": asdict(config),
        "frame": {
            "shape": [FRAME_SIZE, FRAME_SIZE, 3],
            "type": "uint8",
            "channels": "RGB",
            "from": "16:9, scaled to a square without antialiasing (OpenCV's INTER_LINEAR)",
            "per_second": 20,
        },
        "memory": {"next": {name: f"next_{name}" for name in _MEMORY}, "initial": "zeros"},
        "goal": None if config.goal_size is None else {"size": config.goal_size, "none": "zeros"},
        "action": action,
    }


@torch.no_grad()
def _check(policy: VPTPolicy, path: Path) -> float:
    """Plays a few ticks in ONNX Runtime and in PyTorch; returns the largest difference of a probability."""
    runtime = require("onnxruntime", **_EXTRA)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names, rng, heads = (
        [output.name for output in session.get_outputs()],
        np.random.default_rng(0),
        _heads(policy.config),
    )
    inputs = _inputs(policy, _CHECKED_STREAMS)
    feed = {name: value.numpy() for name, value in inputs.items()}
    memory, worst = policy.initial_memory(_CHECKED_STREAMS), np.zeros(())
    for tick in range(_CHECKED_TICKS):
        blocks = rng.integers(0, 256, (_CHECKED_STREAMS, 8, 8, 3), dtype=np.uint8)
        feed["frame"] = blocks.repeat(FRAME_SIZE // 8, 1).repeat(FRAME_SIZE // 8, 2)
        feed["first"] = np.arange(_CHECKED_STREAMS) * 3 == tick if tick else np.ones(_CHECKED_STREAMS, bool)
        if "goal" in feed:
            feed["goal"] = rng.standard_normal(feed["goal"].shape).astype(np.float32)
        goal = torch.from_numpy(feed["goal"]) if "goal" in feed else None
        frames, first = (torch.from_numpy(feed[name])[:, None] for name in ("frame", "first"))
        expected = policy(frames, first, memory, goal)
        memory = expected.memory
        found = dict(zip(names, session.run(names, feed), strict=True))
        feed |= {name: found[f"next_{name}"] for name in _MEMORY}
        for name, right in zip(heads, expected.pi.at_time(0).log_probs, strict=True):
            worst = np.maximum(worst, np.abs(np.exp(found[name]) - right.exp().numpy()).max())  # keeps NaN
    if not worst <= TOLERANCE:
        raise RuntimeError(
            f"the exported network differs from the policy: probabilities by up to {worst:.2g}, of which {TOLERANCE} "
            "would be rounding. The policy's weights may hold NaN; if not, torch, onnxscript or onnxruntime is at fault"
        )
    return float(worst)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what PyTorch's exporter says about itself: packages that it does not need, its own deprecated calls."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.__trace")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
