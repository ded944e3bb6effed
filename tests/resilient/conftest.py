from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.misbehaving_env import MisbehavingEnv
from vpt_gym import ResilientEnv


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which workers get theirs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def resilient(temporary: Path) -> Iterator[Callable[..., ResilientEnv]]:
    envs = []

    def make(env_fn: Callable[[], Any] = MisbehavingEnv, **kwargs: Any) -> ResilientEnv:
        envs.append(ResilientEnv(env_fn, **{"step_timeout": 20, "start_timeout": 60, **kwargs}))
        return envs[-1]

    yield make
    for env in envs:
        env.close()
