"""What `import vpt_gym` does, and what it leaves alone."""

from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import pytest

import vpt_gym


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_import_loads_neither_torch_nor_opencv_nor_numba():
    heavy = "('torch', 'cv2', 'numba', 'av', 'matplotlib')"
    assert run(f"import vpt_gym, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_every_public_name_is_there_and_documented():
    for name in vpt_gym.__all__:
        thing = getattr(vpt_gym, name)
        assert name.startswith("__") or thing.__doc__
    assert set(dir(vpt_gym)) == set(vpt_gym.__all__)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match="VPTAgent"):
        _ = vpt_gym.VPTAgnet  # type: ignore[attr-defined]


def test_the_embedded_env_is_registered():
    assert gym.spec("vpt_gym/Harvest1Log-v0").max_episode_steps == 600
