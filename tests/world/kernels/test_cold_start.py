"""The first use on a machine, in separate processes with their own cache folders."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vpt_gym.system.file_lock import exclusive_lock
from vpt_gym.system.machine import usable_processors
from vpt_gym.world.kernels.cold_start import (
    _no_garbage_collection,
    compile_in_background,
    is_cached,
    run_unless_running,
)
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import hash32

ONE_KERNEL = (
    "from vpt_gym.world.kernels.hashing import hash32; print('begins', flush=True); hash32(1, 2, 3, 4); print('done')"
)
BESIDE = """
from vpt_gym.world.kernels.cold_start import compile_in_background, is_cached
from vpt_gym.world.interface.actions import HumanInterface
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.player.tick import advance, tick
other = compile_in_background("vpt_gym.world.first_tick", advance)
assert compile_in_background("vpt_gym.world.first_tick", advance) is other
print(other.wait(), is_cached(advance))
state = WorldState()
state.place_player(8.0, 40.0, 8.0, 0.0)
interface = HumanInterface()
tick(state.world, 1.0, interface.controls(interface.action_space.sample(), state.inventory)[0])
print(sum(advance.stats.cache_hits.values()), sum(advance.stats.cache_misses.values()))
"""


def fresh(cache: Path) -> dict[str, str]:
    return {**os.environ, "NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0"}


def lock_of(cache: Path) -> Path:
    """Compiles a kernel in one process, deletes its code, and returns its lock file."""
    subprocess.run([sys.executable, "-c", ONE_KERNEL], env=fresh(cache), check=True, stdout=subprocess.DEVNULL)
    for code in cache.rglob("*.nb[ic]"):
        code.unlink()
    (lock,) = cache.rglob("hash32.lock")
    return lock


def test_a_process_waits_for_the_one_that_compiles_the_same_kernel(tmp_path: Path) -> None:
    with exclusive_lock(lock_of(tmp_path)):
        command = [sys.executable, "-c", ONE_KERNEL]
        other = subprocess.Popen(command, env=fresh(tmp_path), stdout=subprocess.PIPE)
        assert other.stdout is not None
        assert other.stdout.readline() == b"begins\n"
        time.sleep(2.0)  # without the lock it would have compiled in less
        assert other.poll() is None
        assert not list(tmp_path.rglob("*.nbc"))
    assert other.communicate(timeout=60)[0] == b"done\n"
    assert list(tmp_path.rglob("*.nbc"))


def test_a_kernel_compiles_where_nothing_can_be_locked(tmp_path: Path) -> None:
    lock = lock_of(tmp_path)
    lock.unlink()
    lock.mkdir()
    subprocess.run([sys.executable, "-c", ONE_KERNEL], env=fresh(tmp_path), check=True)
    assert list(tmp_path.rglob("*.nbc"))


@pytest.mark.skipif(usable_processors() < 2, reason="a second process needs a second processor")
def test_another_process_compiles_the_tick_as_environments_call_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BESIDE], env=fresh(tmp_path), check=True, capture_output=True)
    assert done.stdout.decode().split() == ["0", "True", "1", "0"], done.stderr.decode()


@pytest.mark.skipif(usable_processors() < 2, reason="a second process needs a second processor")
def test_the_other_process_ends_with_this_one(tmp_path: Path) -> None:
    code = BESIDE.split("assert")[0] + "assert other.poll() is None; print(other.pid)"
    done = subprocess.run([sys.executable, "-c", code], env=fresh(tmp_path), check=True, stdout=subprocess.PIPE)
    end = time.monotonic() + 60.0
    while is_running(int(done.stdout)):
        assert time.monotonic() < end, "it is still there"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_process_that_runs_already_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "leaves_a_file.py").write_text("from pathlib import Path\nPath('ran').write_text(__name__)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    lock = tmp_path / "lock"
    with exclusive_lock(lock):
        run_unless_running("leaves_a_file", str(lock))
    assert not (tmp_path / "ran").exists()
    run_unless_running("leaves_a_file", str(lock))
    assert (tmp_path / "ran").read_text() == "__main__"


@pytest.mark.skipif(not hasattr(hash32, "signatures"), reason="kernels run interpreted")
def test_code_for_another_processor_or_other_types_is_not_taken_for_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    hash32(1, 2, 3, 4)
    (signature,) = hash32.signatures
    assert is_cached(hash32, signature)
    assert not is_cached(hash32, signature[:1])
    codegen = type(hash32.targetctx.codegen())
    monkeypatch.setattr(codegen, "magic_tuple", lambda self: ("another", "processor"))
    assert not is_cached(hash32, signature)


def test_nothing_is_started_where_all_is_compiled() -> None:
    @kernel
    def ready(n: int) -> int:
        return n + 1

    assert ready(1) == 2
    assert is_cached(ready)
    assert compile_in_background("no_such_module", ready) is None


def test_garbage_is_collected_again_after_a_compilation() -> None:
    def fail() -> None:
        with _no_garbage_collection():
            assert not gc.isenabled()
            raise RuntimeError("no code")

    with pytest.raises(RuntimeError, match="no code"):
        fail()
    assert gc.isenabled()
