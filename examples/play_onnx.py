"""Plays one episode with an agent from an ONNX file: ONNX Runtime and numpy, no PyTorch.

    vpt-gym export runs/demo/agent --format onnx --out agent.onnx
    python examples/play_onnx.py agent.onnx

The memory of the policy goes into the file's network with each frame, and comes out for the next one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.system.command_line import read_command_line
from vpt_gym.system.require import require
from vpt_gym.wrappers.success import success_of, success_so_far

TYPES = {"tensor(uint8)": np.uint8, "tensor(bool)": np.bool_, "tensor(float)": np.float32}


@dataclass
class Args:
    """Plays one episode of an environment and prints whether it succeeded."""

    model: Annotated[Path, tyro.conf.Positional]
    """The file that `vpt-gym export` wrote."""
    env: EnvArgs = field(default_factory=EnvArgs)
    seed: int = 0
    """Seed of the world and of the sampled actions."""
    ticks: int = 600
    """Longest episode; a tick is 1/20 s."""

    def __post_init__(self) -> None:
        if self.ticks < 1:
            raise ValueError(f"ticks is {self.ticks}; it must be at least 1")
        if not self.model.is_file():
            raise ValueError(f"there is no file {self.model}: `vpt-gym export` writes one")


def open_session(path: Path) -> Any:
    """Returns a session of ONNX Runtime with the file, or ends the program if `vpt-gym export` did not write it."""
    onnxruntime = require("onnxruntime", "onnx", purpose="examples/play_onnx.py")
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # of one class for each kind of damage
        sys.exit(f"{path} cannot be read ({error}); write it again with `vpt-gym export`")
    if "vpt_gym" not in session.get_modelmeta().custom_metadata_map:
        sys.exit(f"{path} is an ONNX file, but not one that `vpt-gym export` wrote")
    if "buttons" not in {output.name for output in session.get_outputs()}:
        sys.exit(f"{path} has a policy of other actions than VPT's, which this script does not play")
    return session


def main(args: Args) -> None:
    """Plays and prints the result."""
    session = open_session(args.model)
    names, rng = [output.name for output in session.get_outputs()], np.random.default_rng(args.seed)
    # one environment, an empty memory, and no goal if the policy takes one
    inputs = {one.name: np.zeros((1, *one.shape[1:]), TYPES[one.type]) for one in session.get_inputs()}
    world = args.env.with_kwargs(max_episode_steps=args.ticks).make()
    frame, _ = world.reset(seed=args.seed)
    inputs["first"][0], played, ended = True, 0, False
    success: bool | None = None
    while not ended:
        inputs["frame"] = frame[None]
        output = dict(zip(names, session.run(names, inputs), strict=True))
        inputs |= {name: output[f"next_{name}"] for name in ("keys", "values", "valid")} | {"first": np.zeros(1, bool)}
        # an argmax over log-probabilities with Gumbel noise draws from them
        code = [
            int((output[name][0] + rng.gumbel(size=output[name].shape[1])).argmax()) for name in ("buttons", "camera")
        ]
        frame, _, terminated, truncated, info = world.step(np.array(code))
        played, ended = played + 1, terminated or truncated
        success = success_so_far(success, success_of(world, info))
    world.close()
    outcome = {True: "success", False: "no success", None: "success not known"}[success]
    print(f"{outcome} after {played} ticks")


if __name__ == "__main__":
    main(read_command_line(Args))
