"""Unchanged MineDojo with the embedded world instead of Minecraft: only the command that starts the game differs."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.world.catalog.blocks import BIRCH_LOG, DIRT
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.malmo.episode import Episode
from vpt_gym.world.malmo.mission import Mission, MissionItem, Placement, Ray
from vpt_gym.world.malmo.report.lidar import ray_values

SIZE = (64, 96)
COMPARED = (
    "rgb",
    "inventory",
    "equipment",
    "life_stats",
    "location_stats",
    "nearby_tools",
    "damage_source",
    "voxels",
)


@pytest.fixture
def make_stock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes environments of MineDojo; its games are the embedded world's server."""
    from vpt_gym.minedojo import shims

    shims.install()
    from minedojo.sim.bridge.mc_instance.instance import MinecraftInstance

    def launch(instance: Any, port: int, minecraft_dir: str, replaceable: bool = True) -> psutil.Popen:
        flags = ["-port", str(port), "-env", "-runDir", minecraft_dir, "-seed", str(instance._seed), "-replaceable"]
        command = [sys.executable, "-m", "vpt_gym.world.malmo", "--level", "easy", *flags]
        return psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    monkeypatch.setattr(MinecraftInstance, "_launch_minecraft", launch)
    made: list[Any] = []

    def make(task_id: str, **kwargs: Any) -> Any:
        made.append(make_legacy(task_id, image_size=SIZE, **kwargs))
        return made[-1]

    yield make
    for env in made:
        instances = list(env.unwrapped._bridge_env._instances)
        env.close()
        for instance in instances:
            assert instance.minecraft_process.wait(10) == 0  # it ended by MineDojo's <Exit>
            instance.minecraft_process.stdout.close()


def assert_same(ours: Any, theirs: Any, path: str) -> None:
    if isinstance(ours, dict):
        assert set(ours) == set(theirs), path
        for name in ours:
            assert_same(ours[name], theirs[name], f"{path}.{name}")
    else:
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours.shape == theirs.shape, path
        np.testing.assert_array_equal(theirs, ours, err_msg=path)


