"""What `import vpt_gym` does, and what it leaves alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import vpt_gym
from vpt_gym import VPTActionWrapper, VPTObsWrapper

HEAVY = ("torch", "cv2", "numba", "av", "matplotlib")
"""Packages that take long to import."""
SUBPACKAGES = (
    "actions",
    "agents",
    "collect",
    "demos",
    "hub",
    "learning",
    "mineclip",
    "minedojo",
    "resilient",
    "world",
    "wrappers",
)
ENV_ID = "vpt_gym:vpt_gym/Harvest1Log-v0"


def run(code: str) -> str:
    """Runs a program in a fresh process, in which every warning is an error, and returns what it prints."""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_import_loads_neither_torch_nor_opencv_nor_numba():
    assert run(f"import vpt_gym, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_a_subpackage_resolves_from_the_package_and_loads_no_more(name: str):
    code = f"import vpt_gym, sys; print(vpt_gym.{name}.__name__, [m for m in {HEAVY} if m in sys.modules])"
    assert run(code) == f"vpt_gym.{name} []"


def test_the_import_loads_no_module_below_a_subpackage():
    code = "import vpt_gym, sys; print(*sorted(m for m in sys.modules if m.startswith('vpt_gym.')))"
    below = [name for name in run(code).split() if name.split(".")[1] in SUBPACKAGES]
    assert below == ["vpt_gym.world", "vpt_gym.world.ids"]  # the ids to register


def test_every_subpackage_is_offered():
    assert set(SUBPACKAGES) <= set(vpt_gym.__all__)


def test_every_public_name_is_there_and_documented():
    for name in vpt_gym.__all__:
        thing = getattr(vpt_gym, name)
        assert name.startswith("__") or thing.__doc__
    assert set(dir(vpt_gym)) == set(vpt_gym.__all__)


def test_the_error_for_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AttributeError, match="VPTAgent"):
        _ = vpt_gym.VPTAgnet  # type: ignore[attr-defined]


def test_the_embedded_env_is_registered():
    assert gym.spec("vpt_gym/Harvest1Log-v0").max_episode_steps == 600


def test_gymnasium_alone_makes_the_envs():
    code = f"""
import gymnasium as gym
env = gym.make("{ENV_ID}", image_size=(32, 48))
envs = gym.make_vec("{ENV_ID}", num_envs=2, image_size=(32, 48))
print(env.reset(seed=0)[0]["rgb"].shape, envs.reset(seed=0)[0]["rgb"].shape, type(envs).__name__)
"""
    assert run(code) == "(3, 32, 48) (2, 3, 32, 48) ThreadVectorEnv"


def test_a_spec_survives_pickling_and_makes_the_env_again(tmp_path: Path):
    wrapped = VPTActionWrapper(VPTObsWrapper(gym.make(ENV_ID, image_size=(36, 64), level="easy")))
    (tmp_path / "spec").write_bytes(pickle.dumps(wrapped.spec))
    code = f"""
import pickle
import gymnasium as gym
with open({str(tmp_path / "spec")!r}, "rb") as file:
    env = gym.make(pickle.load(file))
print(env.reset(seed=0)[0].shape, env.action_space, env.spec.max_episode_steps, env.spec.kwargs)
"""
    expected = {"task": "harvest_1_log", "image_size": (36, 64), "level": "easy"}
    assert run(code) == f"(128, 128, 3) MultiDiscrete([8641  121]) 600 {expected}"


def test_importing_the_package_again_warns_of_nothing():
    run("import importlib, vpt_gym; importlib.reload(vpt_gym); import vpt_gym")


def test_another_env_under_the_same_id_is_warned_of():
    code = """
import gymnasium as gym, warnings
gym.register("vpt_gym/World-v0", "elsewhere:Env")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import vpt_gym
print(*("vpt_gym/World-v0" in str(warning.message) for warning in caught))
print(gym.spec("vpt_gym/World-v0").entry_point)
"""
    assert run(code).split() == ["True", "vpt_gym.world.env:VoxelEnv"]
