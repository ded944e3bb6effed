"""Kernels compile in numba's standard way, with the same results, where its internals are unknown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from tests.support.other_mode import INTERPRETED
from tests.support.paths import ROOT
from vpt_gym.world.kernels import compiled

UNKNOWN_VERSION = "import numba; numba.__version__ = '99.1.0'"
MISSING_INTERNALS = "import numba.core.codegen; del numba.core.codegen.JITCodeLibrary"
DIGESTS = """
from tests.world.kernels.test_standard_compilation import digests
from vpt_gym.world.kernels.compiled import COMPILES_FAST
print(COMPILES_FAST, *digests())
"""

pytestmark = pytest.mark.skipif(INTERPRETED, reason="kernels run interpreted")


def digests() -> list[str]:
    """Returns digests of a world: after its light and fields are computed, and after some ticks of play."""
    from tests.support.flat_world import FLOOR, flat_state, run
    from vpt_gym.world.catalog.blocks import OAK_LEAVES, TORCH, WATER

    state = flat_state({(64, FLOOR + 1, 66): OAK_LEAVES, (66, FLOOR, 65): TORCH, (62, FLOOR - 1, 64): WATER})
    result = [state.digest()]
    for controls in ({"attack": 1}, {"forward": 1, "sprint": 1, "yaw": 4.5}, {"jump": 1, "strafe": 1}, {"use": 1}):
        result.append(run(state, 6, **controls).digest())
    result.append(str(int(np.frombuffer(state.light.tobytes() + state.leaps.tobytes(), np.uint8).sum())))
    return result


def run_python(code: str, cache: Path) -> list[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout.split()


@pytest.mark.slow
def test_an_unknown_numba_gives_the_same_state(tmp_path: Path) -> None:
    fast, *found = run_python(UNKNOWN_VERSION + DIGESTS, tmp_path)
    assert fast == "False"
    assert found == digests()


def test_the_standard_way_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiled.STANDARD_COMPILATION, "1")
    assert run_python("from vpt_gym.world.kernels.compiled import COMPILES_FAST as c; print(c)", tmp_path) == ["False"]


@pytest.mark.parametrize("start", [UNKNOWN_VERSION, MISSING_INTERNALS])
def test_an_unknown_numba_compiles_in_the_standard_way(start: str, tmp_path: Path) -> None:
    code = """
from vpt_gym.world.kernels.compiled import COMPILES_FAST
from tests.world.kernels.test_pipelines import add_deeper, add_twice
import numpy as np
values = np.zeros(4, np.int64)
print(COMPILES_FAST, add_deeper(values), values.tolist() == [30] * 4, add_twice(values, 1))
"""
    assert run_python(start + code, tmp_path) == ["False", "12", "True", "4"]


def test_the_installed_numba_is_known() -> None:
    version = ".".join(numba.__version__.split(".")[:2])
    assert (version in compiled.TESTED_NUMBA) == compiled.COMPILES_FAST


def test_code_is_not_cached_where_nothing_can_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code = """
from vpt_gym.world.kernels.hashing import hash32
from vpt_gym.world.kernels.cold_start import is_cached
print(hash32(1, 2, 3, 4) > 0, is_cached(hash32), type(hash32._cache).__name__)
"""
    assert run_python(code, blocked) == ["True", "True", "NullCache"]
    assert blocked.read_text() == "not a folder"
