"""The player's attacks, and tools on animals; expected numbers are those published for Minecraft 1.11."""

from __future__ import annotations

import pytest

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog.blocks import OAK_LOG, STONE
from vpt_gym.world.catalog.creatures import COW, CREATURE_HEALTH, PIG, SHEEP
from vpt_gym.world.catalog.items import (
    BUCKET,
    IRON_AXE,
    MILK_BUCKET,
    NO_ITEM,
    SHEARS_ITEM,
    STONE_AXE,
    STONE_PICKAXE,
    WOODEN_SHOVEL,
    WOODEN_SWORD,
)
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures.spawning import spawn


def facing(kind: int, item: int = NO_ITEM, distance: float = 2.0) -> WorldState:
    """A player who looks at an animal, with a tool in the hand and a charged attack."""
    state = flat_state()
    index = spawn(state.world, kind, 64.5, float(FLOOR), 64.5 + distance)
    assert index == 0
    state.creatures[0].coat = 1
    if item != NO_ITEM:
        state.inventory[0] = (item, 1, 0)
    state.player[0].pitch = 30.0
    state.player[0].since_attack = 100
    return state


def wound(state: WorldState, **controls: int) -> float:
    before = float(state.creatures[0].health)
    run(state, 1, attack=1, **controls)
    return before - float(state.creatures[0].health)


@pytest.mark.parametrize(
    ("item", "damage"),
    [(NO_ITEM, 1.0), (WOODEN_SWORD, 4.0), (WOODEN_SHOVEL, 2.5), (STONE_PICKAXE, 3.0), (IRON_AXE, 9.0)],
)
def test_a_charged_blow_does_the_damage_of_the_tool(item: int, damage: float) -> None:
    assert wound(facing(PIG, item)) == pytest.approx(damage)


@pytest.mark.parametrize(("item", "ticks"), [(WOODEN_SWORD, 12.5), (STONE_AXE, 25.0), (IRON_AXE, 200 / 9)])
def test_an_uncharged_blow_is_weaker(item: int, ticks: float) -> None:
    full = wound(facing(PIG, item))
    for since in (0, 3, 6):
        state = facing(PIG, item)
        state.player[0].since_attack = since - 1
        charge = min(1.0, (since + 0.5) / ticks)
        assert wound(state) == pytest.approx(full * (0.2 + 0.8 * charge**2))


def test_another_tool_in_the_hand_starts_the_charge_again() -> None:
    state = facing(PIG, WOODEN_SWORD)
    state.inventory[1] = (IRON_AXE, 1, 0)
    assert wound(state, slot=1) < 3.0


def test_a_held_button_is_one_blow() -> None:
    state = facing(COW)
    assert wound(state) == pytest.approx(1.0)
    run(state, 30, attack=1)
    assert state.creatures[0].health == CREATURE_HEALTH[COW] - 1.0


def test_a_falling_blow_is_critical() -> None:
    state = facing(PIG, WOODEN_SWORD)
    player = state.player[0]
    player.y, player.on_ground, player.fallen, player.vy = FLOOR + 0.8, 0, 0.2, -0.2
    player.pitch = 40.0
    assert wound(state) == pytest.approx(6.0)


def test_a_blow_throws_back_and_a_sprinters_further() -> None:
    speeds = {}
    for sprint in (0, 1):
        state = facing(PIG)
        run(state, 2, forward=sprint, sprint=sprint)
        assert state.player[0].sprinting == sprint
        state.player[0].since_attack = 100
        run(state, 1, attack=1, forward=sprint, sprint=sprint)
        speeds[sprint] = float(state.creatures[0].vz)
        assert not state.player[0].sprinting
    assert speeds[0] > 0.1
    assert speeds[1] > 1.5 * speeds[0]


def test_a_blow_reaches_three_blocks_and_what_stands_in_between_hides_the_block() -> None:
    assert wound(facing(COW, distance=3.0)) > 0.0
    far = facing(COW, distance=4.2)
    far.player[0].pitch = 8.0
    assert wound(far) == 0.0
    assert far.player[0].aim_creature == -1
    state = flat_state({(64, FLOOR + 1, 68): OAK_LOG})
    assert state.player[0].aims
    spawn(state.world, COW, 64.5, float(FLOOR), 66.0)
    state.player[0].pitch = 10.0
    run(state, 1)
    assert state.player[0].aim_creature == 0
    assert not state.player[0].aims


def test_a_wall_protects() -> None:
    state = facing(PIG, distance=2.5)
    state.blocks[64, 65, FLOOR : FLOOR + 2] = STONE
    assert wound(state) == 0.0


@pytest.mark.parametrize(("item", "wear"), [(WOODEN_SWORD, 1), (STONE_PICKAXE, 2), (SHEARS_ITEM, 0)])
def test_attacks_wear_tools_and_cause_exhaustion(item: int, wear: int) -> None:
    state = facing(PIG, item)
    wound(state)
    assert state.inventory[0].tolist() == [item, 1, wear]
    assert state.player[0].exhaustion == pytest.approx(0.1)


def test_shears_take_the_wool_off_a_sheep_once() -> None:
    state = run(facing(SHEEP, SHEARS_ITEM), 1, use=1)
    wool = int(state.items["count"][state.items["item"] != 0].sum())
    assert 1 <= wool <= 3
    assert state.creatures[0].coat == 0
    assert state.inventory[0].tolist() == [SHEARS_ITEM, 1, 1]
    run(state, 1)
    run(state, 1, use=1)
    assert state.inventory[0].tolist() == [SHEARS_ITEM, 1, 1]


def test_a_cow_fills_one_bucket_at_a_time() -> None:
    state = facing(COW, BUCKET)
    state.inventory[0, 1] = 2
    run(state, 1, use=1)
    assert {(int(item), int(n)) for item, n, _ in state.inventory if n > 0} == {(BUCKET, 1), (MILK_BUCKET, 1)}
