"""Environments that users made with MineDojo's own pins, gym 0.21 and numpy 1.26, without our shims."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.paths import ROOT

PYTHON = ROOT / ".venv-minedojo-pinned/bin/python"

AS_A_USER = """
import gym, minedojo, numpy as np
assert (gym.__version__, np.__version__[:2]) == ("0.21.0", "1.")
from vpt_gym import VPTActionWrapper, VPTObsWrapper

env = VPTActionWrapper(VPTObsWrapper(minedojo.make("harvest_1_log", image_size=(144, 256))))
frame, info = env.reset(seed=4)
print(frame.shape, frame.dtype, info["reset"])
for code in np.random.default_rng(0).integers(0, (8641, 121), (30, 2)):
    frame, reward, terminated, truncated, info = env.step(code)
    assert not truncated and info["ticks"] == 1 and info["success"] is False
    assert env.unwrapped.observation_space.contains(env.get_wrapper_attr("source_observation"))
print(env.reset()[1]["reset"])
env.close()

stock = minedojo.make("harvest_8_log", image_size=(64, 96))
print(type(stock.action_space.sample()).__name__)
"""


def test_what_a_user_made_under_gym_021_plays(minedojo_with_launcher: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(minedojo_with_launcher), str(ROOT)))}
    ran = subprocess.run(
        [PYTHON, "-c", AS_A_USER], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "(128, 128, 3) uint8 {'kind': 'full', 'restarted': True, 'seed': 'world'}",
        "{'kind': 'fast', 'restarted': False, 'seed': None}",
        "ndarray",
    ]
