"""The info reports the state of the world: inventory, cells, rays, statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.support.flat_world import FLOOR
from tests.support.malmo_episode import episode_of, flat_episode, info_of
from vpt_gym.world.catalog.blocks import (
    AIR,
    BIRCH_LOG,
    BLOCKS,
    DIRT,
    HAND,
    HEIGHT,
    LIQUID,
    MASK,
    OAK_LEAVES,
    OAK_LOG,
    PLANT,
    STONE,
)
from vpt_gym.world.catalog.creatures import ZOMBIE
from vpt_gym.world.catalog.items import STONE_PICKAXE
from vpt_gym.world.core.geometry import EYE_HEIGHT, look
from vpt_gym.world.malmo.mission import Grid, Placement, Ray
from vpt_gym.world.malmo.report.lidar import rotated
from vpt_gym.world.malmo.world_edits import summon

RAY_KEYS = """
block_name block_distance block_meta harvest_level is_tool_not_required blocks_movement is_liquid is_solid can_burn
entity_name entity_distance ray_pitch ray_yaw x y z
"""


def rays_of(info: dict[str, Any]) -> list[dict[str, Any]]:
    values, keys = info["rays"], RAY_KEYS.split()
    assert len(values) % len(keys) == 0
    return [dict(zip(keys, values[i : i + 16], strict=True)) for i in range(0, len(values), 16)]


def test_fields() -> None:
    info = info_of(episode_of(health=7.5, food=3, land="forest"))
    assert (info["life"], info["food"], info["armor"], info["air"], info["saturation"]) == (7.5, 3, 0, 300, 5.0)
    assert (info["xp"], info["is_sleeping"], info["is_alive"], info["is_dead"]) == (0, False, True, False)
    assert (info["nearby_crafting_table"], info["nearby_furnace"]) == (False, False)
    assert (info["biome_name"], info["sky_light_level"], info["can_see_sky"]) == ("forest", 1.0, True)
    noon = info_of(episode_of(start_time=6000))
    assert (noon["light_level"], noon["sun_brightness"]) == (15.0, 1.0)
    night = info_of(episode_of(start_time=18000))
    assert (night["light_level"], night["sun_brightness"]) == (4.0, pytest.approx(0.2))
    assert "voxels" not in info
    assert "rays" not in info
    roofed = flat_episode({(64, FLOOR + 3, 64): STONE})
    assert info_of(roofed)["can_see_sky"] is False


def test_inventory_has_41_slots_in_order() -> None:
    episode = flat_episode()
    info_of(episode)  # the cached text of the empty inventory must not be used again
    episode.state.inventory[[0, 8, 35]] = ((BIRCH_LOG, 3, 0), (DIRT, 64, 0), (STONE_PICKAXE, 1, 31))
    slots = info_of(episode)["inventory"]
    assert [slot["index"] for slot in slots] == list(range(41))
    assert {slot["inventory"] for slot in slots} == {"inventory"}
    held = {slot["index"]: (slot["name"], slot["variant"], slot["quantity"]) for slot in slots if slot["quantity"]}
    assert held == {0: ("log", 2, 3), 8: ("dirt", 0, 64), 35: ("stone_pickaxe", 0, 1)}
    assert (slots[35]["max_durability"], slots[35]["cur_durability"]) == (131, 100)
    empty = {"name": "air", "variant": 0, "quantity": 0, "max_durability": -1, "cur_durability": -1}
    assert slots[40] == {**empty, "index": 40, "inventory": "inventory"}


@pytest.mark.parametrize(
    ("low", "high"), [((-1, -1, -1), (1, 1, 1)), ((-2, -40, 0), (3, 40, 1)), ((5, 2, -9), (5, 2, -9))]
)
def test_cells_are_z_outer_y_middle_x_inner(low: tuple[int, int, int], high: tuple[int, int, int]) -> None:
    # near the seam of the torus, above its top and below its bottom
    episode = episode_of(level="default", grid=Grid("voxels", low, high))
    episode.step("chat /spreadplayers 1 127 0 4 false @p")
    player, blocks = episode.state.player[0], episode.state.blocks
    values = info_of(episode)["voxels"]
    view = np.array(look(player.yaw, player.pitch))
    eye = np.array((player.x, player.y + EYE_HEIGHT, player.z))
    cells = iter([values[i : i + 10] for i in range(0, len(values), 10)])
    for z in range(low[2], high[2] + 1):
        for y in range(low[1], high[1] + 1):
            for x in range(low[0], high[0] + 1):
                cell = np.floor((player.x + x, player.y + y, player.z + z)).astype(int)
                block = int(blocks[cell[0] & MASK, cell[2] & MASK, cell[1]]) if 0 <= cell[1] < HEIGHT else AIR
                kind = BLOCKS[block]
                name, meta, collidable, bare_hand, blocking, liquid, is_solid, burns, opaque, cosine = next(cells)
                assert (name, meta, bare_hand, burns) == (kind.name, kind.variant, kind.tier == HAND, kind.burns)
                assert (collidable, blocking, is_solid, liquid) == (kind.solid,) * 3 + (kind.liquid,)
                assert opaque == (block != AIR and not kind.plant)
                way = cell + 0.5 - eye
                assert cosine == pytest.approx(float(way @ view / np.linalg.norm(way)), abs=1e-6)
    assert next(cells, None) is None


def test_rays_hit_what_a_fine_sampling_along_them_hits() -> None:
    angles = [(p, y) for p in (-0.9, -0.3, 0.0, 0.2, 0.6) for y in (-2.5, -0.8, 0.0, 0.7, 3.0)]
    rays = tuple(Ray(pitch, yaw, 20.0) for pitch, yaw in angles)
    episode = episode_of(level="default", rays=rays)
    state, player = episode.state, episode.state.player[0]
    state.blocks[PLANT[state.blocks]] = AIR  # their boxes are smaller than their cells
    player.pitch = 15.0
    eye = np.array((player.x, player.y + EYE_HEIGHT, player.z))
    met = 0
    for ray, reported in zip(rays, rays_of(info_of(episode)), strict=True):
        direction = np.array(rotated(look(player.yaw, player.pitch), ray.pitch, ray.yaw))
        assert np.linalg.norm(direction) == pytest.approx(1.0)
        block, way = AIR, 0.0
        while (block == AIR or LIQUID[block]) and way < ray.distance:
            way += 1e-3
            x, y, z = np.floor(eye + way * direction).astype(int)
            block = int(state.blocks[x & MASK, z & MASK, y]) if 0 <= y < HEIGHT else AIR
        if LIQUID[block]:
            continue  # the end of the ray is in water
        assert reported["block_name"] == BLOCKS[block].name
        assert reported["block_distance"] == pytest.approx(way, abs=2e-3)
        assert (reported["ray_pitch"], reported["ray_yaw"]) == (ray.pitch, ray.yaw)
        if block != AIR:
            met += 1
            assert (reported["x"], reported["y"], reported["z"]) == (x, y, z)
    assert 5 < met < len(rays)


def test_the_values_of_a_block_that_a_ray_hits() -> None:
    blocks = {(64, FLOOR + 1, 67): OAK_LEAVES, (66, FLOOR + 1, 64): STONE}
    down = Ray(-math.pi / 2, 0.0, 5.0)
    episode = flat_episode(blocks, rays=(Ray(0, 0, 9), Ray(0, math.pi / 2, 9), down, Ray(0, math.pi, 9)))
    leaves, stone, ground, nothing = rays_of(info_of(episode))
    assert (leaves["block_name"], leaves["harvest_level"], leaves["can_burn"]) == ("leaves", -1, True)
    assert leaves["block_distance"] == pytest.approx(2.5)
    assert (stone["block_name"], stone["is_tool_not_required"], stone["harvest_level"]) == ("stone", False, 0)
    assert (stone["x"], stone["y"], stone["z"]) == (66, FLOOR + 1, 64)
    assert (ground["block_name"], ground["y"]) == ("dirt", FLOOR - 1)
    assert ground["block_distance"] == pytest.approx(EYE_HEIGHT)
    assert (nothing["block_name"], nothing["block_distance"], nothing["is_solid"]) == ("air", 9.0, False)
    assert {ray["entity_name"] for ray in (leaves, stone, ground, nothing)} == {"null"}
    assert leaves["entity_distance"] == leaves["block_distance"]


def test_rays_continue_across_the_seam_of_the_torus() -> None:
    episode = flat_episode({(1, FLOOR + 1, 64): STONE}, rays=(Ray(0.0, math.pi / 2, 9.0),))
    episode.step(f"chat /tp 126.5 {FLOOR} 64.5 0 0")
    (ray,) = rays_of(info_of(episode))
    assert (ray["block_name"], ray["block_distance"], ray["x"]) == ("stone", pytest.approx(2.5), 129)


def test_rays_see_items_only_in_front_of_blocks() -> None:
    episode = flat_episode({(64, FLOOR + 1, 68): STONE}, rays=(Ray(0.0, 0.0, 9.0), Ray(0.0, 0.5, 9.0)))
    item = episode.state.items[0]
    item.item, item.x, item.y, item.z = OAK_LOG, 64.5, FLOOR + EYE_HEIGHT - 0.1, 66.5
    seen, missed = rays_of(info_of(episode))
    assert (seen["entity_name"], seen["entity_distance"]) == ("EntityItem", pytest.approx(1.875))
    assert (seen["block_name"], seen["block_distance"]) == ("stone", pytest.approx(3.5))
    assert missed["entity_name"] == "null"
    item.z = 70.0
    assert rays_of(info_of(episode))[0]["entity_name"] == "null"


def test_rays_see_creatures() -> None:
    episode = flat_episode(rays=(Ray(0.0, 0.0, 9.0),))
    summon(episode.state, ZOMBIE, 64.5, float(FLOOR), 67.5)
    (ray,) = rays_of(info_of(episode))
    assert (ray["entity_name"], ray["entity_distance"]) == ("EntityZombie", pytest.approx(2.7))


# -- statistics


def test_steps_jumps_and_time_are_counted() -> None:
    episode = flat_episode()
    zero = info_of(episode)["stat"]
    for _ in range(20):
        episode.step("forward 1")
    walked = info_of(episode)
    way = 100 * (episode.state.player[0].z - 64.5)
    assert walked["stat"]["walk_one_cm"] == pytest.approx(way, abs=10)
    assert walked["distance_travelled_cm"] == walked["stat"]["walk_one_cm"]
    assert walked["stat"]["play_one_minute"] - zero["play_one_minute"] == 20
    for _ in range(20):
        episode.step("sprint 1")
    for _ in range(20):
        episode.step("sneak 1")
    stat = info_of(episode)["stat"]
    assert stat["sprint_one_cm"] > stat["walk_one_cm"] > 0
    assert stat["crouch_one_cm"] > 0
    assert stat["sneak_time"] == 20
    assert stat["jump"] == 0
    for _ in range(30):
        episode.step("forward 0\nsneak 0\njump 1")
    assert info_of(episode)["stat"]["jump"] == 3


def test_blocks_and_items_are_counted() -> None:
    log = (64, FLOOR + 1, 66)
    episode = flat_episode({log: OAK_LOG}, break_speed=60.0)
    episode.step("attack 1")
    for _ in range(30):
        episode.step("attack 0\nsneak 1\nforward 1")
    info = info_of(episode)
    stat = info["stat"]
    assert (stat["mine_block"]["minecraft"]["log"], stat["pickup"]["minecraft"]["log"]) == (1, 1)
    assert (stat["use_item"]["minecraft"]["log"], stat["drop"]["minecraft"]["log"]) == (0, 0)
    assert (info["achievement"]["mine_wood"], info["achievement"]["build_work_bench"]) == (1, 0)
    episode.step("chat /replaceitem entity @p slot.hotbar.0 minecraft:dirt 9 0")  # this is not counted
    episode.step("forward 0\nsneak 0\ncamera 60 0\nuse 1")
    episode.step("use 0\ndrop 1")
    episode.step("drop 0")
    stat = info_of(episode)["stat"]
    assert (stat["use_item"]["minecraft"]["dirt"], stat["drop"]["minecraft"]["dirt"]) == (1, 1)
    assert (stat["items_dropped"], stat["pickup"]["minecraft"]["dirt"]) == (1, 0)
    assert sum(stat["mine_block"]["minecraft"].values()) == 1


def test_minimal_statistics_have_no_items() -> None:
    episode = flat_episode({(64, FLOOR + 1, 66): OAK_LOG}, break_speed=30.0, full=False)
    for _ in range(3):
        episode.step("attack 1")
    info = info_of(episode)
    assert (len(info["stat"]), len(info["achievement"])) == (50, 34)
    assert all(isinstance(count, int) for count in info["stat"].values())


def test_the_info_reports_the_placement_of_the_player() -> None:
    x, y, z = 3.25, 40.0, 125.5
    info = info_of(episode_of(placement=Placement(x, y, z, -200.0, 12.5)))
    assert [info[name] for name in ("xpos", "ypos", "zpos", "yaw", "pitch")] == [x, y, z, 160.0, 12.5]
