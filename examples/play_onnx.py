"""Plays one episode with an agent from an ONNX file: ONNX Runtime and numpy, no PyTorch.

    vpt-gym export runs/demo/agent --format onnx --out agent.onnx
    python examples/play_onnx.py agent.onnx

The memory of the policy goes into the file's network with each frame, and comes out for the next one.
"""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import tyro

import vpt_gym  # registers the environments
from vpt_gym.system.command_line import read_command_line
from vpt_gym.system.require import require

TYPES = {"tensor(uint8)": np.uint8, "tensor(bool)": np.bool_, "tensor(float)": np.float32}


def main(
    model: tyro.conf.Positional[Path],
    env: str = "vpt_gym/Harvest1Log-v0",
    level: str = "easy",
    seed: int = 0,
    ticks: int = 600,
) -> None:
    """Plays one episode of an environment and prints whether it succeeded.

    Args:
        model: The file that `vpt-gym export` wrote.
        env: Id of the environment.
        level: Level of the embedded world.
        seed: Seed of the world and of the sampled actions.
        ticks: Longest episode; a tick is 1/20 s.
    """
    onnxruntime = require("onnxruntime", "onnx", purpose="examples/play_onnx.py")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names, rng = [output.name for output in session.get_outputs()], np.random.default_rng(seed)
    # one environment, an empty memory, and no goal if the policy takes one
    inputs = {one.name: np.zeros((1, *one.shape[1:]), TYPES[one.type]) for one in session.get_inputs()}
    world = vpt_gym.VPTActionWrapper(vpt_gym.VPTObsWrapper(gym.make(env, level=level, max_episode_steps=ticks)))
    frame, info = world.reset(seed=seed)
    inputs["first"][0], played, ended = True, 0, False
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
    world.close()
    print(f"{'success' if info.get('success') else 'no success'} after {played} ticks")


if __name__ == "__main__":
    read_command_line(main)
