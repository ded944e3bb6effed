"""Nothing in a checkpoint is ever executed, whatever the pickle contains and wherever it is."""

from __future__ import annotations

import copyreg
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import malicious_pickles as evil
from tests.support.paths import ROOT
from tests.support.published_files import SMALL_1X, model_content, published_state, write_model
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.checkpoints.errors import CheckpointError, UnsafeCheckpoint
from vpt_gym.agents.checkpoints.model_file import read_model_file, read_policy_config
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.agents.describe import describe
from vpt_gym.agents.policy.policy import VPTPolicy

pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")

NAMES = list(evil.payloads(Path("/dev/null")))

UNPICKLE_ALL = f"""
import copyreg, io, os, pathlib, pickle, sys, time
from tests.support import malicious_pickles as evil
copyreg.add_extension("os", "system", {evil.EXTENSION_CODE})

class Naive(pickle.Unpickler):
    persistent_load = staticmethod(os.system)

for index, name in enumerate(evil.payloads(pathlib.Path(sys.argv[1], "list"))):
    canary = pathlib.Path(sys.argv[1], str(index))
    body = evil.payloads(canary)[name]
    problem = None
    try:
        Naive(io.BytesIO(body)).load()
    except Exception as error:  # some fail after the call
        problem = error
    for _ in range(3000):
        if canary.exists():
            break
        time.sleep(0.02)
    else:
        print("harmless:", name, problem)
"""


@pytest.fixture(scope="module", autouse=True)
def _extension_in_pythons_cache() -> Iterator[None]:
    """As in a program that registered a class by number, and has used it."""
    copyreg.add_extension("os", "system", evil.EXTENSION_CODE)
    assert pickle.loads(evil.whole(b"\x82" + bytes([evil.EXTENSION_CODE]))) is os.system
    yield
    copyreg.remove_extension("os", "system", evil.EXTENSION_CODE)


def test_the_payloads_are_real(tmp_path: Path) -> None:
    """Otherwise the tests below would prove nothing."""
    assert len(NAMES) >= 20
    done = subprocess.run(
        [sys.executable, "-c", UNPICKLE_ALL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == ""


@pytest.mark.parametrize("name", NAMES)
def test_none_runs_from_a_model_file(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "x.model"
    weights = tmp_path / "x.weights"
    weights.touch()
    path.write_bytes(evil.payloads(canary)[name])
    with pytest.raises(CheckpointError) as caught:
        read_model_file(path)
    if "persistent" not in name:  # the effect of such an id is unknown
        assert isinstance(caught.value, UnsafeCheckpoint)
        assert "Nothing was executed" in str(caught.value)
    with pytest.raises(CheckpointError):
        VPTAgent.from_pretrained(path, weights)
    assert not describe([path])[0].ok
    assert not canary.exists()


@pytest.mark.parametrize("form", evil.FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_none_runs_from_a_weight_file(tmp_path: Path, name: str, form: str) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "x.weights"
    evil.FORMS[form](path, evil.payloads(canary)[name])
    with pytest.raises(CheckpointError):
        read_weights(path)
    assert not describe([path])[0].ok
    assert not canary.exists()


@pytest.mark.parametrize("name", NAMES)
def test_none_runs_from_within_a_description(tmp_path: Path, name: str) -> None:
    """A valid description with the payload in place of an unimportant value."""
    canary = tmp_path / "canary"
    body = evil.payloads(canary)[name][2:-1]
    content = pickle.dumps(model_content(SMALL_1X, extra_args="HERE"), protocol=2)
    assert content.count(b"X\x04\x00\x00\x00HERE") == 1
    path = tmp_path / "x.model"
    path.write_bytes(content.replace(b"X\x04\x00\x00\x00HERE", body))
    with pytest.raises(CheckpointError):
        read_policy_config(path)
    assert not canary.exists()


def test_a_description_without_any_is_read(tmp_path: Path) -> None:
    """The control of the test above."""
    content = pickle.dumps(model_content(SMALL_1X, extra_args="HERE"), protocol=2)
    path = tmp_path / "x.model"
    path.write_bytes(content)
    assert read_policy_config(path) == SMALL_1X


def test_an_unsafe_weight_file_leaves_the_agent_as_it_was(tmp_path: Path) -> None:
    agent = VPTAgent(VPTPolicy(SMALL_1X))
    before = {key: value.clone() for key, value in agent.policy.state_dict().items()}
    path = tmp_path / "x.weights"
    evil.write_zipped(path, evil.payloads(tmp_path / "canary")["os.system"])
    with pytest.raises(UnsafeCheckpoint, match=r"'(os|posix).system'.*Nothing was executed"):
        agent.load_weights(path)
    assert agent.report is None
    assert all((agent.policy.state_dict()[key] == value).all() for key, value in before.items())
    assert len(published_state(SMALL_1X)) == 139
    assert read_policy_config(write_model(tmp_path / "good.model", SMALL_1X)) == SMALL_1X