def test_harvest_a_log(make_stock: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    env = make_stock("harvest_1_log", world_seed=3, break_speed_multiplier=30.0, fast_reset=False)
    twin = VoxelEnv(level="easy", actions="minedojo", image_size=SIZE, cam_interval=15, break_speed=30.0)
    rng = np.random.default_rng(0)
    with caplog.at_level(logging.WARNING):
        for episode in range(2):  # full resets: the same world again
            theirs, (ours, _) = env.reset(), twin.reset(seed=3)
            assert_same({name: ours[name] for name in COMPARED}, {name: theirs[name] for name in COMPARED}, "reset")
            collected = dropped = 0
            for step in range(120):
                held = np.flatnonzero(ours["inventory"]["quantity"])
                function = int(rng.choice((0, 1, 3, 3, 3, 3, 4)))
                if len(held) and rng.random() < 0.3:
                    function = int(rng.choice((2, 5, 6, 7)))
                slot = int(rng.choice(held)) if len(held) else 0
                camera = rng.integers(11, 14, 2) if step > 3 else (13, 12)  # first down to the ground
                stance = int(rng.integers(4))
                action = np.array((*rng.integers(3, size=2), stance, *camera, function, rng.integers(244), slot))
                ours, reward, terminated, _, info = twin.step(action)
                theirs, their_reward, done, their_info = env.step(action)
                assert done == terminated
                if done:
                    break
                where = f"episode {episode}, step {step}"
                assert_same({n: ours[n] for n in COMPARED}, {n: theirs[n] for n in COMPARED}, where)
                assert their_reward == reward
                assert their_info["current_item_index"] == twin.state.player[0].slot
                dropped += function in (2, 7) and info["ticks"] == 3
                collected = max(collected, int(ours["inventory"]["quantity"].sum()))
            assert collected > 0
            assert dropped > 0
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert any("cannot make that" in record.getMessage() for record in caplog.records)


def test_everything_that_a_mission_can_ask_for(
    make_stock: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    from minedojo.sim import InventoryItem

    rays = [(p, y, 12.0) for p in (-0.5, 0.0, 0.4) for y in (-2.0, 0.0, 0.3, math.pi)]
    place = {"x": 20.5, "y": 26.0, "z": 30.5, "yaw": 100.0, "pitch": 20.0}
    env = make_stock(
        "open-ended",
        fast_reset=True,
        world_seed="a forest",
        initial_inventory=[InventoryItem(0, "log", 2, 3), InventoryItem(20, "dirt", 0, 64)],
        start_position=place,
        start_health=12.5,
        start_food=7,
        start_time=6000,
        initial_weather="rain",
        use_voxel=True,
        voxel_size={"xmin": -2, "xmax": 1, "ymin": -3, "ymax": 0, "zmin": -1, "zmax": 3},
        use_lidar=True,
        lidar_rays=rays,
    )
    mission = Mission(
        *SIZE,
        seed="a forest",
        rays=tuple(Ray(*ray) for ray in rays),
        inventory=(MissionItem(0, BIRCH_LOG, 3), MissionItem(20, DIRT, 64)),
        placement=Placement(**place),
    )
    twin = Episode(mission, "easy", np.random.default_rng(), False, print)
    with caplog.at_level(logging.WARNING):
        obs = env.reset()
        assert obs["location_stats"]["pos"].tolist() == [20.5, 26.0, 30.5]
        assert [float(obs["location_stats"][name][0]) for name in ("yaw", "pitch")] == [100.0, 20.0]
        assert bool(obs["location_stats"]["is_raining"])
        assert [float(obs["life_stats"][name][0]) for name in ("life", "food")] == [12.5, 7.0]
        no_op = env.action_space.no_op()
        for tick in range(40):
            names = dict(zip(*np.unique(obs["inventory"]["name"], return_counts=True), strict=True))
            assert names == {"air": 34, "log": 1, "dirt": 1}, tick
            assert obs["inventory"]["variant"][0] == 2
            assert obs["equipment"]["quantity"].tolist() == [3, 0, 0, 0, 0, 0]
            told = ray_values(twin.state, mission.rays)
            assert obs["rays"]["block_name"].tolist() == told[0::16]
            np.testing.assert_array_equal(obs["rays"]["block_distance"], np.array(told[1::16], np.float32))
            np.testing.assert_array_equal(obs["rays"]["traced_block_y"], np.array(told[14::16], np.float32))
            assert set(obs["rays"]["entity_name"].tolist()) == {"null"}
            assert obs["voxels"]["block_name"].shape == (4, 4, 5)
            player = twin.state.player[0]
            x, y, z = (math.floor(player[axis]) for axis in "xyz")
            below = [twin.state.blocks[x, z, y + dy] == 0 if y + dy < 48 else True for dy in range(-3, 1)]
            assert (obs["voxels"]["block_name"][2, :, 1] == "air").tolist() == below
            obs, _, done, info = env.step(no_op)
            assert not done
            twin.step("")
        assert info["world_time"] == 6040
        assert obs["location_stats"]["pos"][1] < 25.0  # fell to the ground
        env.teleport_agent(21.5, 40.0, 31.5, 0.0, 0.0)
        env.set_block("log", [1, 0, 0])
        env.clear_inventory()
        env.random_teleport(20)
        obs, _, _, info = env.step(no_op)
        assert obs["inventory"]["quantity"].sum() == 0
        obs = env.reset()  # a fast one: by chat commands
        assert obs["inventory"]["quantity"][[0, 20]].tolist() == [3.0, 64.0]
        # the place of the start, a tick of falling before the last command
        assert obs["location_stats"]["pos"] == pytest.approx((20.5, 26.0, 30.5), abs=0.5)
        assert float(obs["life_stats"]["life"][0]) == 20.0
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
