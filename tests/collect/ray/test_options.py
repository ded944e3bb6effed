"""Options and errors of Ray clusters; no cluster is started."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tyro

from vpt_gym.collect.ray.connect import connected
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.parcels import DemoParcel, write_demo
from vpt_gym.collect.ray.play import play_on
from vpt_gym.collect.rollouts import play
from vpt_gym.demos import list_demos, repair


@dataclass
class Script:
    episodes: int = 1
    ray: RayArgs = field(default_factory=RayArgs)


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ([], None),
        (["--ray"], "auto"),
        (["--ray", "local"], "local"),
        (["--ray", "10.0.0.1:6379", "--episodes", "3"], "10.0.0.1:6379"),
        (["--ray", "--episodes", "3"], "auto"),
    ],
)
def test_the_address_may_be_left_out(words: list[str], address: str | None) -> None:
    assert tyro.cli(Script, args=words).ray.address == address


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--ray", "a", "b"], "one address"),
        (["--ray-workers", "0"], "--ray-workers is 0"),
        (["--ray-envs", "0"], "--ray-envs is 0"),
        (["--ray-gpus", "-1"], "--ray-gpus is -1.0"),
        (["--ray-cpus", "0"], "needs nothing"),
        (["--ray-resources", "[]"], "JSON object"),
        (["--ray-resources", '{"a": ' * 5000], "JSON object"),
    ],
)
def test_a_wrong_option_is_named(words: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(Script, args=words)
    assert problem in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_the_device_of_a_worker_follows_its_gpus() -> None:
    assert RayArgs(gpus=0.25).device == "cuda"
    assert RayArgs(cpus=4.0).device == "cpu"
    assert (RayArgs(cpus=4.0).threads, RayArgs(cpus=0.5).threads) == (4, 1)


def test_without_an_address_nothing_changes() -> None:
    with play_on(RayArgs()) as chosen:
        assert chosen is play


def test_a_wrong_address_is_an_error_with_a_remedy() -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # nothing listens
    with pytest.raises(ConnectionError, match=rf"no Ray cluster at '127.0.0.1:{port}'.*ray start --head"):
        connected(f"127.0.0.1:{port}").__enter__()
    with pytest.raises(ValueError, match=r"'nonsense' is no address .*HOST:PORT"):
        connected("nonsense").__enter__()


def test_neither_the_package_nor_the_command_imports_ray() -> None:
    code = "import sys, vpt_gym, vpt_gym.learning, vpt_gym.cli.record, vpt_gym.collect.run; print('ray' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_without_ray_the_error_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from vpt_gym.collect.ray.connect import connected\n"
        "connected('local').__enter__()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "needs ray" in done.stderr
    assert 'pip install "vpt-gym[ray]"' in done.stderr


def test_a_demo_that_was_not_written_to_its_end_is_no_demo(tmp_path: Path) -> None:
    with pytest.raises(TypeError):  # as if the process ended before the last file
        write_demo(DemoParcel(tmp_path, "one", video=b"video", records=None, metadata=b"{}"))  # type: ignore[arg-type]
    assert list_demos(tmp_path) == []
    repair(tmp_path, interrupted_only=True)
    assert list_demos(tmp_path) == []
