"""Commands, keys and chat have the same effect as in Minecraft, or raise an error."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from tests.support.flat_world import FLOOR
from tests.support.malmo_episode import START, episode_of, flat_episode, info_of, position
from vpt_gym.world.catalog.blocks import (
    AIR,
    BIRCH_LOG,
    CRAFTING_TABLE,
    DIRT,
    HEIGHT,
    IS_LEAVES,
    IS_LOG,
    MASK,
    OAK_LOG,
    SAND,
    SIDE,
    SOLID,
    STONE,
)
from vpt_gym.world.catalog.creatures import COW, ZOMBIE
from vpt_gym.world.catalog.items import ITEMS
from vpt_gym.world.core import fields
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.malmo.commands import CommandError
from vpt_gym.world.malmo.episode import Episode, seed_of
from vpt_gym.world.malmo.mission import MissionError, MissionItem, Placement

# -- episodes


@pytest.mark.parametrize(("seed", "level"), [(5, "easy"), (6, "default")])
def test_states_are_those_of_the_environment(seed: int, level: str) -> None:
    carried = [(0, OAK_LOG, 3), (4, DIRT, 64), (20, BIRCH_LOG, 9), (35, SAND, 1)]
    env = VoxelEnv(level=level, actions="native", image_size=(32, 32), break_speed=20.0)
    env.reset(seed=seed)
    for slot, block, quantity in carried:
        env.state.inventory[slot] = (block, quantity, 0)
    stacks = tuple(MissionItem(*stack) for stack in carried)
    episode = episode_of(seed=str(seed), level=level, inventory=stacks, break_speed=20.0)
    assert episode.state.digest() == env.state.digest()
    rng = np.random.default_rng(seed)
    keys = ("forward", "back", "left", "right", "jump", "sneak", "sprint", "use", "attack", "drop")
    digests = set()
    for tick in range(300):
        pressed = {key: int(rng.random() < (0.6 if key in ("forward", "attack") else 0.1)) for key in keys}
        pitch, yaw = rng.normal(0.0, 10.0, 2)
        equip, place = (str(rng.choice(["none"] * 6 + ["log", "dirt", "sand"])) for _ in range(2))
        crafts = {"craft": "none", "craft_with_table": "none", "smelt": "none"}
        env.step({**pressed, "camera": np.array((pitch, yaw)), "equip": equip, "place": place, **crafts})
        body = [f"camera {pitch} {yaw}", "smeltNearby none", "craft none", "craftNearby none"]
        episode.step("\n".join([*body, *(f"{k} {v}" for k, v in pressed.items()), f"equip {equip}", f"place {place}"]))
        assert episode.state.digest() == env.state.digest(), tick
        digests.add(episode.state.digest())
    assert len(digests) == 300
    for name in ("tops", "leaps"):
        np.testing.assert_array_equal(getattr(episode.state, name), getattr(env.state, name))


def test_texts_of_seeds() -> None:
    assert [seed_of(text) for text in ("0", "0.0", "7", "7.", "+7", "2147483647")] == [0, 0, 7, 7, 7, 2**31 - 1]
    hashed = int.from_bytes(hashlib.sha256(b"forest").digest()[:8], "big")
    assert seed_of("forest") == hashed
    assert len({seed_of(text) for text in ("forest", "Forest", "-7", "7.5", "1e3", "9" * 200)}) == 6
    assert episode_of(seed="forest").world_seed == episode_of(seed="forest").world_seed


def test_a_placement_puts_the_player_there_at_rest() -> None:
    there = episode_of()
    x, y, z = position(there)
    again = episode_of(placement=Placement(x + SIDE, y, z - SIDE, 30.0 + 360.0, 10.0))
    assert position(again) == (x, y, z)
    assert (again.state.player[0].yaw, again.state.player[0].pitch) == (30.0, 10.0)
    again.step("jump 1")
    assert position(again)[1] > y  # the player was on the ground, so it can jump at once
    falls = episode_of(placement=Placement(x, 40.0, z, 0.0, 0.0))
    falls.step("")
    assert 39.0 < position(falls)[1] < 40.0
    for _ in range(60):
        falls.step("")
    assert position(falls) == (x, y, z)


@pytest.mark.parametrize(
    ("y", "error"),
    [
        (64.0, r"<Placement>: y is 64; the embedded world is 48 blocks high, so it must be in \(0, 44\]"),
        (0.0, "<Placement>: y is 0"),
        (3.0, "is inside a block; the highest block of that column ends at y = "),
    ],
)
def test_a_placement_must_be_a_free_place_in_the_world(y: float, error: str) -> None:
    with pytest.raises(MissionError, match=error):
        episode_of(placement=Placement(1.0, y, 1.0, 0.0, 0.0))


def test_break_speed_is_honoured() -> None:
    log = (64, FLOOR + 1, 66)
    ticks = {}
    for speed in (1.0, 10.0):
        episode = flat_episode({log: OAK_LOG}, break_speed=speed)
        ticks[speed] = 0
        while episode.state.blocks[64, 66, FLOOR + 1] != AIR:
            episode.step("attack 1")
            ticks[speed] += 1
    assert (ticks[1.0], ticks[10.0]) == (60, 6)


# -- keys and commands


def test_a_key_stays_down_until_it_is_released() -> None:
    episode = flat_episode()
    episode.step("forward 1")
    ways = []
    for body in ("", "camera 0 0", "forward 0", "", "", ""):
        before = position(episode)[2]
        episode.step(body)
        ways.append(position(episode)[2] - before)
    assert ways[1] > ways[0] > 0.05
    assert ways[2] < ways[1]
    assert ways[5] < 0.03


def test_opposite_keys_cancel() -> None:
    episode = flat_episode()
    episode.step("forward 1\nback 1\nleft 1\nright 1")
    assert position(episode) == START


def test_of_several_hotbar_keys_the_highest_counts() -> None:
    episode = flat_episode()
    episode.step("hotbar.2 1\nhotbar.7 1")
    assert info_of(episode)["current_item_index"] == 6
    episode.step("hotbar.2 0\nhotbar.7 0")
    assert info_of(episode)["current_item_index"] == 6


def test_equip_takes_one_kind_of_an_item_into_the_hand() -> None:
    episode = flat_episode()
    episode.state.inventory[[3, 12, 20]] = ((OAK_LOG, 1, 0), (BIRCH_LOG, 2, 0), (DIRT, 5, 0))
    episode.step("equip log#2")
    assert episode.state.inventory[[0, 12], :2].tolist() == [[BIRCH_LOG, 2], [AIR, 0]]
    episode.step("equip dirt")
    assert episode.state.inventory[[0, 20], :2].tolist() == [[DIRT, 5], [BIRCH_LOG, 2]]
    before = episode.state.inventory.copy()
    for nothing in ("equip diamond_sword", "equip log#1", "equip air", "equip none", "place stone"):
        episode.step(nothing)
    np.testing.assert_array_equal(episode.state.inventory, before)


def test_place_needs_the_item_and_a_block_to_place_it_against() -> None:
    episode = flat_episode()
    episode.state.inventory[30] = (SAND, 2, 0)
    episode.step("camera 60 0\nplace sand")
    assert episode.state.inventory[30, 1] == 1
    assert np.count_nonzero(episode.state.blocks == SAND) == 1


def test_swapping_slots() -> None:
    warnings: list[str] = []
    episode = flat_episode(warnings=warnings)
    episode.state.inventory[[0, 35]] = ((OAK_LOG, 1, 0), (DIRT, 5, 0))
    episode.step("swapInventoryItems 0 35")
    assert episode.state.inventory[[0, 35], :2].tolist() == [[DIRT, 5], [OAK_LOG, 1]]
    episode.step("swapInventoryItems 7 7\nswapInventoryItems 36 40")
    episode.step("swapInventoryItems 1 39")  # nothing to put on
    assert warnings == []
    episode.step("swapInventoryItems 39 0")
    assert warnings == ["swapping slot 0 with slot 39 does nothing: this world has no armour and no off hand"]
    assert episode.state.inventory[[0, 35], :2].tolist() == [[DIRT, 5], [OAK_LOG, 1]]


def test_crafting() -> None:
    warnings: list[str] = []
    episode = flat_episode({(64, FLOOR + 1, 67): CRAFTING_TABLE}, warnings=warnings)
    episode.state.inventory[0] = (OAK_LOG, 3, 0)
    for made in ("craft planks", "craft planks", "craft stick", "craftNearby wooden_pickaxe"):
        episode.step(f"camera 0 0\n{made}\nsmeltNearby none")
    held = {ITEMS[item].name: n for item, n, _ in episode.state.inventory.tolist() if n}
    assert held == {"log": 1, "planks": 3, "stick": 2, "wooden_pickaxe": 1}
    assert warnings == []
    assert info_of(episode)["nearby_crafting_table"]


def test_an_unknown_craft_is_reported_and_an_impossible_one_does_nothing() -> None:
    warnings: list[str] = []
    episode = flat_episode(warnings=warnings)
    episode.state.inventory[0] = (OAK_LOG, 1, 0)
    episode.step("craft boat\ncraftNearby diamond_pickaxe\nsmeltNearby none")
    episode.step("craftNearby wooden_pickaxe")
    assert [text.split(" does")[0] for text in warnings] == ["'craft boat'", "'craftNearby diamond_pickaxe'"]
    assert episode.state.inventory[0, :2].tolist() == [OAK_LOG, 1]


# -- chat


def chat(episode: Episode, command: str) -> None:
    episode.step(f"chat {command}")


@pytest.mark.parametrize(
    ("where", "slot"),
    [
        ("slot.hotbar.0", 0),
        ("slot.hotbar.8", 8),
        ("slot.inventory.0", 9),
        ("slot.inventory.26", 35),
        ("slot.weapon.mainhand", 3),
    ],
)
def test_replaceitem(where: str, slot: int) -> None:
    episode = flat_episode()
    episode.step("hotbar.4 1")
    chat(episode, f"/replaceitem entity @p {where} minecraft:log 3 2")
    expected = np.zeros((36, 3), np.int64)
    expected[slot] = (BIRCH_LOG, 3, 0)
    np.testing.assert_array_equal(episode.state.inventory, expected)
    chat(episode, f"/replaceitem entity @p {where} minecraft:air 1 0")
    assert episode.state.inventory[:, 1].sum() == 0


@pytest.mark.parametrize("where", ["slot.weapon.offhand", "slot.armor.feet", "slot.armor.head"])
def test_slots_that_this_world_lacks_can_only_be_emptied(where: str) -> None:
    episode = flat_episode()
    chat(episode, f"/replaceitem entity @p {where} minecraft:air 1 0")
    with pytest.raises(CommandError, match="no armour and no off hand"):
        chat(episode, f"/replaceitem entity @p {where} minecraft:dirt 1 0")


def test_clear_empties_the_inventory() -> None:
    episode = flat_episode()
    episode.state.inventory[[2, 30]] = (DIRT, 7, 0)
    chat(episode, "/clear")
    assert episode.state.inventory[:, 1].sum() == 0


def test_tp() -> None:
    episode = flat_episode()
    chat(episode, "/tp 3.5 5 -2.5 90 45")
    assert position(episode) == (3.5, 5.0, SIDE - 2.5)
    assert (episode.state.player[0].yaw, episode.state.player[0].pitch) == (90.0, 45.0)
    chat(episode, "/tp @p ~1 ~ ~-1")
    assert position(episode) == (4.5, 5.0, SIDE - 3.5)
    assert (episode.state.player[0].yaw, episode.state.player[0].pitch) == (90.0, 45.0)


def test_kill_respawns_the_player() -> None:
    episode = flat_episode(health=3.0, food=2)
    x, y, z = episode._chat.start.x, episode._chat.start.y, episode._chat.start.z
    episode.state.inventory[0] = (DIRT, 7, 0)
    column = (int(x), int(z))
    episode.state.blocks[column][FLOOR : FLOOR + 9] = STONE  # the start is built over
    fields.fill_all(episode.state.world)
    episode.step("chat /kill")
    top = max(FLOOR + 9, int(y))
    assert position(episode) == pytest.approx((x, top, z), abs=1.0)
    assert episode.state.inventory[:, 1].sum() == 0
    info = info_of(episode)
    assert (info["life"], info["food"]) == (20.0, 20)
    assert (info["stat"]["deaths"], info["stat"]["time_since_death"]) == (1, 1)


def test_kill_items_removes_dropped_items() -> None:
    episode = flat_episode()
    episode.state.inventory[0] = (DIRT, 2, 0)
    episode.step("drop 1")
    episode.step("drop 0")
    assert np.count_nonzero(episode.state.items["item"]) == 1
    chat(episode, "/kill @e[type=item]")
    assert np.count_nonzero(episode.state.items["item"]) == 0
    assert episode.state.inventory[0, :2].tolist() == [DIRT, 1]


def test_summon_and_the_statistics_of_a_kill() -> None:
    episode = flat_episode()
    chat(episode, "/summon minecraft:cow ~ ~ ~2")
    creatures = episode.state.creatures
    cow = int(np.nonzero(creatures["kind"] == COW)[0][0])
    assert (creatures["x"][cow], creatures["z"][cow]) == pytest.approx((64.5, 66.5), abs=0.2)
    creatures["health"][cow] = 1.0
    episode.step("camera 25 0")
    for _ in range(20):
        creatures["x"][cow], creatures["z"][cow] = 64.5, 66.5
        episode.step("attack 1")
        episode.step("attack 0")
        if episode.state.kills[COW]:
            break
    info = info_of(episode)
    assert info["stat"]["kill_entity"]["cow"] == info["stat"]["mob_kills"] == 1
    assert info["achievement"]["kill_cow"] == 1


def test_a_player_who_dies_respawns_at_the_start() -> None:
    episode = flat_episode(health=1.0)
    start = episode._chat.start
    episode.state.inventory[0] = (DIRT, 7, 0)
    chat(episode, "/summon zombie ~ ~ ~1")
    episode.state.creatures["attack_delay"] = 0
    for _ in range(400):
        episode.step("")
        if info_of(episode)["stat"]["deaths"]:
            break
    info = info_of(episode)
    assert (info["life"], info["stat"]["deaths"]) == (20.0, 1)
    assert (info["xpos"], info["zpos"]) == pytest.approx((start.x, start.z))
    assert episode.state.inventory[:, 1].sum() == 0
    assert np.count_nonzero(episode.state.creatures["kind"] == ZOMBIE) >= 1


def test_setblock() -> None:
    episode = flat_episode()
    chat(episode, "/setblock ~2 ~ ~-1 minecraft:log 2")
    chat(episode, "/setblock 0 7 -1 stone")
    assert episode.state.blocks[66, 63, FLOOR] == BIRCH_LOG
    assert episode.state.blocks[0, SIDE - 1, 7] == STONE
    chat(episode, "/setblock 66 5 63 air")
    assert episode.state.blocks[66, 63, FLOOR] == AIR
    fresh = flat_episode({(0, 7, SIDE - 1): STONE})
    for name in ("blocks", "tops", "leaps"):
        np.testing.assert_array_equal(getattr(episode.state, name), getattr(fresh.state, name))


def test_spreadplayers_finds_open_ground_and_is_reproducible() -> None:
    places = []
    for _ in range(2):
        episode = episode_of(seed="9", level="default")
        x0, _, z0 = position(episode)
        places.append([])
        for _ in range(8):
            chat(episode, f"/spreadplayers {x0} {z0} 0 5 false @p")
            x, y, z = position(episode)
            places[-1].append((x, y, z))
            aside = [abs((a - b + SIDE / 2) % SIDE - SIDE / 2) for a, b in ((x, x0), (z, z0))]
            assert max(aside) <= 6.0
            column = episode.state.blocks[int(x), int(z)]
            top = int(np.nonzero(SOLID[column])[0][-1]) + 1
            ground = int(episode.state.blocks[int(x) & MASK, int(z) & MASK, top - 1])
            assert y == top
            assert not IS_LEAVES[ground]
            assert not IS_LOG[ground]
    assert places[0] == places[1]
    assert len(set(places[0])) > 4


def test_spreadplayers_over_the_complete_world() -> None:
    episode = flat_episode()
    seen = set()
    for _ in range(30):
        chat(episode, "/spreadplayers ~ ~ 0 200 false @p")
        seen.add(position(episode)[0] // 32)
    assert seen == {0, 1, 2, 3}


def test_time_and_weather_are_reported() -> None:
    episode = flat_episode(start_time=100, weather="rain")
    assert info_of(episode)["is_raining"]
    chat(episode, "/weather normal")
    assert not info_of(episode)["is_raining"]
    chat(episode, "/time set 500")
    assert (info_of(episode)["world_time"], info_of(episode)["total_time"]) == (501, 3)
    chat(episode, "/time add 10")
    assert info_of(episode)["world_time"] == 512
    chat(episode, "/time set day")
    chat(episode, "/weather thunder")
    assert (info_of(episode)["world_time"], info_of(episode)["is_raining"]) == (1002, True)
    frozen = flat_episode(start_time=700, time_passes=False)
    frozen.step("chat /time set 700")
    frozen.step("")
    assert info_of(frozen)["world_time"] == 700


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("/summon ghast ~1 ~0 ~1", "no 'ghast'; its creatures are pig, cow"),
        ("/summon cow ~1 ~0", "use /summon CREATURE"),
        ("/summon cow ~1 ~100 ~1", "y must be in"),
        ("/gamemode 1", "its commands are /clear, /kill"),
        ("/clear @p dirt", "it empties the inventory"),
        ("/kill @e[type=zombie]", "use '/kill' or"),
        ("/replaceitem entity @p slot.hotbar.0 minecraft:boat 1 0", "no item 'boat'; its items are apple, bedrock"),
        ("/replaceitem entity @p slot.hotbar.9 minecraft:dirt 1 0", "there is no slot 'slot.hotbar.9'"),
        ("/replaceitem entity @p slot.hotbar.1 minecraft:dirt 65 0", "the quantity of dirt is 65"),
        ("/replaceitem entity @p slot.hotbar.1 minecraft:dirt 0 0", "the quantity is 0"),
        ("/replaceitem block 1 2 3 slot.container.0 dirt", "use /replaceitem entity"),
        ("/setblock ~ ~3 ~ diamond_ore", "no block 'diamond_ore'; its blocks are air, bedrock"),
        ("/setblock ~ ~1 ~ stone", "the player is in"),
        ("/setblock 0 0 0 air", "blocks can be set from y = 1 to 43"),
        ("/setblock 0 x 0 air", "could not convert"),
        ("/spreadplayers ~ ~ 0 0 false @p", "the range must be greater than 0"),
        ("/spreadplayers ~ ~ 0 5 false Steve", "use /spreadplayers"),
        ("/time set -5", "the time is -5"),
        ("/time query", "use /time set"),
        ("/tp 1 2", "use /tp X Y Z"),
        ("/tp 1 3 1 0 0", "is inside a block; the highest block of that column ends at y = 5"),
        ("/tp 1 100 1 0 0", "y is 100"),
        ("/tp 1 nan 1 0 0", "'nan' is not a coordinate"),
        ("/tp 1 10 1 0 100", "pitch is 100"),
        ("/weather snow", "use /weather normal|clear|rain|thunder"),
    ],
)
def test_an_impossible_chat_command_is_named_and_changes_nothing(command: str, error: str) -> None:
    episode = flat_episode()
    before = episode.state.digest()
    with pytest.raises(CommandError) as raised:
        chat(episode, command)
    assert f"the embedded world cannot do {command!r}" in str(raised.value)
    assert error in str(raised.value)
    assert episode.state.digest() == before


def test_spreadplayers_accepts_any_coordinate_on_the_torus() -> None:
    episode = flat_episode()
    chat(episode, "/spreadplayers 1e308 -1e308 0 5 false @p")
    assert position(episode)[1] == FLOOR


def test_spreadplayers_needs_open_ground() -> None:
    episode = flat_episode({(x, FLOOR + 3, z): OAK_LOG for x in range(60, 70) for z in range(60, 70)})
    with pytest.raises(CommandError, match="there is no open ground within 2 blocks"):
        chat(episode, "/spreadplayers ~ ~ 0 2 false @p")
    assert HEIGHT > FLOOR + 3
