"""These tests run the real MineDojo, in its own Python environment: `make test` makes it and runs them there."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from tests.support.paths import ROOT

_SPEC = importlib.util.find_spec("minedojo")
# the folder tests/minedojo, which pytest puts on the path, looks like a package without an origin
HAS_MINEDOJO = _SPEC is not None and _SPEC.origin is not None
collect_ignore_glob = [] if HAS_MINEDOJO else ["test_*.py"]


def pytest_report_header() -> str | None:
    return None if HAS_MINEDOJO else "tests/integration: left out, MineDojo is not installed here (`make test` runs it)"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MineDojo writes logs into the working directory."""
    monkeypatch.chdir(tmp_path)


MakeEnv = Callable[..., gym.Env[Any, Any]]


@pytest.fixture
def make_env() -> Iterator[MakeEnv]:
    """Makes environments of the real MineDojo on the embedded world, and closes them."""
    from vpt_gym import minedojo

    made: list[gym.Env[Any, Any]] = []

    def make(task_id: str = "harvest_1_log", **kwargs: Any) -> gym.Env[Any, Any]:
        kwargs = {"backend": "embedded", "image_size": (64, 96), **kwargs}
        made.append(minedojo.make(task_id, **kwargs))
        return made[-1]

    yield make
    for env in made:
        env.close()


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether `make test-long` runs."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def make_through_proxy() -> Iterator[MakeEnv]:
    """Makes environments of the real MineDojo whose game is behind ``proxy.py``; the flags are the proxy's."""
    from vpt_gym.minedojo import MineDojoEnv
    from vpt_gym.minedojo.factory import make_legacy
    from vpt_gym.minedojo.game import embedded_command

    made: list[gym.Env[Any, Any]] = []

    def make(*flags: str, task_id: str = "open-ended", image_size: tuple[int, int] = (64, 96), **kwargs: Any) -> Any:
        ours = {name: kwargs.pop(name) for name in ("actions", "lean", "step_timeout") if name in kwargs}
        proxy = [sys.executable, str(ROOT / "tests" / "support" / "proxy.py"), *flags]
        made.append(
            MineDojoEnv(
                make_legacy(task_id, image_size=image_size, **kwargs),
                command=lambda seed: [*proxy, *embedded_command("easy", seed)],
                **ours,
            )
        )
        return made[-1]

    yield make
    for env in made:
        env.close()


LAUNCHER = """#!/bin/sh
# Takes the place of the script that builds and starts Minecraft; the arguments are the same.
exec {python} -m vpt_gym.world.malmo --level easy "$@"
"""


@pytest.fixture
def minedojo_with_launcher(tmp_path: Path) -> Path:
    """A folder with a copy of the installed MineDojo, all of its Python as it is, whose Minecraft is our own world."""
    spec = importlib.util.find_spec("minedojo")
    assert spec is not None
    assert spec.origin is not None
    copy = tmp_path / "site/minedojo"
    shutil.copytree(Path(spec.origin).parent, copy)
    launcher = copy / "sim/Malmo/Minecraft/launchClient.sh"
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    return copy.parent
