"""The machine code on disk: whatever happens to its files, the kernels run, and numba never runs damaged code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from vpt_gym.cli.doctor.embedded import machine_code
from vpt_gym.cli.doctor.probe import MachineCode
from vpt_gym.world.kernels.code_cache import damaged_files
from vpt_gym.world.kernels.compiled import cache_folder

RUN = """
from vpt_gym.world.kernels.hashing import hash32
print(hash32(1, 2, 3, 4), sum(hash32.stats.cache_hits.values()))
"""


def run(cache: Path, *, code: str = RUN) -> tuple[list[str], str]:
    """Runs code in a new process; returns its words and what it wrote on stderr."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0", "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of one kernel."""
    folder = tmp_path_factory.mktemp("cache")
    assert run(folder)[0][1] == "0"
    assert run(folder)[0][1] == "1"
    return folder


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "halved": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
    "flipped": lambda content: content[:-100] + bytes([content[-100] ^ 16]) + content[-99:],
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_code_is_dropped_and_compiled_again(compiled: Path, suffix: str) -> None:
    expected = run(compiled)[0][0]
    (file,) = compiled.rglob(f"*{suffix}")
    intact = file.read_bytes()
    for name, damage in DAMAGE.items():
        file.write_bytes(damage(intact))
        assert damaged_files(compiled) == [file], name
        words, stderr = run(compiled)
        assert words == [expected, "0"], name
        assert stderr.count("RuntimeWarning") == 1, stderr
        assert "NUMBA_CACHE_DIR" in stderr
        assert damaged_files(compiled) == [], name
    assert run(compiled) == ([expected, "1"], "")


def test_an_unreadable_file_is_not_needed(compiled: Path) -> None:
    (file,) = compiled.rglob("*.nbc")
    intact = file.read_bytes()
    file.unlink()
    file.mkdir()  # root may read any file, but not a folder
    try:
        words, stderr = run(compiled)
    finally:
        if file.is_dir():
            file.rmdir()
        file.write_bytes(intact)
    assert words[1] == "0"
    assert "NUMBA_CACHE_DIR" in stderr


def test_where_nothing_can_be_written_kernels_compile_in_memory(tmp_path: Path) -> None:
    words, stderr = run(Path("/proc/nowhere"))
    assert words[1] == "0"
    assert stderr.count("RuntimeWarning") == 1, stderr
    assert "Set NUMBA_CACHE_DIR to a folder that can be written" in stderr


def test_a_folder_that_numba_cannot_use_is_not_used(compiled: Path, tmp_path: Path) -> None:
    """Such as one of another user inside a shared one; numba says ``cannot cache function``."""
    (code,) = compiled.rglob("*.nbc")
    blocked = tmp_path / code.parent.relative_to(compiled)
    blocked.parent.mkdir(parents=True)
    blocked.write_text("not a folder")
    words, stderr = run(tmp_path)
    assert words[1] == "0"
    assert stderr.count("RuntimeWarning") == 1, stderr
    assert "NUMBA_CACHE_DIR" in stderr


@pytest.mark.skipif(not os.access("/proc", os.W_OK), reason="only for root do permissions promise too much there")
def test_a_folder_that_only_seems_writable_is_left_for_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(Path("/proc"), "0" * 64) == tmp_path / "vpt-gym" / f"vpt_gym-{'0' * 16}"


def test_a_full_disk_keeps_nothing_and_stops_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)){RUN}"
    )
    words, stderr = run(tmp_path, code=code)
    assert words[1] == "0"
    assert stderr.count("RuntimeWarning") == 1, stderr
    assert "NUMBA_CACHE_DIR" in stderr


def test_the_doctor_reports_damage_and_a_folder_that_cannot_be_written() -> None:
    folder = Path("/somewhere")
    assert machine_code(None) == []
    assert [check.status for check in machine_code(MachineCode(folder, True, 0))] == ["ok"]
    (damaged,) = machine_code(MachineCode(folder, True, 2))
    assert (damaged.status, "2 damaged" in damaged.found) == ("warning", True)
    (lost,) = machine_code(MachineCode(folder, False, 0))
    assert lost.status == "warning"
    assert "NUMBA_CACHE_DIR" in lost.fix
