"""Longer play is the same on every machine, compiled or not; episodes start as requested."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, run
from tests.support.other_mode import in_other_mode
from vpt_gym.world.catalog.blocks import (
    CACTUS,
    COBBLESTONE,
    CRAFTING_TABLE,
    DANDELION,
    FURNACE,
    GRASS,
    GRAVEL,
    IRON_ORE,
    OAK_LEAVES,
    OAK_LOG,
    SAND,
    STONE,
    TORCH,
    WATER,
)
from vpt_gym.world.catalog.creatures import COW, PIG, SHEEP
from vpt_gym.world.catalog.items import (
    APPLE,
    BUCKET,
    COAL,
    ITEMS,
    SHEARS_ITEM,
    STONE_PICKAXE,
    WOODEN_SWORD,
)
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.creatures.spawning import spawn
from vpt_gym.world.game import Game, ItemStack, Spawn, Start
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.player.tick import tick
from vpt_gym.world.rules.crafting import CRAFT_INDEX
from vpt_gym.world.terrain.generate import TERRAINS


def story() -> list[str]:
    """Plays a little of everything, and returns a digest of the state after each chapter."""
    wall = {
        (x, FLOOR + 1, 66): block
        for x, block in zip(range(62, 67), (OAK_LEAVES, STONE, GRAVEL, FURNACE, CACTUS), strict=False)
    }
    ground = {(64, FLOOR - 1, 65): GRASS, (64, FLOOR, 65): DANDELION, (62, FLOOR - 1, 64): WATER}
    state = flat_state({**wall, **ground, (66, FLOOR, 66): SAND})
    for slot, (item, count) in enumerate(
        [(STONE_PICKAXE, 1), (WOODEN_SWORD, 1), (BUCKET, 2), (APPLE, 3), (TORCH, 4), (SHEARS_ITEM, 1), (OAK_LOG, 9)]
    ):
        state.inventory[slot] = (item, count, 0)
    state.inventory[10], state.inventory[11] = (IRON_ORE, 3, 0), (COAL, 2, 0)
    for number, kind in enumerate((COW, SHEEP, PIG)):
        spawn(state.world, kind, 60.5 + number, float(FLOOR), 61.5)
    digests = []

    def chapter(ticks: int, **controls: float) -> None:
        for _ in range(ticks):
            tick(state.world, 4.0, Controls(**controls))
        digests.append(state.digest())

    chapter(8, attack=1, yaw=3.0)
    chapter(8, attack=1, yaw=-6.0, slot=5)
    chapter(3, forward=1, jump=1, sprint=1)
    chapter(1, craft=CRAFT_INDEX["craft", "planks"])
    state.player[0].food = 12
    chapter(33, use=1, slot=3)
    chapter(6, use=1, pitch=10.0, slot=4)
    chapter(6, use=1, yaw=20.0, slot=2)
    chapter(2, yaw=80.0)
    chapter(5, attack=1, slot=1, forward=1)
    chapter(2, drop=1)
    chapter(1, inventory=1)
    for yaw in (-20.0, 0.0, 7.0):
        chapter(1, pitch=15.0, yaw=yaw, attack=1)
        chapter(1)
    chapter(1, escape=1)
    state.player[0].y += 6.0
    chapter(20, sneak=1, strafe=1)
    return digests


def test_compiled_and_interpreted_play_is_the_same() -> None:
    here = story()
    assert len(set(here)) == len(here)
    assert here == in_other_mode("tests.world.player.test_play", "story()")


def test_the_same_seed_and_controls_give_the_same_episode() -> None:
    rng = np.random.default_rng(5)
    keys = rng.integers(0, 2, (60, 7)).tolist()
    turns = rng.normal(0.0, 8.0, (60, 2)).tolist()
    digests = []
    for _ in range(2):
        game = Game(
            "default", 32, 32, 5.0, Start(inventory=(ItemStack(0, STONE_PICKAXE), ItemStack(1, COBBLESTONE, 20)))
        )
        game.begin(np.random.default_rng(9))
        for n, (held, (pitch, yaw)) in enumerate(zip(keys, turns, strict=True)):
            game.tick(Controls(1, *held, slot=n % 3, pitch=pitch, yaw=yaw))
        digests.append(game.state.digest())
    assert digests[0] == digests[1]


def test_an_episode_starts_as_requested() -> None:
    start = Start(
        inventory=(ItemStack(0, WOODEN_SWORD), ItemStack(20, OAK_LOG, 64)),
        spawns=(Spawn(SHEEP, 2, 3.0, 8.0),),
        time=13000,
        frozen=True,
    )
    game = Game("default", 32, 32, start=start)
    game.begin(np.random.default_rng(3))
    state = game.state
    assert state.inventory[0].tolist() == [WOODEN_SWORD, 1, 0]
    assert state.inventory[20].tolist() == [OAK_LOG, 64, 0]
    assert (state.inventory[:, 1] > 0).sum() == 2
    assert (state.creatures["kind"] == SHEEP).sum() == 2
    clock = state.clock[0]
    assert (clock.time, clock.seed) == (13000, game.world_seed)
    for _ in range(5):
        game.tick(Controls())
    assert state.clock[0].time == 13000
    assert game.ticks == 5
    game.begin(np.random.default_rng(4))
    assert game.ticks == 0
    assert game.state is state


def test_time_passes_unless_it_is_frozen() -> None:
    state = flat_state()
    state.clock[0].time = NOON
    assert run(state, 5).clock[0].time == NOON + 5


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (Start(inventory=(ItemStack(36, OAK_LOG),)), "slot is 36"),
        (Start(inventory=(ItemStack(0, 63),)), "item is 63"),
        (Start(inventory=(ItemStack(0, WOODEN_SWORD, 2),)), "wooden_sword is 2"),
        (Start(inventory=(ItemStack(0, OAK_LOG, 0),)), "log is 0"),
        (Start(spawns=(Spawn(99),)), "creature is 99"),
        (Start(spawns=(Spawn(PIG, 0),)), "pig: number 0"),
        (Start(spawns=(Spawn(PIG, 1, 9.0, 3.0),)), "nearest 9.0"),
        (Start(time=-1), "time is -1"),
    ],
)
def test_impossible_starts_are_refused(start: Start, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Game("default", 32, 32, start=start)


def test_unknown_terrains_and_speeds_are_refused() -> None:
    with pytest.raises(ValueError, match=f"level is 'moon'; the levels are {', '.join(TERRAINS)}"):
        Game("moon", 32, 32)
    with pytest.raises(ValueError, match="break_speed is 0"):
        Game("default", 32, 32, 0.0)


def test_at_most_eight_furnaces_are_in_use() -> None:
    places = [(64, FLOOR + 1, 66), *((50, FLOOR, 50 + k) for k in range(8))]
    state = flat_state(dict.fromkeys(places, FURNACE))
    for k, (x, y, z) in enumerate(places[1:]):
        furnace = state.furnaces[k]
        furnace.used, furnace.x, furnace.y, furnace.z = 1, x, y, z
        furnace.input, furnace.input_count = IRON_ORE, 1
    tick(state.world, 1.0, Controls(use=1))
    assert state.screen[0].open == 3
    tick(state.world, 1.0, Controls())
    assert state.screen[0].open == 0
    assert state.furnaces["used"].all()


def test_every_item_has_a_name_and_a_stack() -> None:
    assert CRAFTING_TABLE in ITEMS
    assert len({(kind.name, kind.variant) for kind in ITEMS.values()}) == len(ITEMS)
