"""The kernels give the same world when they are compiled and when Python interprets them.

``make coverage`` runs this file a second time with ``NUMBA_DISABLE_JIT=1`` and then sees the lines of the kernels. In
either mode the other one runs in a subprocess, and states must be equal to the bit, frames up to rounding.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import vpt_gym.world
from tests.support.flat_world import FLOOR, flat_state, position, run
from tests.support.other_mode import INTERPRETED, in_other_mode
from vpt_gym.actions.human import human_action
from vpt_gym.world.catalog.blocks import AIR, FERN, OAK_LEAVES, OAK_LOG, POPPY, STONE, TALL_GRASS, TORCH, WATER
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import IRON_PICKAXE
from vpt_gym.world.core import fields
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts import LogExpert
from vpt_gym.world.kernels import compiled
from vpt_gym.world.kernels.cold_start import announce_compilation, is_cached
from vpt_gym.world.kernels.compiled import cache_folder, digest_of
from vpt_gym.world.player.tick import advance
from vpt_gym.world.render.overlay.hud import Hud
from vpt_gym.world.render.renderer import Renderer


def story(level: str, seed: int, ticks: int) -> dict[str, object]:
    """Plays a short episode and returns its digests and last frame."""
    env = VoxelEnv(level=level, image_size=(32, 36))
    env.reset(seed=seed)
    expert = LogExpert()
    digests = []
    for tick in range(ticks):
        action = expert.act(env) if tick % 4 else human_action("jump", "attack", "use", camera=(6.0, -3.0))
        obs, *_ = env.step(action)
        digests.append(env.state.digest())
    return {
        "digests": digests,
        "leaps": int(env.state.leaps.astype(np.int64).sum()),
        "frame": obs["rgb"].ravel().tolist(),
        "cosines": obs["voxels"]["cos_look_vec_angle"].ravel().tolist(),
    }


@pytest.mark.parametrize("level", ["easy", "default"])
def test_compiled_and_interpreted_worlds_are_the_same(level: str) -> None:
    here = story(level, 6, 12)
    there = in_other_mode("tests.world.kernels.test_interpreted", f"story({level!r}, 6, 12)")
    assert here["digests"] == there["digests"]
    assert here["leaps"] == there["leaps"]
    np.testing.assert_allclose(here["cosines"], there["cosines"], atol=1e-6)
    off = np.abs(np.subtract(here["frame"], there["frame"]))
    assert (off <= 2).mean() > 0.99


def test_digging_collecting_and_placing() -> None:
    state = flat_state({(64, FLOOR + 1, 65): OAK_LOG, (64, FLOOR, 66): OAK_LEAVES})
    run(state, 4, dig_speed=20.0, attack=1)
    assert state.blocks[64, 65, FLOOR + 1] == AIR
    run(state, 20, forward=1)
    assert state.inventory[0, :2].tolist() == [OAK_LOG, 1]
    renderer = Renderer(128, 128) if not INTERPRETED else Renderer(32, 32)
    renderer.draw(state)
    run(state, 1, pitch=60.0, drop=1)
    assert state.inventory[0, 1] == 0
    run(state, 3)
    renderer.draw(state)
    state.inventory[5] = (STONE, 12, 0)
    run(state, 1, equip=5)
    run(state, 1, pitch=-30.0, use=1)
    run(state, 1, place=5, destroy=5)
    assert state.inventory[5, 1] == 0


def test_walls_edges_and_jumps() -> None:
    state = flat_state({(x, FLOOR, z): STONE for x in range(62, 67) for z in range(66, 69)})
    run(state, 12, forward=1, sprint=1)
    assert state.player[0].bumped
    run(state, 12, forward=1, jump=1)
    run(state, 30, sneak=1, forward=1)
    run(state, 30, sneak=1, strafe=1)
    assert position(state)[1] == FLOOR + 1
    run(state, 10, forward=-1, yaw=30.0)


def test_the_expert_looks_for_trees_items_and_ways_out() -> None:
    env = VoxelEnv(image_size=(32, 32))
    for blocks in ({}, {(64, FLOOR + 3, 70): OAK_LOG, (64, FLOOR + 2, 69): OAK_LEAVES}):
        env.reset(seed=1)
        flat = flat_state(blocks)
        for name in ("blocks", "tops", "leaps", "player", "items", "inventory", "creatures"):
            getattr(env.state, name)[:] = getattr(flat, name)
        expert = LogExpert()
        assert expert.act(env)["forward"] == 1
        item = env.state.items[0]
        item.x, item.y, item.z, item.item, item.count = 66.5, FLOOR, 67.5, OAK_LOG, 1
        assert expert.act(env)["camera"][1] < 0.0
        env.state.items["item"] = AIR
        env.state.blocks[63:66, 63:66, FLOOR : FLOOR + 3] = STONE
        env.state.blocks[64, 64, FLOOR : FLOOR + 3] = AIR
        expert.reset()
        assert not expert.act(env)["forward"]


def test_the_hotbar_fits_its_frame() -> None:
    state = flat_state()
    state.inventory[0] = (OAK_LOG, 1, 0)
    state.inventory[8] = (STONE, 64, 0)
    frame = np.zeros(3 * 104 * 104, np.uint8)
    Hud(104, 104).draw(frame, state)
    picture = frame.reshape(3, 104, 104)
    assert picture[:, 95:103, 16:88].any()
    assert not picture[:, :50, :40].any()


def test_everything_that_is_drawn() -> None:
    pond = {(x, FLOOR - 1, z): WATER for x in range(60, 70) for z in range(67, 72)}
    plants = {(63, FLOOR, 66): POPPY, (65, FLOOR, 66): TORCH, (66, FLOOR, 65): TALL_GRASS, (64, FLOOR, 66): FERN}
    state = flat_state(pond | plants | {(62, FLOOR + 1, 66): OAK_LOG})
    for n, kind in enumerate(range(1, len(KINDS))):
        creature = state.creatures[n]
        creature.kind, creature.x, creature.y, creature.z = kind, 60.5 + 1.5 * n, FLOOR, 70.5
        creature.stride, creature.vx, creature.coat, creature.hurt_ticks = 0.3 * n, 0.1, n % 2, n % 3
    for n, item in enumerate((OAK_LOG, IRON_PICKAXE)):
        thing = state.items[n]
        thing.x, thing.y, thing.z, thing.item, thing.count, thing.age = 64.0 + n, FLOOR + 0.5, 66.0, item, 20, 7
    state.inventory[0] = (IRON_PICKAXE, 1, 30)
    renderer = Renderer(40, 48)
    frames = []
    for time, pitch, dug in ((6000, 15.0, 0.0), (18000, -20.0, 0.0), (12700, 30.0, 0.7)):
        state.clock["time"], state.player["pitch"], state.player["dug"] = time, pitch, dug
        frames.append(renderer.draw(state))
    state.player["y"], state.player["hurt_ticks"] = FLOOR - 1.2, 5
    state.blocks[58:70, 62:66, FLOOR - 3 : FLOOR] = WATER
    fields.fill_all(state.world)
    frames.append(renderer.draw(state))
    state.screen["open"] = 1
    frames.append(renderer.draw(state))
    assert len({frame.tobytes() for frame in frames}) == len(frames)


def test_each_version_of_the_sources_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")

    def folder() -> Path:
        return cache_folder(tmp_path, digest_of(tmp_path))

    (tmp_path / "rules").mkdir()
    constants = tmp_path / "rules" / "constants.py"
    constants.write_text("A = 1")
    before = folder()
    assert before.parent == tmp_path / "__pycache__"
    assert folder() == before
    constants.write_text("A = 2")
    assert folder().parent == before.parent
    assert folder() != before
    constants.write_text("A = 1")
    assert folder() == before


def test_the_digest_covers_every_folder_of_the_world() -> None:
    world = Path(vpt_gym.world.__file__).parent
    assert Path(compiled.__file__).is_relative_to(world)
    assert compiled._CACHE.name == f"vpt_gym-{digest_of(world)[:16]}"


def test_an_import_deletes_no_code(tmp_path: Path) -> None:
    """Machine code of another version may be in use by another process, or be needed again."""
    world = Path(vpt_gym.world.__file__).parent
    old = world / "__pycache__" / "vpt_gym-0123456789abcdef" / "test.f-1.py311.1.nbc"
    loose = world / "__pycache__" / "test.f-1.py311.1.nbc"
    old.parent.mkdir(parents=True, exist_ok=True)
    try:
        for path in (old, loose):
            path.write_text("code")
        subprocess.run([sys.executable, "-c", "import vpt_gym.world.kernels.compiled"], check=True, cwd=tmp_path)
        assert old.exists()
        assert loose.exists()
    finally:
        old.unlink(missing_ok=True)
        loose.unlink(missing_ok=True)
        old.parent.rmdir()


def test_sources_that_cannot_be_written_have_their_code_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder(tmp_path, "0" * 64) == tmp_path / "cache" / "vpt-gym" / f"vpt_gym-{'0' * 16}"


def test_a_chosen_folder_keeps_the_code_of_each_version_apart(tmp_path: Path) -> None:
    code = "from vpt_gym.world.kernels.hashing import hash32; hash32(1, 2, 3, 4)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    (version,) = tmp_path.iterdir()
    assert version.name == compiled._CACHE.name
    assert list(version.rglob("hashing.hash32*.nbc"))


def test_the_wait_for_compilation_is_announced_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_cached(advance) or not INTERPRETED

    class Cold:
        signatures = ()

        class _cache:
            class _cache_file:
                @staticmethod
                def _load_index() -> dict[str, str]:
                    return {}

    cold = Cold()
    announce_compilation("test", 3, cold)
    announce_compilation("test", 3, cold)
    assert capsys.readouterr().err.count("compiling the test's kernels (about 3 s") == 1
    monkeypatch.delattr(Cold, "_cache")
    assert is_cached(cold)
